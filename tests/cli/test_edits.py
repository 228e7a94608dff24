"""``jasco-generate --edit``, ``--continue`` and ``--vary``: files, recipes, and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from jasco import Conditions, Jasco, load_audio
from jasco.audio import read_recipe

Play = Callable[..., int]
RATE = 32000


@pytest.fixture
def take(play: Play, tmp_path: Path) -> Path:
    """Six seconds in three bars of 2 s, with drums."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 6 * RATE)
    soundfile.write(tmp_path / "beat.wav", noise * (np.arange(6 * RATE) % 16000 < 1600), RATE)
    options = ["--chords", "C | Am | F", "--bpm", "120", "--drums", "beat.wav", "--seed", "3"]
    assert play("funk", *options, "--duration", "6", "-o", "take.flac") == 0
    return tmp_path / "take.flac"


def raw(path: Path | str) -> np.ndarray:
    return soundfile.read(path, dtype="int32")[0]


def test_new_chords_in_bars_of_a_take(
    play: Play, take: Path, tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tempo of the chords is that of the take, and their time begins with the range."""
    options = ["--edit", "take.flac", "--bars", "2", "--chords", "G E", "--seed", "8"]
    assert play(*options, "-o", "new.flac") == 0
    old, new = raw(take), raw("new.flac")
    fade = round(0.05 * RATE)
    assert np.array_equal(old[: 2 * RATE - fade], new[: 2 * RATE - fade])
    assert np.array_equal(old[4 * RATE + fade :], new[4 * RATE + fade :])
    assert (old[2 * RATE : 4 * RATE] != new[2 * RATE : 4 * RATE]).mean() > 0.9
    assert read_recipe("new.flac")["conditions"]["chords"] == [["G", 0.0]]
    model = Jasco.from_pretrained(tiny_folder, device="cpu")
    clip = Conditions(chords="G E", bpm=120)
    out = model.edit(take, clip, bars="2", seed=8, steps=2)
    assert np.abs(load_audio("new.flac").samples - out.audio[0]).max() < 2**-22
    assert "14" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("made", "file"),
    [
        (["--chords", "C | Am | F", "--duration", "6", "-o", "old.flac"], "old.flac"),
        (["--chords", "C | Am | F", "--duration", "6", "--session", "old"], "old/audio/mix.wav"),
        (["--loop", "--bars", "3", "-o", "old.wav"], "old.wav"),
    ],
)
def test_bars_and_metre_are_those_of_the_take(play: Play, made: list[str], file: str) -> None:
    """Three bars of 3/4 of 1.5 s: a new chord on the third beat comes a second into its bar."""
    tempo = ["--bpm", "120", "--time-signature", "3/4"]
    assert play("waltz", *tempo, "--seed", "3", *made) == 0
    new = ["--edit", file, "--bars", "2", "--chords", "G G E |"]
    assert play(*new, "--seed", "8", "-o", "new.flac") == 0
    recipe = read_recipe("new.flac")
    assert recipe["song"]["ranges"] == [[1.5, 3.0]]
    assert recipe["conditions"]["chords"] == [["G", 0.0], ["G", 0.5], ["E", 1.0]]


@pytest.mark.parametrize(
    "options",
    [
        ["--edit", "take.flac", "--seconds", "1:2,4:5.5", "--keep", "drums"],
        ["--edit", "take.flac", "--bars", "1-2", "--strength", "0.5", "--jump-n-sample", "2"],
        ["jazz", "--continue", "take.flac", "--duration", "2.5"],
        ["jazz", "--continue", "take.flac", "--duration", "2", "--before", "--crossfade", "0.1"],
        ["--vary", "take.flac", "--strength", "0.3"],
        ["--chords", "D | G", "--vary", "take.flac"],
    ],
)
def test_the_recipe_makes_an_edit_again(play: Play, take: Path, options: list[str]) -> None:
    assert play(*options, "--seed", "8", "-o", "new.wav") == 0
    assert play("--from", "new.wav", "-o", "again.wav", on=["--device", "cpu", "--yes"]) == 0
    assert np.array_equal(raw("new.wav"), raw("again.wav"))
    first, second = read_recipe("new.wav"), read_recipe("again.wav")
    assert first == second and first["loudness"] == "none"


def test_a_source_that_is_missing_or_has_changed(
    play: Play, take: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play("--edit", "take.flac", "--seconds", "1:2", "--seed", "8", "-o", "new.wav") == 0
    old = raw("new.wav")
    take.rename("moved.flac")
    again = ["--from", "new.wav", "-o", "again.wav"]
    for source in (None, Path("beat.wav")):
        if source is not None:
            source.rename("take.flac")
        assert play(*again, on=["--device", "cpu", "--yes"]) == 1
        assert "missing or has changed" in capsys.readouterr().err.splitlines()[-1]
    assert play(*again, "--edit", "moved.flac", on=["--device", "cpu", "--yes"]) == 0
    assert np.array_equal(old, raw("again.wav"))


def test_several_takes_of_an_edit_and_the_best_of_them(play: Play, take: Path) -> None:
    options = ["--edit", "take.flac", "--bars", "2", "--drums", "beat.wav", "--seed", "8"]
    assert play(*options, "--samples", "2", "--batch-size", "2", "-o", "new.wav") == 0
    assert [read_recipe(f"new-{k}.wav")["seed"] for k in (1, 2)] == [8, 9]
    assert play(*options, "--best-of", "2", "-o", "best.wav") == 0
    recipe = read_recipe("best.wav")
    assert recipe["seed"] in (8, 9) and "drums.f1" in recipe["scores"]


def test_a_request_file_edits_beside_itself(play: Play, take: Path) -> None:
    Path("requests").mkdir()
    take.rename("requests/take.flac")
    edit = {"edit": "take.flac", "seconds": "1:2", "text": "jazz", "seed": 1, "output": "a.wav"}
    vary = {"vary": "take.flac", "strength": 0.2, "seed": 1, "output": "b.wav"}
    Path("requests/all.json").write_text(json.dumps([edit, vary]))
    assert play("--request", "requests/all.json") == 0
    assert np.array_equal(raw("requests/a.wav")[3 * RATE :], raw("requests/take.flac")[3 * RATE :])
    assert read_recipe("requests/b.wav")["song"]["kind"] == "vary"


def test_a_continuation_of_a_recording_at_its_rate(play: Play, tmp_path: Path) -> None:
    tone = 0.2 * np.sin(np.arange(44100 * 2)[:, None] * np.array([0.05, 0.06]))
    soundfile.write("tone.wav", tone, 44100, subtype="PCM_16")
    assert play("jazz", "--continue", "tone.wav", "--duration", "1", "-o", "long.wav") == 0
    audio = load_audio("long.wav")
    assert audio.sample_rate == 44100 and audio.samples.shape == (2, 3 * 44100)
    assert np.array_equal(raw("long.wav")[:80000], raw("tone.wav")[:80000])
    assert torch.isfinite(audio.samples).all()


WRONG = {
    "edit of nothing": (["--edit", "absent.wav", "--bars", "1"], "absent.wav"),
    "edit without a range": (["--edit", "take.flac"], "no range of take.flac is given"),
    "two ranges": (
        ["--edit", "take.flac", "--bars", "1", "--seconds", "0:2"],
        "--bars and --seconds both give the range",
    ),
    "two edits": (["--edit", "take.flac", "--vary", "take.flac"], "give one of them"),
    "outside": (["--edit", "take.flac", "--seconds", "5:7"], "lasts 6.00 s"),
    "bars outside": (["--edit", "take.flac", "--bars", "3-9"], "the take has 3 bars, not 9"),
    "overlap": (["--edit", "take.flac", "--seconds", "1:3,2:4"], "overlap"),
    "no tempo": (["--edit", "beat.wav", "--bars", "1"], "states none"),
    "strength 0": (["--vary", "take.flac", "--strength", "0"], "strength is 0.0"),
    "strength 2": (["--vary", "take.flac", "--strength", "2"], "strength is 2.0"),
    "keep": (["--vary", "take.flac", "--keep", "bass"], "keep names 'bass'"),
    "given and kept": (["a", "--vary", "take.flac", "--keep", "text"], "both given and kept"),
    "duration 1e9": (["--continue", "take.flac", "--duration", "1e9"], "at most 3,600"),
    "longer than a song": (["--continue", "take.flac", "--duration", "3599"], "longer than 3,600"),
    "duration of an edit": (["--vary", "take.flac", "--duration", "3"], "takes no --duration"),
    "loudness": (["--vary", "take.flac", "--loudness", "-14"], "takes no --loudness"),
    "no take": (["a", "--strength", "0.5"], "say how to change a take"),
    "repeats": (["--vary", "take.flac", "--jump-n-sample", "0"], "jump_n_sample is 0"),
    "over itself": (["--vary", "take.flac", "-o", "take.flac"], "would be overwritten"),
    "a MIDI file": (["--vary", "tune.mid"], "a MIDI file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_refusals_are_one_line_and_write_nothing(
    case: str, play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 6 * RATE)
    soundfile.write(tmp_path / "beat.wav", noise, RATE)
    soundfile.write(tmp_path / "take.flac", noise, RATE)
    (tmp_path / "tune.mid").write_bytes(b"MThd")
    from jasco.audio import save_audio

    recipe = json.loads(RECIPE)
    save_audio(tmp_path / "take.flac", noise[None], RATE, loudness=None, recipe=recipe)
    options, message = WRONG[case]
    output = [] if "-o" in options else ["-o", "new.wav"]
    assert play(*options, *output) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert message in line
    assert not Path("new.wav").exists() and len(raw("take.flac")) == 6 * RATE


RECIPE = json.dumps(
    {
        "model": "demo", "revision": None, "seed": 1, "solver": {"name": "euler", "steps": 2},
        "guidance": {"all": 1.0}, "duration": 6.0, "dtype": "float32", "device": "cpu",
        "conditions": {"frames": 300, "chords": [["C", 0.0]], "bars": [0.0, 2.0, 4.0]},
    }
)  # fmt: skip


def test_a_take_that_is_no_edit_is_not_made_again_as_one(
    play: Play, take: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play("--from", "take.flac", "--edit", "take.flac", "--bars", "2", "-o", "new.wav") == 1
    assert "take.flac: it is no edit to make again: give --edit without --from" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(("chords", "noted"), [([], True), (["--chords", "G"], False)])
def test_a_continuation_without_chords_of_a_take_with_chords(
    chords: list[str], noted: bool, play: Play, take: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play("a", "--continue", "take.flac", *chords, "--duration", "1", "-o", "new.wav") == 0
    assert ("chords: those of the take go on" in capsys.readouterr().err) == noted
