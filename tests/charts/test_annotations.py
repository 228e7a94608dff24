from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from charts import shown

from jasco.charts import Chart, load_chart
from jasco.charts.annotations import read_lab_chart
from jasco.charts.billboard import read_billboard
from jasco.errors import ChartError


def jams(*values: tuple[float, float, Any], namespace: str = "chord", **more: Any) -> bytes:
    """Document with an annotation of (time, duration, value)."""
    data = [
        {"time": time, "duration": length, "value": value, "confidence": 1}
        for time, length, value in values
    ]
    found = [{"namespace": namespace, "data": data}, *more.pop("others", [])]
    return json.dumps({"annotations": found, "file_metadata": {"title": "A Song"}, **more}).encode()


def read(data: bytes, tmp_path: Path, name: str = "song.jams", **options: Any) -> Chart:
    (tmp_path / name).write_bytes(data)
    return load_chart(tmp_path / name, **options)


def pairs(chart: Chart) -> list[tuple[str, float]]:
    progression = chart.to_chords()
    assert progression is not None
    return progression.pairs()


SECONDS = {
    "isophonics.lab": b"0.0 1.5 C:maj\n1.5 3.25 A:min7\n3.25 4 N\n",
    "chordino.lab": b"0.0 C\n1.5 Am7\n3.25 N\n4.0 N\n",
    "htk.lab": b"0 15000000 C:maj\n15000000 32500000 A:min7\n32500000 40000000 N\n",
    "audacity.lab": b"0.000000\t1.500000\tC\n1.500000\t3.250000\tAm7\n3.250000\t4.000000\tN.C.\n",
    "commas.lab": b"start,end,label\n0.0,1.5,C:maj\n1.5,3.25,A:min7\n3.25,4.0,N\n",
    "last line open.lab": b"0 1.5 C\n1.5 3.25 Am7\n3.25 N\n4.0 N\n",
    "quotes and comments.lab": b'# a song\n0 1.5 "C:maj" # intro\n1.5 3.25 "A:min7"\n3.25 4 "N"\n',
    "decimal commas.lab": b"0,0\t1,5\tC\n1,5\t3,25\tAm7\n3,25\t4,0\tN\n",
    "durations.lab": b"onset duration chord\n0 1.5 C\n1.5 1.75 Am7\n3.25 0.75 N\n",
    "out of order.lab": b"1.5 3.25 Am7\n0 1.5 C\n3.25 4 N\n",
    "more columns.lab": b"0 1.5 C 0.9 verse\n1.5 3.25 Am7 0.8 verse\n3.25 4 N 1 end\n",
    "utf16.lab": "0.0 1.5 C\n1.5 3.25 Am7\n3.25 4 N\n".encode("utf-16"),
    "chord.jams": jams((0, 1.5, "C:maj"), (1.5, 1.75, "A:min7"), (3.25, 0.75, "N")),
    "harte.jams": jams((0, 1.5, "C:1"), (1.5, 1.75, "A:min11"), (3.25, 0.75, "N"),
                       namespace="chord_harte"),
    "music21.jams": jams((0, 1.5, "C"), (1.5, 1.75, "Am7"), (3.25, 0.75, "N"),
                         namespace="chord_m21_leadsheet"),
    "weimar.jams": jams((0, 1.5, "C6"), (1.5, 1.75, "A-7"), (3.25, 0.75, "NC"),
                        namespace="chord_weimar").replace(b'"C6"', b'"C"'),
    "ireal.jams": jams((0, 1.5, "C"), (1.5, 1.75, "A-7"), (3.25, 0.75, "N"),
                       namespace="chord_ireal"),
    "columns.jams": json.dumps({"annotations": [{"namespace": "chord_harte", "data": {
        "time": [0, 1.5, 3.25], "duration": [1.5, 1.75, 0.75], "confidence": [1, 1, 1],
        "value": ["C:maj", "A:min7", "N"]}}]}).encode(),
    "an empty annotation first.jams": json.dumps({"annotations": [
        {"namespace": "chord", "data": []}, json.loads(jams((0, 1.5, "C"), (1.5, 1.75, "A:min7"),
        (3.25, 0.75, "N")))["annotations"][0]]}).encode(),
    "out of order.jams": jams((1.5, 1.75, "A:min7"), (0, 1.5, "C"), (3.25, 0.75, "N")),
    "degrees.jams": jams((0, 1.5, "C:(3,5)"), (1.5, 1.75, "A:(b3,5,b7)"), (3.25, 0.75, "N"),
                         namespace="chord_jparser_harte"),
    "the first of two.jams": jams((0, 1.5, "C"), (1.5, 1.75, "A:min7"), (3.25, 0.75, "N"),
        others=[{"namespace": "chord", "data": [{"time": 0, "duration": 4, "value": "F"}]}]),
    "durations that overlap.jams": jams((0, 2, "C"), (1.5, 1.75, "A:min7"), (3.25, 0.75, "N")),
    "beside beats.jams": jams((0, 1.5, "C"), (1.5, 1.75, "A:min7"), (3.25, 0.75, "N"),
        others=[{"namespace": "beat", "data": [{"time": 0, "duration": 0, "value": 1}]}]),
    "roman.jams": jams((0, 1.5, {"tonic": "G", "chord": "IV6"}),
                       (1.5, 1.75, {"tonic": "G", "chord": "ii65"}), (3.25, 0.75, "N"),
                       namespace="chord_roman"),
}  # fmt: skip


