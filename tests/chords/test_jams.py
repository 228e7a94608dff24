"""JAMS documents: the annotation that is read, and the times of scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jasco.chords import ChordProgression
from jasco.errors import ChordError


def observations(*rows: tuple[float, float | None, str]) -> list[dict[str, Any]]:
    return [dict(zip(("time", "duration", "value"), row, strict=True)) for row in rows]


def annotation(data: Any, name: str | None = None, namespace: str = "chord") -> dict[str, Any]:
    about = {"annotator": {"name": name}} if name else {}
    return {"namespace": namespace, "data": data, "annotation_metadata": about}


def metre(beats: int, unit: int, time: float = 1.1) -> dict[str, Any]:
    value = {"numerator": beats, "denominator": unit}
    data = [{"time": time, "duration": 4.0, "value": value}]
    return annotation(data, namespace="timesig")


def load(
    folder: Path, *annotations: Any, kind: str | None = None, **options: Any
) -> ChordProgression:
    document = {"annotations": list(annotations), "file_metadata": {}}
    document["sandbox"] = {} if kind is None else {"type": kind}
    (folder / "song.jams").write_text(json.dumps(document))
    return ChordProgression.load(folder / "song.jams", **options)


ISSUE = observations((1.1, 2.0, "E:maj"), (1.3, 2.0, "A:min"), (2.1, 4.0, "D:7"))
# chord annotation and others, options -> onsets, end, what the report holds
SCORES: dict[str, tuple[list[Any], dict[str, Any], list[float], float, str]] = {
    "of the issue": ([annotation(ISSUE)], {"bpm": 60}, [0, 2, 4], 8, "no metre: 4/4"),
    "another metre": (
        [annotation(ISSUE)],
        {"bpm": 60, "time_signature": "3/4"},
        [0, 2, 3],
        7,
        "",
    ),
    "metre of the file": ([annotation(ISSUE), metre(3, 4)], {"bpm": 60}, [0, 2, 3], 7, ""),
    "metre of the file and another": (
        [annotation(ISSUE), metre(3, 4)],
        {"bpm": 60, "time_signature": "4/4"},
        [0, 2, 4],
        8,
        "the metre of the file is not used: time_signature is 4/4",
    ),
    "metres that change": (
        [
            annotation(observations((1.1, 4, "C"), (2.1, 3, "F"), (3.1, 3, "G"))),
            annotation([*metre(4, 4, 1.1)["data"], *metre(3, 4, 2.1)["data"]], namespace="timesig"),
        ],
        {"bpm": 60},
        [0, 4, 7],
        10,
        "",
    ),
    "fractions of a beat": (
        [annotation(observations((1.1, 1, "C"), (1.25, 1, "F"), (1.3333333333333335, 1, "G")))],
        {"bpm": 60},
        [0, 1.5, 2 + 1 / 3],
        2 + 1 / 3 + 1,
        "",
    ),
    "late measures": (
        [annotation(observations((1.1, 4, "C"), (99.3, 2, "F")))],
        {"bpm": 240},
        [0, 98.5],
        99,
        "",
    ),
    "dotted beats of 6/8": (
        [annotation(observations((1.1, 1, "C"), (1.2, 1, "F"), (2.1, 2, "G"))), metre(6, 8)],
        {"bpm": 180},
        [0, 1, 2],
        4,
        "6/8: the file counts dotted beats, 2 a measure; bpm counts 1/8",
    ),
    "eighths of 6/8": (
        [annotation(observations((1.1, 3, "C"), (1.4, 3, "F"), (2.1, 6, "G"))), metre(6, 8)],
        {"bpm": 180},
        [0, 1, 2],
        4,
        "",
    ),
    "beats from zero": (
        [annotation(observations((1.0, 2, "C"), (1.2, 2, "F"), (2.0, 4, "G")))],
        {"bpm": 60},
        [0, 2, 4],
        8,
        "beats are counted from 0",
    ),
    "a pickup": (
        [annotation(observations((0.4, 1, "C"), (1.1, 4, "F"), (2.1, 4, "G")))],
        {"bpm": 60},
        [3, 4, 8],
        12,
        "measures are counted from 0",
    ),
    "tempo of the file": (
        [
            annotation(ISSUE),
            annotation([{"time": 1.1, "duration": 8, "value": 120}], namespace="tempo"),
        ],
        {},
        [0, 1, 2],
        4,
        "tempo of the file: 120 bpm",
    ),
}


@pytest.mark.parametrize("name", SCORES)
def test_scores_count_measures_and_beats(name: str, tmp_path: Path) -> None:
    annotations, options, onsets, end, told = SCORES[name]
    progression = load(tmp_path, *annotations, kind="score", **options)
    assert progression.onsets == pytest.approx(onsets)
    assert progression.end == pytest.approx(end)
    assert any(told in line for line in progression.notices) or told == ""
    assert progression.bars[0] == 0


def test_a_score_asks_for_a_tempo(tmp_path: Path) -> None:
    with pytest.raises(ChordError, match="give bpm"):
        load(tmp_path, annotation(ISSUE), kind="score")
    assert load(tmp_path, annotation(ISSUE), kind="audio").onsets == (1.1, 1.3, 2.1)
    assert load(tmp_path, annotation(ISSUE)).end == pytest.approx(6.1)
    report = load(tmp_path, annotation(ISSUE), bpm=60).notices
    assert "bpm is not used: the times are seconds" in report


@pytest.mark.parametrize(
    "rows, words",
    [
        ([(1.1, 4, "C"), (1.5, 1, "F")], "begins at beat 5 of measure 1, which has 4"),
        ([(1.0, 4, "C"), (1.4, 1, "F")], "begins at beat 5"),
        ([(1e9, 4, "C")], "is not one"),
        ([(1e5 + 1, 4, "C")], "is not one"),
        ([(-1.1, 4, "C")], "is not one"),
    ],
)
def test_places_that_are_none(
    rows: list[tuple[float, float, str]], words: str, tmp_path: Path
) -> None:
    with pytest.raises(ChordError, match=words) as caught:
        load(tmp_path, annotation(observations(*rows)), kind="score", bpm=60)
    assert caught.value.position == len(rows) - 1


C, G = observations((0.0, 2.0, "C")), observations((0.0, 2.0, "G"))
# annotations, which -> the chord, what is said
CHOICES: dict[str, tuple[list[Any], Any, str, list[str]]] = {
    "the only one": ([annotation(C)], None, "C", []),
    "the first empty": (
        [annotation([], "Ann"), annotation(C, "Bob")],
        None,
        "C",
        ["annotation 1 (Bob) is read, not 0 (Ann, empty)"],
    ),
    "another namespace": ([annotation(G, "Ann", "beat"), annotation(C)], None, "C", []),
    "a dictionary of lists": (
        [annotation({"time": [0.0], "duration": [2.0], "value": ["C"], "confidence": [None]})],
        None,
        "C",
        [],
    ),
    "two annotators": (
        [annotation(C, "Ann"), annotation(G, "Bob")],
        None,
        "C",
        ["annotation 0 (Ann) is read, not 1 (Bob)"],
    ),
    "by index": (
        [annotation(C, "Ann"), annotation(G, "Bob")],
        1,
        "G",
        ["annotation 1 (Bob) is read, not 0 (Ann)"],
    ),
    "by index in words": ([annotation(C), annotation(G, "Bob")], "1", "G", None),  # type: ignore[dict-item]
    "by annotator": ([annotation(C, "Ann"), annotation(G, "Bob")], "bob", "G", None),  # type: ignore[dict-item]
}


@pytest.mark.parametrize("name", CHOICES)
def test_the_annotation_that_is_read(name: str, tmp_path: Path) -> None:
    annotations, which, chord, told = CHOICES[name]
    progression = load(tmp_path, *annotations, annotation=which)
    assert progression == ChordProgression((chord,), (0.0,), 2.0)
    assert told is None or list(progression.notices) == told


@pytest.mark.parametrize("which", [2, -1, True, 1.0, "Zoe", "9", "9" * 50, ""])
def test_no_such_annotation(which: Any, tmp_path: Path) -> None:
    with pytest.raises(ChordError, match=r"of 0 \(Ann\), 1 \(Bob\)"):
        load(tmp_path, annotation(C, "Ann"), annotation(G, "Bob"), annotation=which)


def test_lists_of_other_lengths(tmp_path: Path) -> None:
    data = {"time": [0.0, 1.0], "duration": [2.0], "value": ["C", "G"]}
    with pytest.raises(ChordError, match="differ in length"):
        load(tmp_path, annotation(data))


def test_an_annotation_is_chosen_in_jams_alone(tmp_path: Path) -> None:
    (tmp_path / "a.lab").write_text("0 1 C\n")
    progression = ChordProgression.load(tmp_path / "a.lab", annotation=1)
    assert progression.notices == ("annotation is not used: the file is no JAMS document",)
