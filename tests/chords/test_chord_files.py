from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from jasco.chords import CHORD_NAMES, ChordProgression, to_harte
from jasco.errors import ChordError

load = ChordProgression.load


@pytest.fixture
def whole() -> ChordProgression:
    """All 194 names, at times that no short decimal holds."""
    onsets = tuple(index / 3 for index in range(len(CHORD_NAMES)))
    return ChordProgression(CHORD_NAMES, onsets, end=70.1)


def test_lab_and_back(tmp_path: Path, whole: ChordProgression) -> None:
    path = tmp_path / "song.lab"
    whole.to_lab(path)
    assert load(path) == whole
    assert [p.name for p in tmp_path.iterdir()] == ["song.lab"]


def test_jams_and_back(tmp_path: Path, whole: ChordProgression) -> None:
    path = tmp_path / "song.jams"
    whole.to_jams(path)
    again = load(path)
    assert again.pairs() == whole.pairs()
    assert again.end == pytest.approx(whole.end)
    document = json.loads(path.read_text())
    assert document["file_metadata"]["duration"] == 70.1
    (annotation,) = document["annotations"]
    assert annotation["namespace"] == "chord"
    assert {"time", "duration", "value", "confidence"} == set(annotation["data"][0])
    assert [o["value"] for o in annotation["data"]] == [to_harte(name) for name in CHORD_NAMES]


def test_mir_eval_reads_the_lab(tmp_path: Path, whole: ChordProgression) -> None:
    mir_eval = pytest.importorskip("mir_eval")
    whole.to_lab(tmp_path / "song.lab")
    intervals, labels = mir_eval.io.load_labeled_intervals(str(tmp_path / "song.lab"))
    assert intervals[:, 0].tolist() == list(whole.onsets)
    scores = mir_eval.chord.evaluate(intervals, labels, intervals, labels)
    assert scores["sevenths"] == pytest.approx(1) and scores["root"] == pytest.approx(1)


