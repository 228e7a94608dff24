"""Chords of requests and manifests: a text, pairs or a file, with the options that they need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jasco.chords import ChordProgression
from jasco.chords.reading import read_chords
from jasco.errors import ChordError

CASES: list[tuple[Any, dict[str, Any], list[tuple[str, float]]]] = [
    ("C | G", {"bpm": 60, "key": None}, [("C", 0.0), ("G", 4.0)]),
    ([["C", 0.0], ["Am", 2.5]], {}, [("C", 0.0), ("Am", 2.5)]),
    ("I | V", {"bpm": 60, "time_signature": "3/4", "key": "G"}, [("G", 0.0), ("D", 3.0)]),
    ("song.lab", {"notation": "german", "text": "a tune"}, [("B", 0.0), ("Bb", 1.0)]),
    ("song.JAMS", {"annotation": "Bob"}, [("Gm", 0.0)]),
    ("song.txt ", {"bpm": 60}, [("C", 0.0), ("F", 4.0)]),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "song.lab").write_text("0 1 H\n1 2 B\n")
    (tmp_path / "song.txt").write_text("[Verse]\nC | F\n")
    annotations = [
        {
            "namespace": "chord",
            "annotation_metadata": {"annotator": {"name": who}},
            "data": [{"time": 0.0, "duration": 2.0, "value": value}],
        }
        for who, value in (("Ann", "C"), ("Bob", "G:min"))
    ]
    (tmp_path / "song.JAMS").write_text(json.dumps({"annotations": annotations}))
    return tmp_path


@pytest.mark.parametrize("chords, options, expected", CASES)
def test_chords_and_their_options(
    chords: Any, options: dict[str, Any], expected: list[tuple[str, float]], folder: Path
) -> None:
    assert read_chords(chords, options, folder).pairs() == expected


def test_an_option_that_does_not_fit(folder: Path) -> None:
    with pytest.raises(ChordError, match=r"path of a \.jams file"):
        read_chords("C:0", {"annotation": 1}, folder)
    with pytest.raises(ChordError, match="cannot read"):
        read_chords("away.lab", {}, folder)
    progression = read_chords("song.lab", {"bpm": 96, "notation": "german"}, folder)
    assert progression.notices == ("bpm is not used: the chords carry their own times",)
    assert isinstance(progression, ChordProgression)
