"""Bad input ends in one clear line, an exit code and no file; odd input works with a notice."""

from __future__ import annotations

import copy
import ctypes
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml
from safetensors.torch import load_file, save_file

from jasco import Jasco
from jasco.audio import load_audio, read_recipe, save_audio

Play = Callable[..., int]
RATE = 8000


def beat(seconds: float, channels: int = 1) -> np.ndarray:
    """Four bursts of noise a second."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, int(seconds * RATE))
    hits = noise * np.exp(-30 * (np.arange(len(noise)) / RATE % 0.25))
    return np.tile(hits.astype(np.float32)[:, None], (1, channels))


def empty(things: Path) -> None:
    (things / "drums.wav").write_bytes(b"")


def text_file(things: Path) -> None:
    (things / "drums.wav").write_text("no audio at all, but a text of some length" * 20)


def no_samples(things: Path) -> None:
    soundfile.write(things / "drums.wav", np.zeros((0, 1)), RATE)


def not_finite(things: Path) -> None:
    samples = beat(2)
    samples[RATE] = np.nan
    soundfile.write(things / "drums.wav", samples, RATE, subtype="FLOAT")


def truncated(things: Path) -> None:
    soundfile.write(things / "whole.mp3", beat(8), RATE)
    data = (things / "whole.mp3").read_bytes()
    (things / "drums.mp3").write_bytes(data[: len(data) // 2])


def rows(things: Path) -> None:
    np.save(things / "melody.npy", np.zeros((52, 500), np.float32))


def columns(things: Path) -> None:
    np.save(things / "melody.npy", np.zeros((53, 499), np.float32))


def no_midi(things: Path) -> None:
    (things / "melody.mid").write_bytes(b"MThd, but nothing else")


def nothing(things: Path) -> None:
    pass


DRUMS, MELODY = ["--drums", "things/drums.wav"], ["--melody", "things/melody.npy"]
# what is done to the folder `things`, the arguments, what the line has to say, the exit code
BAD = {
    "empty drums": (empty, DRUMS, "things/drums.wav is empty (0 bytes)", 1),
    "missing drums": (nothing, DRUMS, "things/drums.wav: No such file", 1),
    "drums that are a folder": (nothing, ["--drums", "things"], "Is a directory", 1),
    "drums that are no audio": (text_file, DRUMS, "things/drums.wav is no audio file", 1),
    "truncated mp3": (truncated, ["--drums", "things/drums.mp3"], "cut short or damaged", 1),
    "drums of 0 s": (no_samples, DRUMS, "no samples (0 s)", 1),
    "NaN in drums": (not_finite, DRUMS, "NaN or infinity, first at 1.000 s", 1),
    "melody of 52 rows": (rows, MELODY, "(52, 500)", 1),
    "melody of another length": (columns, MELODY, "499 columns and the clip 500 frames", 1),
    "broken MIDI": (no_midi, ["--melody", "things/melody.mid"], "is no MIDI file", 1),
    "track of no melody": (nothing, ["--melody-track", "1"], "give the file as --melody", 1),
    "track that is not there": (
        nothing,
        ["--melody", "things/tune.mid", "--melody-track", "bass"],
        "no notes in the track 'bass'; its pitched tracks are 0 ''",
        1,
    ),
    "track of a matrix": (
        columns,
        [*MELODY, "--melody-track", "1"],
        "track 1 is one of a MIDI file",
        1,
    ),
    "melody of another kind": (
        nothing,
        ["--melody", "things/beat.wav"],
        "give it as --melody-from",
        1,
    ),
    "negative onset": (nothing, ["--chords", "C:0 F:-1"], "0 or more", 1),
    "start after the chart": (
        nothing,
        ["--chords", "C | F", "--bpm", "60", "--start", "8"],
        "start is 8 s, and the chords end at 8 s",
        1,
    ),
    "start before the chart": (nothing, ["--start", "-1"], "start is -1", 1),
    "crop of nothing": (nothing, ["--crop", "4-4"], "such as 30-40", 1),
    "crop in words": (nothing, ["--crop", "the end"], "such as 30-40", 1),
    "crop and start": (nothing, ["--crop", "1-2", "--start", "1"], "leave out start", 1),
    "start after the melody": (
        nothing,
        ["--melody", "things/tune.mid", "--start", "9"],
        "the melody lasts",
        1,
    ),
    "start after the drums": (
        nothing,
        ["--drums", "things/beat.wav", "--start", "9"],
        "beat.wav",
        1,
    ),
    "chords after the end": (nothing, ["--chords", "C:10 F:12"], "the clip is 10 s long", 1),
    "unreadable chord": (nothing, ["--chords", "C:0 Hx:1"], "'Hx'", 1),
    "bars without a tempo": (nothing, ["--chords", "C | F"], "give bpm", 1),
    "a tempo without chords": (nothing, ["--bpm", "90"], "--bpm says how to read chords", 1),
    "missing .lab": (nothing, ["--chords", "song.lab"], "cannot read song.lab", 1),
    "unknown solver": (nothing, ["--solver", "magic"], "invalid choice: 'magic'", 2),
    "steps 0": (nothing, ["--steps", "0"], "euler steps=0", 1),
    "steps of dopri5": (nothing, ["--solver", "dopri5"], "dopri5 chooses its steps", 1),
    "guidance NaN": (nothing, ["--guidance", "all=nan"], "must be a finite number", 1),
    "guidance without a weight": (nothing, ["--guidance", "all"], "NAME=WEIGHT", 1),
    "guidance of no control": (nothing, ["--guidance", "bass=1"], "guidance names bass", 1),
    "seed -1": (nothing, ["--seed", "-1"], "seed is -1", 1),
    "a huge seed": (nothing, ["--seed", str(2**63)], "seed is", 1),
    "a list of seeds": (nothing, ["--seed", "1,2"], "invalid int value", 2),
    "no samples": (nothing, ["--samples", "0"], "samples is 0", 1),
    "batch of none": (nothing, ["--batch-size", "0"], "give at least 1", 2),
    "duration 0": (nothing, ["--duration", "0"], "duration is 0.0", 1),
    "duration NaN": (nothing, ["--duration", "nan"], "duration is nan", 1),
    "too long": (nothing, ["--duration", "1e9"], "at most 3,600", 1),
    "loudness above 0": (nothing, ["--loudness", "3"], "from -70 to 0", 1),
    "loudness in words": (nothing, ["--loudness", "loud"], "invalid loudness value", 2),
    "unknown device": (nothing, ["--device", "abacus"], "'abacus' is unknown", 1),
    "unknown format": (nothing, ["-o", "song.xyz"], "the suffix must be one of .wav", 1),
    "output in a file": (nothing, ["-o", "things/beat.wav/a.wav"], "beat.wav is in the way", 1),
    "output that is a folder": (nothing, ["-o", "folder.wav"], "folder.wav is in the way", 1),
    "output that is an input": (
        nothing,
        ["--drums", "things/beat.wav", "-o", "things/beat.wav"],
        "would be overwritten",
        1,
    ),
    "unknown option": (nothing, ["--tempo", "3"], "unrecognized arguments: --tempo", 2),
    "unknown model": (nothing, ["--model", "nobody/nothing"], "the Hub was not reached", 1),
    "no model": (nothing, ["--model", "things"], "holds no checkpoint", 1),
    "no take": (nothing, ["--from", "things/beat.wav"], "holds no recipe", 1),
    "missing take": (nothing, ["--from", "away.wav"], "away.wav", 1),
    "two sources": (nothing, ["--from", "a.wav", "--request", "a.json"], "not allowed with", 2),
}


def contents(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(p), p.stat().st_mtime_ns) for p in folder.rglob("*"))


def check_refused(
    play: Play, folder: Path, capsys: pytest.CaptureFixture[str], *case: object
) -> None:
    """Run arguments that must end in one line with a text, a code, and no change on the disk."""
    *arguments, says, code = case
    before = contents(folder)
    capsys.readouterr()
    assert play(*arguments) == code
    shown = capsys.readouterr()
    lines = shown.err.splitlines()
    if code == 2:  # argparse puts the usage before the line
        lines = [line for line in lines if line.startswith("jasco-generate: error: ")]
    assert len(lines) == 1, shown.err
    assert lines[0].startswith("jasco-generate: error: ") and str(says) in lines[0], lines[0]
    assert shown.out == ""
    assert contents(folder) == before


@pytest.mark.parametrize("name", BAD)
def test_bad_input(
    name: str, play: Play, things: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare, arguments, says, code = BAD[name]
    (tmp_path / "folder.wav").mkdir()
    prepare(things)
    check_refused(play, tmp_path, capsys, "a text", "-o", "made/song.wav", *arguments, says, code)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["-o", "a.wav"], "say what to play"), (["a text"], "say where to write")],
)
def test_too_little_said(
    arguments: list[str], says: str, play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_refused(play, tmp_path, capsys, *arguments, says, 2)


REQUESTS = {
    "not JSON": ("{text: 1}", "line 2 is no JSON object (Expecting"),
    "not an object": ("[1]", "line 2 is no JSON object but a list"),
    "unknown key": ('{"text": "a", "tempo": 3}', "line 2: unknown key 'tempo': the allowed ones"),
    "wrong type": ('{"text": 5}', "line 2: text is 5: give a text"),
    "true is no number": ('{"text": "a", "seed": true}', "line 2: seed is True"),
    "list of seeds": ('{"text": "a", "seed": [1, 2]}', "line 2: seed is [1, 2]: give a whole"),
    "nothing asked for": ('{"seed": 1, "output": "b.wav"}', "line 2: nothing is asked for"),
    "unknown solver": ('{"text": "a", "solver": "magic"}', "line 2: solver 'magic' is unknown"),
    "bad chord": ('{"chords": "C:0 Hx:1"}', "line 2: cannot read the chord 'Hx' at position 4"),
    "late start": ('{"chords": "|C|", "bpm": 60, "start": 4}', "line 2: start is 4 s, and the"),
    "missing drums": ('{"drums": "away.wav"}', "line 2: cannot read"),
    "no output": ('{"text": "a"}', "line 2: no output"),
    "the same output": ('{"text": "b", "output": "a-1.wav"}', "line 2: "),
    "not a number": ('{"text": "a", "guidance": {"all": NaN}}', "NaN is no JSON"),
    "a control it has not": (
        '{"melody": "tune.mid", "output": "b.wav"}',
        "asks for melody",
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_bad_line_is_named_before_anything_is_made(
    name: str,
    play: Play,
    things: Path,
    without_melody: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line, says = REQUESTS[name]
    good = '{"text": "good", "output": "a.wav", "samples": 2}'
    (things / "songs.jsonl").write_text(f"{good}\n{line}\n")
    model = ["--model", without_melody]
    check_refused(play, tmp_path, capsys, "--request", "things/songs.jsonl", *model, says, 1)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.json", None, "No such file"),
        ("a.json", "", "is no JSON (Expecting"),
        ("a.jsonl", "\n\n", "holds no request"),
        ("a.json", "[]", "holds no request"),
        ("a.json", '["a"]', "a str, not an object"),
        ("a.json", b"\xff\x20", "no text in UTF-8"),
    ],
)
def test_a_bad_request_file(
    name: str,
    text: str | bytes | None,
    says: str,
    play: Play,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if text is not None:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    check_refused(play, tmp_path, capsys, "--request", name, "-o", "a.wav", says, 1)


@pytest.fixture(scope="session")
def without_melody(tiny: Jasco, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that has no control for melody."""
    config = copy.deepcopy(tiny.config)
    del config["model"]["conditioners"]["melody"]
    return Jasco.from_config(config).save_pretrained(tmp_path_factory.mktemp("less") / "model")