def test_the_end_must_be_known(tmp_path: Path) -> None:
    progression = ChordProgression.parse("C:0 Am:2")
    for write in (progression.to_lab, progression.to_jams):
        with pytest.raises(ChordError, match="give end="):
            write(tmp_path / "song")
        with pytest.raises(ChordError, match=r"its end is 1\.5 s"):
            write(tmp_path / "song", end=1.5)
    assert not list(tmp_path.iterdir())
    progression.to_lab(tmp_path / "song.lab", end=4)
    assert load(tmp_path / "song.lab").end == 4.0


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, whole: ChordProgression, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "song.lab"
    path.write_text("old")

    def full_disk(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(OSError, match="no space"):
        whole.to_lab(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_lab_of_others(tmp_path: Path) -> None:
    path = tmp_path / "song.LAB"
    path.write_text("\ufeff# made by hand\n0.0 0.5 N\r\n0.5\t2 Db:maj(9)/3\n\n 3 4.5 A:min/b7\n")
    progression = load(path)
    assert progression.pairs() == [("N", 0.0), ("C#/E#", 0.5), ("N", 2.0), ("Am", 3.0)]
    assert progression.end == 4.5
    assert progression.notices == (
        "no chord between 2 and 3 s: N",
        "Db:maj(9)/3 -> C#/E# (respelled; dropped: 9)",
        "A:min/b7 -> Am (dropped: /b7)",
    )


def test_overlapping_segments_are_told(tmp_path: Path) -> None:
    (tmp_path / "song.lab").write_text("0 3 C\n2 4 G\n")
    progression = load(tmp_path / "song.lab")
    assert progression.pairs() == [("C", 0.0), ("G", 2.0)]
    assert progression.notices == ("G at line 2 begins before the chord ahead of it ends",)


def test_json_pairs_and_text(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[["C", 0], ["B\\u266dm", 2.5]]')
    assert load(tmp_path / "a.json").pairs() == [("C", 0.0), ("Bbm", 2.5)]
    (tmp_path / "b.txt").write_text("[Verse]\ni | VI\n", encoding="utf-8")
    progression = load(tmp_path / "b.txt", bpm=90, time_signature="3/4", key="A minor")
    assert progression.pairs() == [("Am", 0.0), ("F", 2.0)]


def test_the_first_of_several_annotations_is_read(tmp_path: Path) -> None:
    def annotation(value: str, namespace: str = "chord") -> dict[str, object]:
        data = [{"time": 0.0, "duration": 2.0, "value": value, "confidence": 1.0}]
        return {"namespace": namespace, "data": data}

    document = {"annotations": [annotation("x", "beat"), annotation("C:7"), annotation("G")]}
    (tmp_path / "a.jams").write_text(json.dumps(document))
    progression = load(tmp_path / "a.jams")
    assert progression == ChordProgression(("C7",), (0.0,), 2.0)
    assert progression.notices == ("annotation 0 (no name) is read, not 1 (no name)",)


@pytest.mark.parametrize(
    "name, content, words, position",
    [
        ("a.lab", "", "no segment", 0),
        ("a.lab", "0 1 C\n1 2\n", "'1 2' at line 2", 6),
        ("a.lab", "0 1 C\nx 2 G\n", "'x 2 G' at line 2", 6),
        ("a.lab", "0 1 C\n2 1 G\n", "before it begins", 6),
        ("a.lab", "0 1 C\n1 2 Foo\n", "'Foo' at line 2", 6),
        ("a.lab", "0 1 C\n1 nan G\n", "'nan'", 6),
        ("a.json", "", "no JSON", 0),
        ("a.json", '[["C", 0], [', "no JSON", 12),
        ("a.json", "[" * 100000, "no JSON", 0),
        ("a.json", '[["C", 1' + "0" * 5000 + "]]", "no JSON", 0),
        ("a.json", '[["C", NaN]]', "no JSON", 0),
        ("a.json", '[["C", -1]]', "0 or more", 0),
        ("a.json", '[["C", 0], ["Foo", 1]]', "'Foo' at entry 1", 1),
        ("a.json", '{"C": 0}', "not a pair", 0),
        ("a.json", "3", "give a text or a list", 0),
        ("a.jams", '{"annotations": 3}', "no chord annotation", 0),
        ("a.jams", '{"annotations": [{"namespace": "beat", "data": []}]}', "no chord", 0),
        ("a.jams", '{"annotations": [{"namespace": "chord", "data": []}]}', "no segment", 0),
        ("a.jams", '{"annotations": [{"namespace": "chord", "data": [3]}]}', "observation 0", 0),
        (
            "a.jams",
            '{"annotations": [{"namespace": "chord", "data": [{"value": "C", "time": "1"}]}]}',
            "0 or more",
            0,
        ),
        ("a.txt", "C | G", "bpm", 0),
        ("a.csv", "0,1,C", r"\.lab, \.jams", None),
    ],
)
def test_files_that_cannot_be_read(
    tmp_path: Path, name: str, content: str, words: str, position: int | None
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ChordError, match=words) as caught:
        load(tmp_path / name)
    assert caught.value.position == position


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ChordError, match="No such file"):
        load(tmp_path / "none.lab")
    (tmp_path / "bytes.lab").write_bytes(b"\xff\xfe0\x001")
    with pytest.raises(ChordError, match="UTF-16"):
        load(tmp_path / "bytes.lab")
    (tmp_path / "bytes.txt").write_bytes(bytes(range(256)))
    with pytest.raises(ChordError, match="not a text"):
        load(tmp_path / "bytes.txt", bpm=100)
    os.mkfifo(tmp_path / "pipe.lab")
    with pytest.raises(ChordError, match="named pipe"):
        load(tmp_path / "pipe.lab")
    with pytest.raises(ChordError, match="named pipe"):
        ChordProgression.parse("C:0").to_lab(tmp_path / "pipe.lab", end=1.0)
