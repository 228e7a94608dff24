"""``jasco-generate``: the takes of the Python API, atomic files, and notices."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from jasco import ChordProgression, Conditions, Euler, Guidance, Jasco, Melody, load_audio
from jasco.audio import loudness, read_recipe
from jasco.cli import generate
from jasco.device import DTYPES
from jasco.flow import SOLVERS

from .conftest import CHORDS, write_midi

Play = Callable[..., int]
# What 24 bits round.
ROUNDING = 2**-23


def samples(path: Path | str) -> torch.Tensor:
    return load_audio(path).samples


def difference(path: Path | str, other: torch.Tensor | Path | str) -> float:
    other = other if isinstance(other, torch.Tensor) else samples(other)
    return float((samples(path) - other).abs().max())


def test_help_does_not_wait_for_torch() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "jasco.cli.generate", "--help"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "jasco.cli.errors" in imported
    assert not imported & {"torch", "numpy", "transformers", "huggingface_hub", "soundfile"}
    for option in ("--chords", "--melody", "--from", "--request", "--no-recipe", "--loudness"):
        assert option in result.stdout
    assert generate.DEFAULT_MODEL in result.stdout


def test_names_spelled_out_for_the_help_are_the_real_ones() -> None:
    assert set(generate.DTYPES) == {"auto", *DTYPES}


def test_every_option_reaches_the_model(play: Play, things: Path, tiny_folder: Path) -> None:
    arguments = ["warm synth-pop", "--chords", CHORDS, "--bpm", "96", "--melody", "things/tune.mid"]
    arguments += ["--drums", "things/beat.wav", "--seed", "7", "--duration", "9.9", "--solver"]
    arguments += ["heun", "--steps", "3", "--guidance", "all=1.5,text+chords=0.25", "--dtype"]
    arguments += ["float32", "--loudness", "none", "-o", "made/song.wav"]
    assert play(*arguments) == 0

    model = Jasco.from_pretrained(tiny_folder, device="cpu", dtype="float32")
    clip = Conditions(
        text="warm synth-pop",
        chords=ChordProgression.parse(CHORDS, bpm=96),
        drums=load_audio(things / "beat.wav"),
        melody=Melody.from_midi(things / "tune.mid"),
    )
    out = model.generate(
        clip,
        seed=7,
        duration=9.9,
        solver=SOLVERS["heun"](3),
        guidance=Guidance(**{"all": 1.5, "text+chords": 0.25}),
    )
    assert difference("made/song.wav", out.audio[0].clamp(-1, 1)) <= ROUNDING
    recipe = read_recipe("made/song.wav")
    assert recipe == out.recipe[0] | {"loudness": "none"}


def test_it_says_what_it_did(play: Play, things: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert play("a", "--chords", "C:0 Csus4:2", "--drums", "things/beat.wav", "-o", "a.flac") == 0
    shown = capsys.readouterr()
    (line,) = shown.out.splitlines()
    seed = read_recipe("a.flac")["seed"]
    level = loudness(load_audio("a.flac"))
    assert line.startswith(f"a.flac: seed {seed}, {level:.1f} LUFS, 10.00 s; load ")
    stages = [part.split()[0] for part in line.partition("; ")[2].split(", ")]
    assert stages == ["load", "encode", "flow", "decode", "save"]
    told = [line for line in shown.err.splitlines() if "euler" not in line]
    assert told[:2] == [
        "chords: Csus4 -> C (dropped: sus4)",
        "drums: 8.00 s given, silence after 8.00 s used",
    ]


# chords and options -> the chords of the recipe, and what is told
CHARTS = {
    "longer than the clip": (
        ["C | F | G | Am", "--bpm", "60"],
        [["C", 0.0], ["F", 4.0], ["G", 8.0]],
        "chords: 16.00 s given, the first 10.00 s used, 3 of 4 chords",
    ),
    "late chord": (["C:0 F:10"], [["C", 0.0]], "chords: the first 10.00 s used, 1 of 2 chords"),
    "shorter than the clip": (
        ["C | F", "--bpm", "60"],
        [["C", 0.0], ["F", 4.0]],
        "chords: 8.00 s given, F held to 10.00 s",
    ),
    "from a second on": (
        ["C | F | G | Am", "--bpm", "60", "--start", "6"],
        [["F", 0.0], ["G", 2.0], ["Am", 6.0]],
        None,
    ),
    "a part": (
        ["C | F | G | Am", "--bpm", "60", "--crop", "6-12"],
        [["F", 0.0], ["G", 2.0]],
        None,
    ),
}


@pytest.mark.parametrize("name", CHARTS)
def test_charts_of_any_length(name: str, play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, chords, told = CHARTS[name]
    assert play("a", "--chords", *arguments, "-o", "a.wav") == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("chords: ")]
    assert len(lines) == (told is not None)
    assert all(line.startswith(str(told)) for line in lines)
    recipe = read_recipe("a.wav")
    assert recipe["conditions"]["chords"] == chords
    assert recipe["duration"] == (6.0 if "--crop" in arguments else 10.0)


def test_start_moves_all_controls(play: Play, things: Path, tiny_folder: Path) -> None:
    """Chords, drums and melody of a request begin at the same second."""
    asked = {"chords": "C | F | G", "bpm": 60, "drums": "beat.wav", "melody": "tune.mid"}
    (things / "song.json").write_text(json.dumps({"text": "a", **asked, "crop": "2.5-7.5"}))
    arguments = ["--request", "things/song.json", "--seed", "7", "--dtype", "float32"]
    assert play(*arguments, "--loudness", "none", "-o", "a.wav") == 0
    model = Jasco.from_pretrained(tiny_folder, device="cpu", dtype="float32")
    clip = Conditions(
        text="a",
        chords=[("C", 0.0), ("F", 1.5)],
        drums=load_audio(things / "beat.wav").crop(2.5),
        melody=Melody(Melody.from_midi(things / "tune.mid").roll[:, 125:], 50.0),
    )
    out = model.generate(clip, seed=7, duration=5.0, solver=Euler(2))
    assert difference("a.wav", out.audio[0].clamp(-1, 1)) <= ROUNDING


@pytest.mark.parametrize("track, row", [("1", 19), ("Flute", 19), (None, 21)])
def test_a_track_of_a_midi_file_is_chosen_and_what_was_repaired_is_said(
    track: str | None, row: int, play: Play, things: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second track has a key signature that does not exist, and the tempo of both."""
    high = bytes.fromhex("0090405a 836080403c 00ff2f00")
    flute = bytes.fromhex("00ff0305 466c757465 00ff5902 0900 00ff5103 0f4240 00903e5a 8360803e3c")
    tracks = [b"MTrk" + len(t).to_bytes(4, "big") + t for t in (high, flute + b"\0\xff\x2f\0")]
    head = bytes.fromhex("4d546864 00000006 0001 0002 01e0")
    (things / "two.mid").write_bytes(head + b"".join(tracks))
    values = {"text": "a", "melody": "two.mid", "duration": 2}
    if track is not None:
        values["melody_track"] = int(track) if track.isdecimal() else track
    (things / "song.json").write_text(json.dumps(values))
    option = [] if track is None else ["--melody-track", track]
    for arguments in (
        ["a", "--duration", "2", "--melody", "things/two.mid", *option],
        ["--request", "things/song.json"],
    ):
        assert play(*arguments, "-o", "a.wav") == 0
        lines = capsys.readouterr().err.splitlines()
        assert any(
            "melody: track chunk 2: the key signature 09 00 does not" in line for line in lines
        )
        assert any("melody: the tempo changes in track chunk 2 count" in line for line in lines)
        assert read_recipe("a.wav")["conditions"]["melody"] == [[row, 0, 50, 1.0]]


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg"])
def test_the_suffix_decides_the_format(play: Play, suffix: str, tmp_path: Path) -> None:
    path = f"song.{suffix}"
    assert play("a", "--seed", "1", "-o", path) == 0
    assert soundfile.info(path).format == suffix.upper()
    assert read_recipe(path)["seed"] == 1
    assert (tmp_path / "song.json").exists() == (suffix == "wav")
    assert play("a", "--seed", "1", "--no-recipe", "-o", path) == 0
    assert read_recipe(path) is None
    assert not (tmp_path / "song.json").exists()


