"""``jasco-generate --stream``: files, the standard output, recipes, and refusals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from jasco.audio import load_audio, read_mark, read_recipe
from jasco.audio.marks import GENERATED

Play = Callable[..., int]
SONG = ["funk", "--chords", "C Am", "--bpm", "120", "--duration", "12", "--seed", "4", "--stream"]


def test_a_file_is_what_the_standard_output_gets_and_made_again_by_its_recipe(
    play: Play, on_tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert play(*SONG, "-o", "a.wav") == 0
    out = capsys.readouterr().out
    assert "dB from its first window, -" in out and "first audio after" in out
    assert soundfile.info("a.wav").frames == 12 * 32000
    assert read_mark("a.wav")[0] == GENERATED
    assert read_recipe("a.wav")["song"] == {"kind": "stream", "sections": []}
    command = [sys.executable, "-m", "jasco.cli.generate", *on_tiny, "--steps", "2", *SONG]
    done = subprocess.run([*command, "-o", "-"], capture_output=True)
    assert done.returncode == 0 and done.stdout == Path("a.wav").read_bytes()
    assert b"-: seed 4" in done.stderr
    assert play("--from", "a.wav", "-o", "b.wav", on=["--device", "cpu", "--yes"]) == 0
    assert Path("a.wav").read_bytes() == Path("b.wav").read_bytes()


def test_a_first_window_too_short_for_a_loudness(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play("a", "--stream", "--duration", "0.1", "-o", "a.wav") == 0
    line = "gain +0.0 dB from its first window, silent or too short for a loudness, 0.10 s"
    assert line in capsys.readouterr().out


def test_a_player_that_closes_ends_the_program_silently(on_tiny: list[str]) -> None:
    command = [sys.executable, "-m", "jasco.cli.generate", *on_tiny, "--steps", "2", *SONG]
    player = subprocess.Popen(
        [*command, "--duration", "600", "-o", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert player.stdout is not None and player.stderr is not None
    assert player.stdout.read(4) == b"RIFF"
    player.stdout.close()
    assert b"rror" not in player.stderr.read() and player.wait() == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_a_whole_file_of_what_was_generated(
    number: signal.Signals, code: int, on_tiny: list[str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "jasco.cli.generate", *on_tiny, "--steps", "2", *SONG]
    path = tmp_path / "a.wav"
    program = subprocess.Popen(
        [*command, "--duration", "3600", "-o", str(path)], stderr=subprocess.PIPE
    )
    while not path.exists() or path.stat().st_size < 1_000_000:
        assert program.poll() is None
        time.sleep(0.01)
    program.send_signal(number)
    _, told = program.communicate()
    assert program.returncode == code and b"Traceback" not in told
    info = soundfile.info(path)
    assert path.stat().st_size > info.frames * 3 > 900_000 and info.frames < 3600 * 32000
    assert load_audio(path).samples.shape[-1] == info.frames and read_recipe(path)["seed"] == 4


def test_streams_of_a_request_file(play: Play) -> None:
    values = {"text": "a", "stream": True, "duration": 1, "seed": 8, "loudness": "none"}
    entries = [
        values | {"output": "a.wav", "samples": 2},
        values | {"output": "b.wav", "mark": False},
    ]
    Path("songs.json").write_text(json.dumps(entries))
    assert play("--request", "songs.json", "--batch-size", "4") == 0
    assert [read_recipe(name)["seed"] for name in ("a-1.wav", "a-2.wav", "b.wav")] == [8, 9, 8]
    assert read_recipe("b.wav")["loudness"] == "none"
    assert read_mark("a-1.wav") is not None and read_mark("b.wav") is None


@pytest.mark.parametrize(
    "options, message",
    [
        (["--loop", "--bars", "2", "-o", "a.wav"], "--stream takes no --loop"),
        (["--vary", "things/beat.wav", "-o", "a.wav"], "--stream takes no --vary"),
        (["--best-of", "2", "-o", "a.wav"], "--stream takes no --best-of"),
        (["--check", "-o", "a.wav"], "before it could be checked"),
        (["-o", "a.flac"], "writes wav"),
        (["--samples", "2", "-o", "-"], "takes one take"),
    ],
)
def test_refusals(
    options: list[str],
    message: str,
    play: Play,
    things: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert play(*SONG, *options) == 1
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not Path("a.wav").exists()


def test_the_standard_output_is_for_streams(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    assert play("funk", "-o", "-") == 1
    assert "give --stream for the standard output" in capsys.readouterr().err
