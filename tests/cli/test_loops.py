"""``jasco-generate --loop``: files for samplers, recipes, and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from jasco.audio import read_recipe

Play = Callable[..., int]
LOOP = ["--loop", "--bars", "2", "--bpm", "130", "--seed", "8"]
SAMPLES = round(2 * 240 / 130 * 32000)


@pytest.mark.parametrize(
    "options",
    [["funk", *LOOP], ["--chords", "C | Am", "--key", "A minor", *LOOP], ["a", *LOOP, "--check"]],
)
def test_a_loop_is_whole_and_made_again_by_its_recipe(play: Play, options: list[str]) -> None:
    assert play(*options, "-o", "loop.wav") == 0
    assert soundfile.info("loop.wav").frames == SAMPLES
    data = Path("loop.wav").read_bytes()
    assert b"smpl" in data and b"acid" in data
    assert read_recipe("loop.wav")["song"]["kind"] == "loop"
    assert play("--from", "loop.wav", "-o", "again.wav", on=["--device", "cpu", "--yes"]) == 0
    assert (soundfile.read("loop.wav")[0] == soundfile.read("again.wav")[0]).all()
    first, second = read_recipe("loop.wav"), read_recipe("again.wav")
    first.pop("scores", None)
    assert first["song"].pop("bar") == pytest.approx(second["song"].pop("bar"))
    assert first == second


def test_loops_of_a_request_file(play: Play) -> None:
    values = {"text": "a", "loop": True, "bars": 2, "bpm": 130, "seed": 8}
    entries = [
        values | {"output": "a.flac", "samples": 2},
        values | {"bars": "1", "output": "b.wav"},
    ]
    Path("loops.json").write_text(json.dumps(entries))
    assert play("--request", "loops.json", "--batch-size", "4") == 0
    lengths = [soundfile.info(name).frames for name in ("a-1.flac", "a-2.flac", "b.wav")]
    assert lengths == [SAMPLES, SAMPLES, round(240 / 130 * 32000)]


@pytest.mark.parametrize(
    "options, message",
    [
        (["a", "--loop", "--bars", "8"], "give --bars and --bpm"),
        (["a", "--loop", "--bpm", "100"], "give --bars and --bpm"),
        (["a", "--loop", "--bars", "1-8", "--bpm", "100"], "number of bars"),
        (["a", "--loop", "--bars", "0", "--bpm", "100"], "bars is 0"),
        (["a", "--loop", "--bars", "8", "--bpm", "1e9"], "from 20 to 600"),
        (["a", "--loop", "--bars", "8", "--bpm", "90", "--duration", "3"], "takes no --duration"),
    ],
)
def test_refusals(
    options: list[str], message: str, play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play(*options, "-o", "loop.wav") == 1
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not Path("loop.wav").exists()


def test_drums_that_repeat(play: Play, things: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Eight seconds of drums fill twelve, and a loop needs no chords for its tempo."""
    drums = ["--drums", "things/beat.wav", "--drums-loop", "--seed", "1"]
    assert play("a", *drums, "--duration", "12", "-o", "a.flac") == 0
    assert "drums: loop of 8.00 s, repeated to 12.00 s" in capsys.readouterr().err
    codes = read_recipe("a.flac")["conditions"]["drums"]
    assert len(codes) == 600 and codes[450:560] == codes[50:160]
    assert play("a", *drums, "--bpm", "121", "--duration", "9", "-o", "b.flac") == 0
    assert "taken as 4 bars of 1.98 s, repeated to 9.00 s" in capsys.readouterr().err
    assert play("a", *drums, "--loop", "--bars", "5", "--bpm", "120", "-o", "c.wav") == 0
    assert "taken as 4 bars of 2.00 s, repeated to 10.00 s" in capsys.readouterr().err
    assert play("a", "--drums-loop", "-o", "d.wav") == 1
    assert "repeats a drum track" in capsys.readouterr().err


def test_drums_at_another_tempo(
    play: Play, things: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drums = ["--drums", "things/beat.wav", "--drums-loop", "--seed", "1", "--duration", "9"]
    assert play("a", *drums, "--drums-bpm", "120", "--bpm", "100", "-o", "a.flac") == 0
    line = "loop of 8.00 s, taken as 4 bars of 2.00 s, stretched to 2.40 s, repeated to 9.00 s"
    assert line in capsys.readouterr().err
    for options, message in (
        (["--drums-bpm", "120"], "give --drums-loop and --bpm too"),
        (["--drums-bpm", "120", "--bpm", "60"], "not to 0.50"),
        (["--drums-bpm", "1", "--bpm", "60"], "from 20 to 600"),
    ):
        assert play("a", *drums, *options, "-o", "b.flac") == 1
        assert message in capsys.readouterr().err.splitlines()[-1]
    assert play("a", "--drums", "things/beat.wav", "--drums-bpm", "90", "-o", "b.flac") == 1
    assert not Path("b.flac").exists()