def test_a_control_that_the_model_has_not(
    play: Play,
    things: Path,
    without_melody: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["--melody", "things/tune.mid", "--model", without_melody, "-o", "a.wav"]
    says = "asks for melody, but the controls of this model are text, chords, drums"
    check_refused(play, tmp_path, capsys, *asked, says, 1)


def drop_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors["network.input.weight"]
    save_file(tensors, folder / "model.safetensors")


def add_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    save_file(tensors | {"network.more": torch.zeros(1)}, folder / "model.safetensors")


def turn_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["network.input.weight"] = tensors["network.input.weight"].T.contiguous()
    save_file(tensors, folder / "model.safetensors")


def foreign_target(folder: Path) -> None:
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["solver"] = {"_target_": "os.system", "command": "touch broken-into"}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


CHECKPOINTS = {
    drop_tensor: "missing: network.input.weight",
    add_tensor: "left over: network.more",
    turn_tensor: "wrong shape: network.input.weight (128, 64) instead of (64, 128)",
    foreign_target: "'os.system'",
}


@pytest.mark.parametrize("damage", CHECKPOINTS, ids=lambda damage: damage.__name__)
def test_a_bad_checkpoint(
    damage: Callable[[Path], None],
    play: Play,
    tiny_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_folder, folder)
    damage(folder)
    check_refused(
        play, tmp_path, capsys, "a", "--model", folder, "-o", "a.wav", CHECKPOINTS[damage], 1
    )


def test_an_unsupported_option_of_a_published_checkpoint(
    play: Play, hub_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (weights,) = hub_cache.glob(
        "models--facebook--jasco-chords-drums-400M/snapshots/*/state_dict.bin"
    )
    package = torch.load(weights, weights_only=True)
    xp = yaml.safe_load(package["xp.cfg"])
    xp["transformer_lm"]["positional_embedding"] = "rope"
    (tmp_path / "model").mkdir()
    torch.save(package | {"xp.cfg": yaml.safe_dump(xp)}, tmp_path / "model" / "state_dict.bin")
    says = "transformer_lm.positional_embedding='rope', which is not implemented"
    check_refused(play, tmp_path, capsys, "a", "--model", "model", "-o", "a.wav", says, 1)


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 50 kB."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_full_disk(
    name: str, play: Play, tmp_path: Path, small_disk: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play("a text", "--loudness", "none", "-o", name) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "euler" not in line if line]
    assert line == f"jasco-generate: error: cannot write {name}: File too large"
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_folder(on_tiny: list[str], tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o555)
    path = tmp_path / "locked" / "deeper" / "a.wav"

    def as_any_user() -> None:
        # Root writes everywhere: give that right up (PR_CAPBSET_DROP, CAP_DAC_OVERRIDE).
        ctypes.CDLL(None).prctl(24, 1)

    result = subprocess.run(
        [sys.executable, "-m", "jasco.cli.generate", "a", *on_tiny, "-o", path],
        preexec_fn=as_any_user,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    folder = path.parent.parent
    assert line.endswith(f"cannot write {path}: the folder {folder} cannot be written to")
    assert list(folder.iterdir()) == []


def odd_drums(things: Path, seconds: float, channels: int) -> None:
    soundfile.write(things / "drums.wav", beat(seconds, channels), RATE)


ODD = {
    "8 kHz": (10, 1, []),
    "seven channels": (10, 7, []),
    "20 minutes": (1200, 1, ["drums: 1200.00 s given, the first 10.00 s used"]),
    "3 s": (3, 2, ["drums: 3.00 s given, silence after 3.00 s used"]),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_drums_work(
    name: str, play: Play, things: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds, channels, told = ODD[name]
    odd_drums(things, seconds, channels)
    assert play("a", *DRUMS, "--loudness", "none", "-o", "a.flac") == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line and "euler" not in line] == told
    assert len(read_recipe("a.flac")["conditions"]["drums"]) == 500


def test_odd_chords_and_notes_work(
    play: Play, things: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chords = json.dumps([["F", 4], ["Csus4", 2], ["Db", 0.5]])
    (things / "notes.json").write_text(json.dumps([[24, 0, 1], [60, 1, 2], [64, 1, 2]]))
    arguments = ["--chords", chords, "--melody", "things/notes.json", "--loudness", "none"]
    assert play(*arguments, "-o", "a.flac") == 0
    shown = capsys.readouterr().err
    assert "chords: sorted by onset" in shown
    assert "chords: Csus4 -> C (dropped: sus4)" in shown
    assert "chords: Db -> C#" in shown
    assert shown.count("melody: ") >= 2
    assert read_recipe("a.flac")["conditions"]["chords"] == [["C#", 0.5], ["C", 2.0], ["F", 4.0]]


SPECIAL = {
    "FIFO as drums": (["--drums", "things/pipe.wav"], "it is a named pipe"),
    "FIFO as a song": (["--drums-from", "things/pipe.wav"], "it is a named pipe"),
    "FIFO as a melody": (["--melody", "things/pipe.mid"], "it is a named pipe"),
    "FIFO as a request": (["--request", "things/pipe.json"], "it is a named pipe"),
    "FIFO as a take": (["--from", "things/pipe.wav"], "it is a named pipe"),
    "FIFO as output": (["-o", "things/pipe.wav"], "in the way (it is a named pipe"),
    "device as drums": (["--drums", "/dev/zero"], "it is a device"),
    "half a character in a name": (["--drums", "a\ud800.wav"], "half of a character"),
    "NUL in an output": (["-o", "a\0.wav"], "NUL character"),
    "a name whose recipe is too long": (["-o", "a" * 251 + ".wav"], "beside it has"),
    "a name whose picture is too long": (["-o", "a" * 250 + ".ogg"], "beside it has"),
    "2,000 folders": (["-o", "a/" * 2000 + "a.wav"], "2000 folders would have to be made"),
    "control characters": (["--drums", "a\x1b[31m\u202e.wav"], r"a\x1b[31m\u202e.wav: No such"),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_files_and_names(
    name: str, play: Play, things: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, says = SPECIAL[name]
    for suffix in ("wav", "mid", "json"):
        os.mkfifo(things / f"pipe.{suffix}")
    text = [] if "--from" in arguments else ["a text"]
    output = [] if "-o" in arguments else ["-o", "made/song.wav"]
    check_refused(play, tmp_path, capsys, *text, *output, *arguments, says, 1)


def test_the_versions_of_a_recipe_are_printed_without_control_characters(
    play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play("a text", "--loudness", "none", "-o", "a.flac") == 0
    recipe = read_recipe("a.flac")
    recipe["versions"] = {"torch": "1.0\x1b[2J\x1b]0;title\x07"}
    save_audio("b.flac", *load_audio("a.flac"), loudness=None, recipe=recipe)
    capsys.readouterr()
    assert play("--from", "b.flac", "--loudness", "none", "-o", "c.flac") == 0
    shown = capsys.readouterr()
    assert r"made with torch 1.0\x1b[2J\x1b]0;title\x07" in shown.err
    assert "\x1b" not in shown.err and "\x07" not in shown.err