@pytest.mark.parametrize("target", [-30.0, -45.0])
def test_loudness_is_that_of_the_file(play: Play, target: float) -> None:
    assert play("a", "--loudness", target, "-o", "a.flac") == 0
    assert loudness(load_audio("a.flac")) == pytest.approx(target, abs=0.01)


def test_samples_are_numbered_and_seeded_one_by_one(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["a", "--chords", CHORDS, "--bpm", "96", "--dtype", "float32", "--loudness", "none"]
    many = [*base, "--seed", "5", "--samples", "3", "--batch-size", "2"]
    assert play(*many, "-o", "a.flac") == 0
    assert sorted(path.name for path in Path().glob("*.flac")) == [
        "a-1.flac",
        "a-2.flac",
        "a-3.flac",
    ]
    lines = capsys.readouterr().out.splitlines()
    assert ["(batch of 2)" in line for line in lines] == [True, True, False]
    for number in (1, 2, 3):
        assert f"seed {4 + number}," in lines[number - 1]
        assert play(*base, "--seed", 4 + number, "-o", "alone.flac") == 0
        assert difference("alone.flac", f"a-{number}.flac") < 1e-4
    assert difference("a-1.flac", "a-2.flac") > 1e-3


@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_shows_its_progress(
    play: Play, on_tiny: list[str], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [] if name == "dopri5" else ["--steps", "2"]
    total = 100 if name == "dopri5" else 2
    assert play("a", "--solver", name, *steps, "-o", "a.flac", on=on_tiny) == 0
    shown = capsys.readouterr().err
    assert f"{name}: 100%" in shown and f"{total}/{total}" in shown
    assert read_recipe("a.flac")["solver"]["name"] == name


def test_dopri5_computes_in_float32_unless_asked(play: Play, on_tiny: list[str]) -> None:
    assert play("a", "--solver", "dopri5", "-o", "a.flac", on=on_tiny) == 0
    assert read_recipe("a.flac")["dtype"] == "float32"


def test_a_take_is_made_again_from_its_file(play: Play, things: Path) -> None:
    arguments = ["warm", "--chords", "C:0 G/B:4", "--drums", "things/beat.wav", "--melody"]
    arguments += ["things/tune.mid", "--solver", "midpoint", "--guidance", "all=2,drums=0.5"]
    assert play(*arguments, "--loudness", "-31", "--duration", "9", "-o", "a.flac") == 0
    for path in (things / "beat.wav", things / "tune.mid"):
        path.unlink()  # the recipe needs neither
    again = ["--from", "a.flac"]
    assert play(*again, "-o", "b.flac", on=["--yes"]) == 0
    assert difference("a.flac", "b.flac") == 0
    assert read_recipe("a.flac") == read_recipe("b.flac")

    assert play(*again, "--steps", "4", "--seed", "3", "--text-is-positional", on=[]) == 2
    assert play(*again, "cold", "--steps", "4", "--seed", "3", "-o", "c.flac", on=["--yes"]) == 0
    first, changed = read_recipe("a.flac"), read_recipe("c.flac")
    assert changed["solver"] == {"name": "midpoint", "steps": 4}
    assert (changed["seed"], changed["conditions"]["text"]) == (3, "cold")
    assert changed["conditions"] | {"text": "warm"} == first["conditions"]
    assert changed["guidance"] == first["guidance"]
    assert difference("a.flac", "c.flac") > 1e-3


def test_a_take_of_shifted_steps_is_made_again(play: Play, on_tiny: list[str]) -> None:
    shifted = ["--solver", "ab2", "--steps", "3", "--shift", "3"]
    assert play("a", *shifted, "-o", "a.flac", on=on_tiny) == 0
    assert read_recipe("a.flac")["solver"] == {"name": "ab2", "steps": 3, "shift": 3.0}
    assert play("--from", "a.flac", "-o", "b.flac", on=["--yes"]) == 0
    assert difference("a.flac", "b.flac") == 0
    assert play("a", *shifted[:-2], "--seed", read_recipe("a.flac")["seed"], "-o", "c.flac") == 0
    assert difference("a.flac", "c.flac") > 0


def test_another_solver_keeps_the_settings_of_a_take_that_it_has(
    play: Play, on_tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    shifted = ["--solver", "ab2", "--steps", "3", "--shift", "3"]
    assert play("a", *shifted, "-o", "a.flac", on=on_tiny) == 0
    for name, words, settings, left in (
        ("heun", [], {"steps": 3, "shift": 3.0}, ""),
        ("heun", ["--steps", "2"], {"steps": 2, "shift": 3.0}, ""),
        ("dopri5", [], {"rtol": 1e-5, "atol": 1e-5}, "does not take steps=3, shift=3 of the reci"),
    ):
        capsys.readouterr()
        again = ["--from", "a.flac", "--solver", name, *words, "-o", "b.flac"]
        assert play(*again, on=["--yes"]) == 0
        assert read_recipe("b.flac")["solver"] == {"name": name, **settings}
        assert left in (told := capsys.readouterr().err) and ("take steps" in told) == bool(left)


def test_a_wav_is_made_again_from_the_recipe_beside_it(play: Play) -> None:
    assert play("a", "-o", "a.wav") == 0
    bare, rate = soundfile.read("a.wav", dtype="int32")
    soundfile.write("a.wav", bare, rate, subtype="PCM_24")  # an editor dropped the tag
    assert play("--from", "a.wav", "-o", "b.wav", on=["--yes"]) == 0
    assert difference("a.wav", "b.wav") == 0


@pytest.mark.parametrize("name", ["folder", "owner/here", "away", "owner/away", "\x1b[2J", ""])
def test_a_take_does_not_choose_the_model(
    name: str,
    play: Play,
    tiny_folder: Path,
    tmp_path: Path,
    hub_cache: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "owner").mkdir()
    for link in (tmp_path / "folder", tmp_path / "owner" / "here"):
        link.symlink_to(tiny_folder)
    assert play("a", "-o", "a.wav") == 0
    recipe = json.loads(Path("a.json").read_text())
    soundfile.write("a.wav", np.zeros(32000), 32000)  # without the tag
    Path("a.json").write_text(json.dumps(recipe | {"model": name}))
    capsys.readouterr()
    again = ["--from", "a.wav", "-o", "b.flac", "--cache-dir", str(hub_cache)]
    assert play(*again, on=[]) == 1
    told = capsys.readouterr().err
    assert f"a.wav names the model {name!r}, which" in told and "give --yes" in told
    assert play(*again, on=["--model", str(tiny_folder)]) == 0
    assert play(*again, on=["--yes"]) == (0 if name in ("folder", "owner/here") else 1)


def test_versions_and_device_of_a_take_are_told(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play("a", "-o", "a.wav") == 0
    recipe = json.loads(Path("a.json").read_text())
    recipe["versions"]["torch"] = "1.0"
    recipe["device"] = "cuda" if not torch.cuda.is_available() else "mps"
    audio, rate = soundfile.read("a.wav")
    soundfile.write("a.wav", audio, rate)
    Path("a.json").write_text(json.dumps(recipe))
    capsys.readouterr()
    assert play("--from", "a.wav", "-o", "b.flac", on=["--yes"]) == 0
    told = capsys.readouterr().err
    assert f"made with torch 1.0, this is {torch.__version__}" in told
    assert f"made on {recipe['device']}, which is not here" in told


def test_a_request_is_the_same_as_options(play: Play, on_tiny: list[str], things: Path) -> None:
    request = {"text": "warm", "chords": "I vi | IV V7", "bpm": 96, "time_signature": "3/4"}
    request |= {"key": "G", "drums": "beat.wav", "melody": "tune.mid", "seed": 4, "duration": 8}
    request |= {"solver": "midpoint", "steps": 2, "guidance": {"all": 2, "text": 0.5}}
    request |= {"loudness": -33, "output": "../by-request.flac"}
    (things / "song.json").write_text(json.dumps(request))
    assert play("--request", "things/song.json", on=on_tiny) == 0

    options = ["warm", "--chords", "I vi | IV V7", "--bpm", "96", "--time-signature", "3/4"]
    options += ["--key", "G", "--drums", "things/beat.wav", "--melody", "things/tune.mid"]
    options += ["--seed", "4", "--duration", "8", "--solver", "midpoint", "--guidance"]
    options += ["all=2,text=0.5", "--loudness", "-33", "-o", "by-options.flac"]
    assert play(*options) == 0
    assert difference("by-request.flac", "by-options.flac") == 0
    assert read_recipe("by-request.flac") == read_recipe("by-options.flac")


def test_many_requests_run_in_batches(
    play: Play, things: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        {"text": "one", "drums": "beat.wav", "seed": 1, "output": "song.flac"},
        {"text": "two", "chords": [["Csus4", 0.0], ["F", 3]], "seed": 2, "output": "two.wav"},
        {"text": "three, and longer than the others", "seed": 3, "samples": 2},
        {"text": "four", "seed": 5, "duration": 5},
    ]
    for line in lines[2:]:
        line["output"] = "song.flac"
    text = "\n".join(json.dumps(line) for line in lines[:2]) + "\n\n"
    text += "\n".join(json.dumps(line) for line in lines[2:])
    (things / "songs.jsonl").write_text(text)
    arguments = ["--request", "things/songs.jsonl", "--batch-size", "3", "--dtype", "float32"]
    assert play(*arguments, "--loudness", "none") == 0
    shown = capsys.readouterr()
    out = shown.out.splitlines()
    assert [line.split(":")[0].removeprefix("things/") for line in out] == [
        "song-1.flac",
        "two.wav",
        "song-2.flac",
        "song-3.flac",
        "song-4.flac",
    ]
    assert [line.partition("(batch of ")[2] for line in out] == ["3)", "3)", "3)", "", ""]
    assert "things/songs.jsonl line 2: chords: Csus4 -> C (dropped: sus4)" in shown.err
    assert load_audio(things / "song-4.flac").duration == 5.0
    alone = ["three, and longer than the others", "--seed", "4", "--dtype", "float32"]
    assert play(*alone, "--loudness", "none", "-o", "alone.flac") == 0
    assert difference("alone.flac", things / "song-3.flac") < 1e-4


def test_options_go_before_what_a_request_says(play: Play, tmp_path: Path) -> None:
    (tmp_path / "songs.json").write_text(json.dumps([{"text": "a", "seed": 1}, {"text": "b"}]))
    assert play("--request", "songs.json", "--seed", "9", "-o", "a.flac") == 0
    assert [read_recipe(f"a-{n}.flac")["seed"] for n in (1, 2)] == [9, 9]
    assert [read_recipe(f"a-{n}.flac")["conditions"]["text"] for n in (1, 2)] == ["a", "b"]


def test_a_file_is_replaced_whole(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(b"an earlier file")
    assert play("a", "-o", "a.flac") == 0
    assert load_audio("a.flac").duration == 10.0
    assert [path.name for path in tmp_path.iterdir()] == ["a.flac"]


MOMENTS = {
    "loading": (b"", ["--steps", "100000", "-o", "made/a.wav"], 0),
    "in the flow": (b"1/100000", ["--steps", "100000", "-o", "made/a.wav"], 0),
    "in the second take": (b"1/600", ["--steps", "600", "--samples", "2", "-o", "made/a.wav"], 1),
}
"""What stderr shows when the signal is sent, the arguments, and takes that are done by then."""
ENDS = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "terminated")}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_leaves_no_half_file(
    moment: str, number: signal.Signals, on_tiny: list[str], tmp_path: Path
) -> None:
    shown, arguments, done = MOMENTS[moment]
    if done:  # the first take is as short as the second
        arguments = ["--duration", "0.1", *arguments]
    command = [sys.executable, "-m", "jasco.cli.generate", "a text", *on_tiny, *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    # Into a file: the progress of a slow take fills a pipe that nobody reads, and waits for ever.
    progress = tmp_path.with_suffix(".stderr")
    with progress.open("wb") as errors:
        program = subprocess.Popen(
            command, cwd=tmp_path, stderr=errors, stdout=subprocess.PIPE, env=environment
        )
    assert program.stdout is not None
    if done:
        assert program.stdout.readline().startswith(b"made/a-1.wav: ")
    elif shown:
        while shown not in progress.read_bytes():
            assert program.poll() is None
            time.sleep(0.01)
    else:
        time.sleep(1.0)
    program.send_signal(number)
    program.communicate(timeout=60)
    rest = progress.read_bytes()
    assert b"Traceback" not in rest
    if number in ENDS:
        code, line = ENDS[number]
        assert program.returncode == code
        assert rest.decode().splitlines()[-1] == f"jasco-generate: {line}"
    else:
        assert program.returncode == -signal.SIGKILL
    found = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert found == (["a-1.json", "a-1.wav"] if done else [])
    for path in tmp_path.rglob("*.wav"):
        assert load_audio(path).duration > 0 and read_recipe(path)["seed"] >= 0


PACKS = {"facebook/jasco-chords-drums-400M": False, "facebook/jasco-chords-drums-melody-400M": True}


@pytest.mark.parametrize("model", PACKS)
def test_published_checkpoints_with_real_input(
    model: str, play: Play, shared: Path, hub_cache: Path, tmp_path: Path
) -> None:
    drums = shared / "audio" / "sep_drums_1.mp3"
    write_midi(tmp_path / "tune.mid")
    arguments = ["warm 80s synth-pop, driving bass", "--chords", CHORDS, "--bpm", "96"]
    arguments += ["--drums", drums, "--seed", "7", "--solver", "euler", "--steps", "10"]
    arguments += ["--melody", "tune.mid"] if PACKS[model] else []
    where = ["--model", model, "--cache-dir", str(hub_cache), "--local-files-only"]
    here = [*where, "--device", "cpu", "--dtype", "float32"]
    assert play(*arguments, "--loudness", "none", "-o", "song.flac", on=here) == 0

    clip = Conditions(
        text="warm 80s synth-pop, driving bass",
        chords=ChordProgression.parse(CHORDS, bpm=96),
        drums=load_audio(drums),
        melody=Melody.from_midi(tmp_path / "tune.mid") if PACKS[model] else None,
    )
    loaded = Jasco.from_pretrained(model, device="cpu", dtype="float32", cache_dir=hub_cache)
    out = loaded.generate(clip, seed=7, solver=Euler(10))
    assert difference("song.flac", out.audio[0].clamp(-1, 1)) <= ROUNDING
    recipe = read_recipe("song.flac")
    assert (recipe["model"], recipe["revision"]) == (model, "0" * 39 + "1")
    again = ["--from", "song.flac", "--cache-dir", str(hub_cache)]
    assert play(*again, "-o", "again.flac", on=[]) == 0
    assert difference("song.flac", "again.flac") == 0


def test_the_installed_command_plays_the_model_that_comes_with_it(
    shared: Path, tmp_path: Path
) -> None:
    program = Path(sys.executable).with_name("jasco-generate")
    environment = os.environ | {"HF_HUB_CACHE": str(tmp_path / "none"), "OMP_NUM_THREADS": "1"}
    drums = shared / "audio" / "sep_drums_1.mp3"
    command = [program, "funk", "--chords", CHORDS, "--bpm", "96", "--drums", drums, "--steps", "4"]
    result = subprocess.run(
        [*command, "-o", "song.mp3"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert read_recipe(tmp_path / "song.mp3")["model"] == generate.DEFAULT_MODEL
    audio, rate = soundfile.read(tmp_path / "song.mp3")
    assert rate == 32000 and len(audio) == 320000 and np.abs(audio).max() > 0
    told = [line for line in result.stderr.splitlines() if line]
    assert re.fullmatch(r"drums: 10\.\d\d s given, the first 10\.00 s used", told[0])
    assert all("abm2" in line or "LUFS" in line for line in told[1:])
    assert read_recipe(tmp_path / "song.mp3")["solver"] == {"name": "abm2", "steps": 4, "shift": 3}


def test_a_list_of_chords_repeats(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    assert play("a", "--chords", "C Am F G", "--bpm", "120", "--crop", "1-9", "-o", "a.wav") == 0
    told = capsys.readouterr().err
    assert "chords: no bar line: each chord lasts a bar, and they repeat to the end" in told
    assert play("a", "--chords", "C Am F", "--bpm", "120", "-o", "b.wav") == 0
    assert "chords: 6.00 s given, repeated to 10.00 s" in capsys.readouterr().err
    whole = ["C", 0.0], ["Am", 1.0], ["F", 3.0], ["G", 5.0], ["C", 7.0]
    assert read_recipe("a.wav")["conditions"]["chords"] == list(whole)
    repeated = [["C", 0.0], ["Am", 2.0], ["F", 4.0], ["C", 6.0], ["Am", 8.0]]
    assert read_recipe("b.wav")["conditions"]["chords"] == repeated
    assert play("--from", "b.wav", "-o", "c.wav") == 0
    assert read_recipe("c.wav")["conditions"]["chords"] == repeated


def test_notation_and_annotation_reach_the_chords(play: Play, tmp_path: Path) -> None:
    assert play("a", "--chords", "H:0 fis:2", "--notation", "german", "-o", "a.wav") == 0
    assert read_recipe("a.wav")["conditions"]["chords"] == [["B", 0.0], ["F#m", 2.0]]
    annotations = [
        {"namespace": "chord", "data": [{"time": 1.1, "duration": 4, "value": value}]}
        for value in ("C", "G:min")
    ]
    score = {"annotations": annotations, "sandbox": {"type": "score"}}
    (tmp_path / "song.jams").write_text(json.dumps(score))
    request = {"chords": "song.jams", "annotation": 1, "bpm": 60, "output": "b.wav"}
    (tmp_path / "song.json").write_text(json.dumps(request))
    assert play("--request", "song.json") == 0
    assert read_recipe("b.wav")["conditions"]["chords"] == [["Gm", 0.0]]
    arguments = ["a", "--chords", "song.jams", "--bpm", "60", "-o", "c.wav"]
    assert play(*arguments, "--annotation", "0") == 0
    assert read_recipe("c.wav")["conditions"]["chords"] == [["C", 0.0]]
    assert play(*arguments, "--annotation", "Zoe") == 1
    assert play("a", "--chords", "C:0", "--annotation", "0", "-o", "d.wav") == 1
