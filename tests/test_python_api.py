"""The Python interface as newcomers try it, on the model that comes with Jasco.

Plain values do what the objects do, and whatever is wrong is a `JascoError` with a remedy.
"""

from __future__ import annotations

import base64
import io
import math
import re
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pretty_midi
import pytest
import torch

import jasco
from jasco import (
    ABM2,
    ChordProgression,
    Conditions,
    Euler,
    Guidance,
    Heun,
    Jasco,
    Melody,
    load_audio,
)
from jasco.audio import read_recipe
from jasco.audiocraft import JASCO
from jasco.errors import JascoError, SettingError
from jasco.flow import Dopri5, make_solver
from jasco.flow.solvers import MAX_STEPS
from jasco.generation import MAX_ITEMS, Generation
from jasco.io.assets import asset

ROOT = Path(__file__).resolve().parent.parent
SHORT: dict[str, Any] = {"seed": 7, "duration": 0.5, "steps": 1}


@pytest.fixture(scope="module")
def demo() -> Jasco:
    return Jasco.from_pretrained("demo", device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    lead = pretty_midi.Instrument(program=73)
    lead.notes = [pretty_midi.Note(90, 60 + i, i, i + 0.9) for i in range(4)]
    midi = pretty_midi.PrettyMIDI()
    midi.instruments.append(lead)
    midi.write(str(folder / "tune.mid"))
    (folder / "song.lab").write_text("0.0 2.0 C:maj\n2.0 4.0 A:min\n")
    return folder


SAME: dict[str, tuple[Any, dict[str, Any], Any, dict[str, Any]]] = {
    "a text": ("funk", {}, Conditions(text="funk"), {}),
    "texts": (["funk", "jazz"], {}, [Conditions("funk"), Conditions("jazz")], {}),
    "text and clip": (
        ("funk", Conditions("jazz")),
        {},
        [Conditions("funk"), Conditions("jazz")],
        {},
    ),
    "guidance as a number": ("a", {"guidance": 3.0}, "a", {"guidance": Guidance(all=3)}),
    "guidance as an int": ("a", {"guidance": np.int64(2)}, "a", {"guidance": Guidance(all=2)}),
    "guidance as a dict": ("a", {"guidance": {"text": 2}}, "a", {"guidance": Guidance(text=2)}),
    "guidance as a text": (
        "a",
        {"guidance": "all=1.5,text=3"},
        "a",
        {"guidance": Guidance(all=1.5, text=3)},
    ),
    "solver by name": (
        "a",
        {"solver": "heun", "steps": 2},
        "a",
        {"solver": Heun(2), "steps": None},
    ),
    "solver in capitals": ("a", {"solver": "Euler"}, "a", {"solver": Euler(1), "steps": None}),
    "solver class": ("a", {"solver": Euler, "steps": 2}, "a", {"solver": Euler(2), "steps": None}),
    "steps alone": ("a", {"steps": 2}, "a", {"solver": ABM2(2, shift=3.0), "steps": None}),
    "steps of a solver": ("a", {"solver": Heun(9)}, "a", {"solver": Heun(1), "steps": None}),
    "numpy numbers": (
        "a",
        {"seed": np.int64(3), "num_samples": np.int32(2), "steps": np.int16(1)},
        "a",
        {"seed": 3, "num_samples": 2},
    ),
    "seeds of an array": (["a", "b"], {"seed": np.array([3, 9])}, ["a", "b"], {"seed": [3, 9]}),
    "duration in numpy": ("a", {"duration": np.float32(0.5)}, "a", {}),
    "chords in bars": (
        Conditions(chords="C Am | F", bpm=600),
        {},
        Conditions(chords=ChordProgression.parse("C Am | F", bpm=600)),
        {},
    ),
    "chords in German": (
        Conditions(chords="H:0 fis:0.2", notation="german"),
        {},
        Conditions(chords=[("B", 0.0), ("F#m", 0.2)]),
        {},
    ),
    "chords in numerals": (
        Conditions(chords="i | VI | VII", bpm=480, time_signature="3/4", key="A minor"),
        {},
        Conditions(
            chords=ChordProgression.parse(
                "i | VI | VII", bpm=480, time_signature="3/4", key="A minor"
            )
        ),
        {},
    ),
}
"""Call and settings in plain values, and the same in objects."""


@pytest.mark.parametrize("name", SAME)
def test_plain_values_are_accepted(name: str, demo: Jasco) -> None:
    given, settings, same, objects = SAME[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = demo.generate(given, **SHORT | settings)
    again = demo.generate(same, **SHORT | objects)
    assert torch.equal(out.audio, again.audio) and out.audio.abs().max() > 0
    assert out.recipe == again.recipe


@pytest.mark.parametrize("kind", [str, Path])
def test_files_are_conditions(kind: Callable[[Path], Any], files: Path) -> None:
    clip = Conditions(melody=kind(files / "tune.mid"), chords=kind(files / "song.lab"))
    assert clip.melody == Melody.from_midi(files / "tune.mid")
    assert clip.chords == ChordProgression.load(files / "song.lab")


TEXT = Conditions("a")
WRONG: dict[str, tuple[Callable[[Jasco], Any], str]] = {
    "called": (lambda m: m("funk"), r"model\.generate\("),
    "half": (lambda m: m.half(), 'dtype="bfloat16"'),
    "bfloat16": (lambda m: m.bfloat16(), 'dtype="bfloat16"'),
    "double": (lambda m: m.double(), "stay in float32"),
    "to a dtype": (lambda m: m.to(torch.float16), "stay in float32"),
    "to a dtype by name": (lambda m: m.to("cpu", dtype=torch.bfloat16), "stay in float32"),
    "to a tensor": (lambda m: m.to(torch.zeros(1).half()), "stay in float32"),
    "to nowhere": (lambda m: m.to("abacus"), "use auto, "),
    "to a number of things": (lambda m: m.to([1]), "moved to a device"),
    "type": (lambda m: m.type(torch.float16), "stay in float32"),
    "no clips": (lambda m: m.generate([]), "at least one Conditions"),
    "nothing": (lambda m: m.generate(None), "give a text"),
    "a number": (lambda m: m.generate(5), "give a text"),
    "a dict": (lambda m: m.generate({"text": "a"}), "give a text"),
    "a list of numbers": (lambda m: m.generate([1]), "give a text"),
    "bytes": (lambda m: m.generate(b"funk"), "give a text"),
    "a tensor": (lambda m: m.generate(torch.zeros(3)), "give a text"),
    "solver by a wrong name": (lambda m: m.generate(TEXT, solver="magic"), "give euler, "),
    "solver as a number": (lambda m: m.generate(TEXT, solver=50), r"Euler\(50\)"),
    "solver of a foreign class": (lambda m: m.generate(TEXT, solver=dict), "give a name"),
    "steps 0": (lambda m: m.generate(TEXT, steps=0), "at least 1"),
    "steps of 30 digits": (lambda m: m.generate(TEXT, steps=10**30), f"at most {MAX_STEPS:,}"),
    "steps of 9,999 digits": (lambda m: m.generate(TEXT, steps=10**9999), "at most"),
    "steps as a text": (lambda m: m.generate(TEXT, steps="8"), "whole number"),
    "steps as a fraction": (lambda m: m.generate(TEXT, steps=1.5), "whole number"),
    "steps of dopri5": (lambda m: m.generate(TEXT, solver="dopri5", steps=3), "leave steps out"),
    "guidance true": (lambda m: m.generate(TEXT, guidance=True), "give a number"),
    "guidance NaN": (lambda m: m.generate(TEXT, guidance=math.nan), "finite number"),
    "guidance beyond all": (lambda m: m.generate(TEXT, guidance=1e30), "to 1000"),
    "guidance of 400 digits": (lambda m: m.generate(TEXT, guidance=10**400), "to 1000"),
    "guidance in words": (lambda m: m.generate(TEXT, guidance="much"), "NAME=WEIGHT"),
    "guidance as a list": (lambda m: m.generate(TEXT, guidance=[3]), "give a number"),
    "guidance of no control": (lambda m: m.generate(TEXT, guidance={"bass": 1}), "text, chords"),
    "seed in words": (lambda m: m.generate(TEXT, seed="seven"), "whole numbers"),
    "seed as a fraction": (lambda m: m.generate(TEXT, seed=1.5), "whole numbers"),
    "seed true": (lambda m: m.generate(TEXT, seed=True), "whole numbers"),
    "seeds in words": (lambda m: m.generate(TEXT, seed=["x"]), "whole numbers"),
    "seed of 30 digits": (lambda m: m.generate(TEXT, seed=10**30), "from 0 to"),
    "too many seeds": (lambda m: m.generate(TEXT, seed=[1, 2]), "give one, or one per clip"),
    "no seeds": (lambda m: m.generate(TEXT, seed=[]), "give one, or one per clip"),
    "samples 0": (lambda m: m.generate(TEXT, num_samples=0), "at least 1"),
    "samples of 10^10": (lambda m: m.generate(TEXT, num_samples=10**10), f"at most {MAX_ITEMS}"),
    "samples as a text": (lambda m: m.generate(TEXT, num_samples="2"), "at least 1"),
    "duration in words": (lambda m: m.generate(TEXT, duration="5"), "number of seconds"),
    "duration infinite": (lambda m: m.generate(TEXT, duration=math.inf), "up to 3600 s"),
    "duration of 400 digits": (lambda m: m.generate(TEXT, duration=10**400), "up to 3600 s"),
    "duration of no frame": (lambda m: m.generate(TEXT, duration=0.001), "at least one frame"),
    "callback": (lambda m: m.generate(TEXT, callback=3), "give a function"),
    "noise in words": (lambda m: m.generate(TEXT, noise="loud"), "give finite noise"),
    "noise of another shape": (lambda m: m.generate(TEXT, noise=np.zeros(3)), "give finite noise"),
    "precision": (lambda m: _with_dtype(m, torch.float16), "use auto, float32, bfloat16"),
    "text as a number": (lambda m: Conditions(text=3), "give a string"),
    "text of 100 MB": (lambda m: m.generate("a" * 10**8), "at most 20,000"),
    "text with a NUL": (lambda m: m.generate("a\0b"), "remove it"),
    "text with half a character": (lambda m: m.generate("a\ud800"), "remove it"),
    "bpm without chords": (lambda m: Conditions("a", bpm=96), "none are given"),
    "bpm of read chords": (
        lambda m: Conditions(chords=ChordProgression.parse("C:0"), bpm=96),
        "read already",
    ),
    "chords in bars": (lambda m: Conditions(chords="C | F"), "give bpm"),
    "chords as a number": (lambda m: Conditions(chords=3), "chord"),
    "chords of a missing file": (lambda m: Conditions(chords="away.lab"), "No such file"),
    "melody of a missing file": (lambda m: Conditions(melody="away.mid"), "away.mid"),
    "melody of a recording": (lambda m: Conditions(melody=asset("samples/song.mp3")), "give .mid"),
    "melody as a number": (lambda m: Conditions(melody=3), "53"),
    "melody as a dict": (lambda m: Conditions(melody={}), "53"),
    "drums of a missing file": (lambda m: Conditions(drums="away.wav"), "No such file"),
    "drums as a number": (lambda m: Conditions(drums=3), "give"),
    "tolerance": (lambda m: Dopri5(rtol="x"), "give a positive number"),
    "model as a number": (lambda m: Jasco.from_pretrained(5), "give the name"),
    "model of no name": (lambda m: Jasco.from_pretrained(""), "give the name"),
    "model in words": (lambda m: Jasco.from_pretrained("no such model"), "no such model"),
    "device": (lambda m: Jasco.from_pretrained("demo", device=3.5), "use auto"),
    "dtype": (lambda m: Jasco.from_pretrained("demo", dtype="float16"), "use auto"),
    "solver to make": (lambda m: make_solver(object()), "give a name"),
    "original: texts": (lambda m: JASCO(m, "demo").generate(3), "give a list of texts"),
    "original: guidance": (
        lambda m: JASCO(m, "demo").set_generation_params(cfg_coef_all="x"),
        "finite number",
    ),
    "original: steps": (
        lambda m: JASCO(m, "demo").set_generation_params(euler=True, euler_steps=0.5),
        "whole number",
    ),
    "saved elsewhere": (lambda m: _made(m).save("song.xyz"), "wav, "),
    "saved in a file": (lambda m: _made(m).save(Path(__file__) / "a.wav"), "in the way"),
    "saved nowhere": (lambda m: _made(m).save(3), "give the path"),
}
"""Calls that are wrong, and the remedy in the message."""


def _with_dtype(model: Jasco, dtype: Any) -> Generation:
    before, model.dtype = model.dtype, dtype
    try:
        return model.generate("a", **SHORT)
    finally:
        model.dtype = before


def _made(model: Jasco, **settings: Any) -> Generation:
    return model.generate("a", **SHORT | settings)


@pytest.mark.parametrize("name", WRONG)
def test_whatever_is_wrong_is_an_error_with_a_remedy(
    name: str, demo: Jasco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call, remedy = WRONG[name]
    with pytest.raises(JascoError, match=remedy) as caught:
        call(demo)
    assert len(str(caught.value)) < 500
    assert list(tmp_path.iterdir()) == []
    assert next(demo.parameters()).dtype == torch.float32


def test_moving_to_a_device_stays_allowed(demo: Jasco) -> None:
    assert demo.to("cpu") is demo and demo.to(device=torch.device("cpu")) is demo
    assert demo.to(torch.float32) is demo and demo.float() is demo


def test_a_generation_is_a_sequence_of_items(demo: Jasco) -> None:
    out = demo.generate(["a", "b"], **SHORT | {"num_samples": 2})
    assert len(out) == 4 and len(out[0]) == 1 and len(out[1:3]) == 2 and len(list(out)) == 4
    for k, item in enumerate(out):
        for same in (out[k], out[k - 4]):
            assert torch.equal(same.audio, out.audio[k : k + 1])
            assert torch.equal(same.latents, out.latents[k : k + 1])
            assert same.recipe == item.recipe == [out.recipe[k]]
            assert same.notes == [out.notes[k]]
    for beyond in (4, -5):
        with pytest.raises(IndexError):
            out[beyond]


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg"])
def test_a_generation_is_saved(suffix: str, demo: Jasco, tmp_path: Path) -> None:
    out = demo.generate("a", **SHORT | {"num_samples": 2})
    names = [tmp_path / f"song-{k}.{suffix}" for k in (1, 2)]
    assert out.save(tmp_path / f"song.{suffix}") == names
    for k, name in enumerate(names):
        assert read_recipe(name) == out.recipe[k] | {"loudness": -14.0}
        assert load_audio(name).duration == pytest.approx(0.5, abs=0.01)
    (alone,) = out[1].save(str(tmp_path / f"one.{suffix}"), loudness=None, recipe=False)
    assert alone == tmp_path / f"one.{suffix}" and read_recipe(alone) is None
    if suffix in ("wav", "flac"):
        assert (load_audio(alone).samples - out.audio[1]).abs().max() < 1e-6


def test_a_notebook_shows_players(demo: Jasco) -> None:
    out = demo.generate(Conditions("<b> & co", chords="Csus4:0"), **SHORT | {"num_samples": 2})
    shown = out._repr_html_()
    assert "&lt;b&gt; &amp; co" in shown and "<b>" not in shown
    assert "chords: Csus4 -&gt; C" in shown and "seed 7" in shown and "seed 8" in shown
    sounds = re.findall(r'<audio controls src="data:audio/mpeg;base64,([^"]+)"></audio>', shown)
    for k, sound in enumerate(sounds):
        audio = load_audio(io.BytesIO(base64.b64decode(sound, validate=True)))
        assert audio.duration == pytest.approx(0.5, abs=0.1)
        assert audio.samples.abs().max() > 0.01, k
    assert len(sounds) == 2


def test_the_recipe_says_batch_and_threads(demo: Jasco) -> None:
    out = demo.generate("a", **SHORT | {"num_samples": 3})
    assert [r["batch"] for r in out.recipe] == [3, 3, 3]
    assert {r["threads"] for r in out.recipe} == {torch.get_num_threads()}


def test_importing_changes_no_threads() -> None:
    program = (
        "import os, torch; before = torch.get_num_threads(), dict(os.environ)\n"
        "import jasco; jasco.Jasco; jasco.load_audio; jasco.extract_melody\n"
        "assert before == (torch.get_num_threads(), dict(os.environ))\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_types_are_there_for_users() -> None:
    """CI's step of types checks the script, and fails where its last line is no error."""
    assert Path(jasco.__file__).with_name("py.typed").is_file()
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert "tests/typed_script.py" in settings["files"]
    assert settings["warn_unused_ignores"] and not settings["implicit_reexport"]


def test_errors_are_settings(demo: Jasco) -> None:
    with pytest.raises(SettingError) as caught:
        demo.generate("a", steps=-1)
    assert isinstance(caught.value, ValueError)