@pytest.mark.parametrize("name", SECONDS)
def test_annotations_of_recordings_count_seconds(name: str, tmp_path: Path) -> None:
    chart = read(SECONDS[name], tmp_path, name)
    assert pairs(chart)[:3] == [("C", 0.0), ("Am7", 1.5), ("N", 3.25)]
    assert chart.end == 4 and not chart.bars
    with pytest.raises(ChartError, match="counts seconds and has no bars"):
        chart.excerpt("1-2")
    with pytest.raises(ChartError, match="bpm is not used"):
        chart.at_tempo(100)


def test_nested_segments_resume_and_flats_of_music21_are_read(tmp_path: Path) -> None:
    nested = read(b"0 4 C\n1 2 G\n", tmp_path, "a.lab")
    assert pairs(nested) == [("C", 0.0), ("G", 1.0), ("C", 2.0)]
    flats = jams((0, 1, "B-7"), (1, 1, "E-m/B-"), namespace="chord_m21_leadsheet")
    assert [name for name, _ in pairs(read(flats, tmp_path))] == ["Bb7", "Ebm"]
    unread = read(jams((0, 1, "C"), (1, 1, "blah"), (2, 1, "G")), tmp_path)
    assert pairs(unread) == [("C", 0.0), ("G", 2.0)]
    assert any("'blah' at observation 1" in note for note in unread.notes)


def test_scores_count_measures_and_beats(tmp_path: Path) -> None:
    """ChoCo: 2.3 is the third beat of the second measure."""
    metres = {"namespace": "timesig", "data": [
        {"time": 1.1, "duration": 8, "value": {"numerator": 4, "denominator": 4}},
        {"time": 3.1, "duration": 6, "value": {"numerator": 6, "denominator": 8}},
    ]}  # fmt: skip
    tempo = {"namespace": "tempo", "data": [{"time": 1.1, "duration": 1, "value": 90}]}
    values = ((1.1, 4, "C"), (2.1, 2, "F"), (2.3, 2, "G:7"), (3.1, 2, "A:min"), (4.2, 1, "C"))
    score = {"others": [metres], "sandbox": {"type": "score"}}
    chart = read(jams(*values, **score), tmp_path)
    assert shown(chart) == "C | F G7@2 | Am | C@3/2" and chart.title == "A Song"
    assert [str(bar.metre) for bar in chart.bars] == ["4/4", "4/4", "6/8", "6/8"]
    assert not chart.tempo_map and chart.end == 14
    score["others"] = [metres, tempo]
    assert read(jams(*values, **score), tmp_path).tempo_map[0].bpm == 90
    assert read(jams(*values, **score), tmp_path, bpm=60).seconds(chart.end) == 14


def test_a_tempo_out_of_range_gives_way_to_that_of_the_user(tmp_path: Path) -> None:
    tempo = {"namespace": "tempo", "data": [{"time": 1.1, "duration": 1, "value": 5}]}
    data = jams((1.1, 4, "C"), (2.1, 4, "F"), others=[tempo], sandbox={"type": "score"})
    chart = read(data, tmp_path, bpm=120)
    assert chart.seconds(chart.end) == 4
    assert any("the tempo of the file is not used" in note for note in chart.notes)
    assert not read(data, tmp_path).tempo_map


BILLBOARD = """\
# title: A Song
# artist: Someone
# metre: 4/4
# tonic: Bb

0.0\tsilence
2.0\tA, intro, | Bb:maj | F:maj . . G:min |, (guitar)
6.0\tB, verse, | C:min F:7 | x2, (voice
10.0\t| (3/4) Bb:maj | N |
# metre: 6/8
13.5\tinterlude
15.5\tsilence
16.0\tend
"""


