"""Provenance marks of takes and edits, and ``jasco-doctor --mark``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jasco import Jasco
from jasco.audio import read_mark, read_recipe
from jasco.audio.marks import EDITED, GENERATED, VOCABULARY
from jasco.cli import doctor

Play = Callable[..., int]


def stated(path: Path | str) -> str | None:
    found = read_mark(path)
    return None if found is None else found[0]


def test_only_no_mark_removes_the_mark(play: Play, tmp_path: Path) -> None:
    assert play("a", "--seed", "1", "--duration", "1", "-o", "a.flac") == 0
    assert play("a", "--seed", "1", "--duration", "1", "--no-recipe", "-o", "b.wav") == 0
    assert stated("a.flac") == stated("b.wav") == GENERATED
    assert read_recipe("b.wav") is None
    assert play("a", "--seed", "1", "--duration", "1", "--no-mark", "-o", "c.mp3") == 0
    assert stated("c.mp3") is None and read_recipe("c.mp3")["seed"] == 1
    lines = [{"text": "a", "duration": 1, "output": f"{n}.ogg", "mark": n > 0} for n in range(2)]
    Path("songs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert play("--request", "songs.jsonl") == 0
    assert stated("0.ogg") is None and stated("1.ogg") == GENERATED


def test_edits_of_recordings_are_composites(play: Play, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 3 * 32000)
    soundfile.write(tmp_path / "live.wav", noise, 32000)
    new = ["--seconds", "1:2", "--seed", "1"]
    assert play("a", "--edit", "live.wav", *new, "-o", "edit.flac") == 0
    assert play("a", "--edit", "edit.flac", *new, "--no-recipe", "-o", "again.flac") == 0
    assert play("a", "--edit", "again.flac", *new, "-o", "third.wav") == 0
    assert stated("edit.flac") == stated("again.flac") == stated("third.wav") == EDITED
    assert play("a", "--seed", "1", "--duration", "3", "--no-recipe", "-o", "take.flac") == 0
    assert play("a", "--edit", "take.flac", *new, "-o", "edit.flac") == 0
    assert stated("edit.flac") == GENERATED


def test_generations_in_python(tiny: Jasco, tmp_path: Path) -> None:
    out = tiny.generate("funk", seed=1, steps=1, duration=1.0)
    (path,) = out.save(tmp_path / "a.flac", recipe=False)
    assert stated(path) == GENERATED and read_recipe(path) is None
    (path,) = out.save(tmp_path / "a.flac", mark=False)
    assert stated(path) is None
    edit = tiny.edit((np.zeros((1, 64000), "float32"), 32000), "a", ranges=[(0, 1)], steps=1)
    assert stated(edit.save(tmp_path / "b.ogg")[0]) == EDITED


@pytest.mark.parametrize(
    "options, code, said",
    [
        (["--c2pa", "chain.pem"], 2, "--c2pa and --c2pa-key go together"),
        (["--c2pa", "gone.pem", "--c2pa-key", "gone.pem"], 1, "cannot read gone.pem"),
        (["--c2pa", "a.pem", "--c2pa-key", "a.pem", "--no-mark"], 1, "it goes with a mark"),
        (["--c2pa", "a.pem", "--c2pa-key", "a.pem", "-o", "a.ogg"], 1, "OGG holds no C2PA"),
    ],
)
def test_a_credential_that_cannot_sign_is_one_line_before_any_work(
    play: Play, options: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("c2pa", reason="c2pa-python is not installed")
    assert play("a", "-o", "a.wav", *options) == code
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err
    assert not Path("a.wav").exists() and not Path("a.ogg").exists()


def test_the_doctor_reads_a_mark(
    play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play("a", "--seed", "1", "--duration", "1", "-o", "a.flac") == 0
    soundfile.write("live.wav", np.zeros(999), 32000)
    capsys.readouterr()
    assert doctor.main(["--mark", "a.flac"]) == 0
    line = f"a.flac: {GENERATED}, {VOCABULARY}{GENERATED} (in comment, digitalsourcetype)\n"
    assert capsys.readouterr().out == line
    assert doctor.main(["--mark", "live.wav"]) == 1
    assert capsys.readouterr().out == "live.wav: no tag states a digital source type\n"
    assert doctor.main(["--mark", "a.flac", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["digital_source_type"] == VOCABULARY + GENERATED and found["c2pa"] is None
    assert doctor.main(["--mark", "gone.flac"]) == 1
    err = capsys.readouterr().err
    assert "gone.flac" in err and err.count("\n") == 1
