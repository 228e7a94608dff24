"""``jasco-generate --sections`` and ``sections`` of requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from jasco.audio import read_recipe

Play = Callable[..., int]
CHORDS = ["--chords", "C | Am", "--bpm", "120", "--duration", "3", "--seed", "4"]


def test_sections_are_in_the_recipe_which_makes_the_take_again(play: Play) -> None:
    parts = ["--sections", "1=sparse verse", "--sections", "2:3=full chorus"]
    assert play("pop", *CHORDS, *parts, "-o", "a.wav") == 0
    spans = [[0.0, 2.0, "sparse verse"], [2.0, 3.0, "full chorus"]]
    assert read_recipe("a.wav")["song"] == {"kind": "sections", "sections": spans}
    assert play("--from", "a.wav", "-o", "b.wav", on=["--device", "cpu", "--yes"]) == 0
    values = {"text": "pop", "chords": "C | Am", "bpm": 120, "duration": 3, "seed": 4, "steps": 2}
    values["sections"] = [
        {"bars": "1", "text": "sparse verse"},
        {"seconds": [2, 3], "text": "full chorus"},
    ]
    Path("song.json").write_text(json.dumps(values | {"output": "c.wav"}))
    assert play("--request", "song.json") == 0
    assert play("pop", *CHORDS, "-o", "d.wav") == 0
    first, again, request, plain = (soundfile.read(f"{name}.wav")[0] for name in "abcd")
    assert (first == again).all() and (first == request).all()
    assert (first != plain).any()


@pytest.mark.parametrize(
    "options, message",
    [
        (["--sections", "1-2"], "a section is"),
        (["--sections", "1-9=a"], "the song has 2 bars, not 9"),
        (["--sections", "0:2=a", "--sections", "1:3=b"], "overlap"),
        (["--sections", "1=a", "--loop", "--bars", "1"], "takes no"),
    ],
)
def test_refusals(
    options: list[str], message: str, play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play("pop", *CHORDS, *options, "-o", "a.wav") == 1
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not Path("a.wav").exists()