# Lines after the head -> chords by bar with offsets in quarter notes, and the onsets (s) of them.
PHRASES: dict[str, tuple[str, str, list[float]]] = {
    "a phrase": ("0 A, | C:maj | G:7 |", "C | G7", [0, 2]),
    "an even bar": ("0 | C:maj A:min |", "C Am@2", [0, 2]),
    "beats": ("0 | C:maj . . G:7 |", "C G7@3", [0, 3]),
    "a beat held": ("0 | C:maj . G:7 . |", "C G7@2", [0, 2]),
    "three of three": ("# metre: 3/4\n0 | C:maj F:maj G:maj |", "C F@1 G@2", [0, 4 / 3, 8 / 3]),
    "compound": ("# metre: 6/8\n0 | C:maj G:maj |", "C G@3/2", [0, 2]),
    "twelve eighths": ("# metre: 12/8\n0 | C:maj . F:maj . |", "C F@3", [0, 2]),
    "twice": ("0 A, | C:maj | x2", "C | C", [0, 2]),
    "a bar of two": ("0 | C:maj | (2/4) G:7 |", "C | G7", [0, 8 / 3]),
    "four times two": ("0 | F:maj | C:maj | x2, (guitar)", "F | C | F | C", [0, 1, 2, 3]),
    "phrases of two tempi": ("0 | C:maj |\n1 | F:maj |", "C | F", [0, 1]),
    "no chord": ("0 silence\n2 | C:maj | N |", "N | C | N", [0, 2, 3]),
    "a section alone": ("0 A, | C:maj |\n2 B, interlude\n3 | G:maj |", "C |  | G", [0, 3]),
    "inversions": ("0 | C:maj/3 | Bb:maj/5 |", "C/E | Bb/F", [0, 2]),
    "a pause": ("0 | C:maj | &pause |", "C | N", [0, 2]),
}


@pytest.mark.parametrize("name", PHRASES)
def test_chords_of_phrases_begin_on_their_beats(name: str) -> None:
    lines, expected, onsets = PHRASES[name]
    chart = read_billboard(f"# metre: 4/4\n{lines}\n4 end", None)
    assert shown(chart) == expected
    assert [time for _, time in pairs(chart)] == pytest.approx(onsets) and chart.notes is not None
    assert chart.seconds(chart.end) == 4


def test_the_bars_of_a_phrase_share_its_time() -> None:
    chart = read_billboard(BILLBOARD, None)
    assert shown(chart) == "N | Bb | F Gm@3 | Cm F7@2 | Cm F7@2 | Bb | N |  | N"
    assert (chart.title, chart.key) == ("A Song", "Bb")
    assert [str(bar.metre) for bar in chart.bars][-4:] == ["3/4", "4/4", "6/8", "6/8"]
    progression = chart.to_chords()
    assert progression is not None
    assert progression.pairs() == [
        ("N", 0.0), ("Bb", 2.0), ("F", 4.0), ("Gm", 5.5), ("Cm", 6.0), ("F7", 7.0), ("Cm", 8.0),
        ("F7", 9.0), ("Bb", 10.0), ("N", 11.5), ("N", 15.5),
    ]  # fmt: skip
    assert progression.end == 16
    assert [section.name for section in chart.sections] == ["A, intro", "B, verse", "interlude"]


def test_a_billboard_file_is_known_by_its_content(tmp_path: Path) -> None:
    assert read(BILLBOARD.encode(), tmp_path, "salami_chords.txt") == read_billboard(
        BILLBOARD, None
    )


def test_a_lab_file_holds_one_song() -> None:
    with pytest.raises(ChartError, match="a .lab file holds one: leave it out"):
        read_lab_chart("0 1 C", 2)


@pytest.mark.parametrize(
    "name, data, words",
    [
        ("a.lab", b"", "no chord"),
        ("a.lab", b"what is this\n", "is not a segment"),
        ("a.lab", b"0 1 blah\n", "no chord can be read"),
        ("a.jams", b"{", "JSON"),
        ("a.jams", b"[]", "no JAMS document"),
        ("a.jams", b'{"annotations": [{"namespace": "beat"}]}', "no chord annotation"),
        ("a.jams", jams((0, 1, "C"), namespace="chord")[:-30], "JSON"),
        ("a.txt", b"# metre: 4/4\n0.0\t| C |\n", "fewer than two lines"),
        ("a.txt", b"# metre: 4/4\n1.0\t| C |\n2.0\tend", "the first line begins at 0"),
        ("a.txt", b"# metre: 4/4\n0.0\t| C |\n0.0\tend", "ends at 0"),
        ("a.txt", b"# metre: 4/4\n0.0\t| C " + b". " * 100_001, "more than 200,000 characters"),
        ("a.txt", b"# metre: 4/4\n0.0\t" + b"| C " * 10_001 + b"|\n1 end", "more than 10,000 bars"),
    ],
)
def test_a_broken_file_is_one_line(name: str, data: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(ChartError, match=words) as caught:
        read(data, tmp_path, name)
    assert "\n" not in str(caught.value)
