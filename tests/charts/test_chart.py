from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from charts import shown

from jasco import Chart, ChordProgression, Conditions, load_chart
from jasco.charts import Bar, ChartChord, ChartNote, Section, TempoChange
from jasco.chords.metre import Metre
from jasco.errors import ChartError, ChordError, JascoError
from jasco.song.ranges import bar_ranges

THREE, FOUR = Metre(3, 4), Metre(4, 4)


def waltz() -> Chart:
    """Pick-up of a quarter, two bars of 3/4 at 120, and two of 4/4 at 60."""
    lengths = ((1, THREE), (3, THREE), (3, THREE), (4, FOUR), (4, FOUR))
    bars, at = [], Fraction(0)
    for length, metre in lengths:
        bars.append(Bar(at, Fraction(length), metre))
        at += length
    return Chart(
        chords=tuple(ChartChord(Fraction(o), n) for o, n in ((1, "C"), (5, "G7"), (7, "Am"))),
        end=at,
        bars=tuple(bars),
        tempo_map=(TempoChange(Fraction(0), Fraction(120)), TempoChange(Fraction(7), Fraction(60))),
        melody=tuple(
            ChartNote(Fraction(o), Fraction(n), k) for o, n, k in ((0, 1, 67), (3, 3, 72))
        ),
        sections=(Section(Fraction(0), "A"), Section(Fraction(7), "B")),
        key="Am",
        title="Waltz",
        notes=("a note",),
    )


def test_seconds_follow_the_tempo_and_the_metre() -> None:
    progression = waltz().to_chords()
    assert progression is not None
    assert progression.pairs() == [("C", 0.5), ("G7", 2.5), ("Am", 3.5)]
    assert progression.bars == (0.5, 2, 3.5, 7.5) and progression.end == 11.5
    assert progression.notices == ("a note",)
    melody = waltz().to_melody()
    assert melody is not None and melody.roll.shape[1] == 11.5 * 50
    assert melody.notes() == ((67, 0, 0.5), (72, 1.5, 3))


def test_times_of_many_tempi_stay_short_and_right() -> None:
    tempi = [TempoChange(Fraction(n), Fraction(60) + Fraction(1, 10**6 + n)) for n in range(500)]
    chart = Chart((ChartChord(Fraction(0), "C"),), Fraction(500), tempo_map=tuple(tempi))
    exact = sum((60 / change.bpm for change in tempi[:-1]), Fraction(0))
    assert chart.seconds(Fraction(499)) == pytest.approx(float(exact), abs=1e-12)
    assert max(time.denominator for time in chart._before) <= 2**64


def test_bars_count_from_one_and_a_pick_up_is_bar_zero() -> None:
    chart = waltz()
    assert shown(chart.excerpt("1-2")) == "C | G7@1"
    assert shown(chart.excerpt("0")) == ""
    assert shown(chart.excerpt((3, 4))) == "Am | " == shown(chart.excerpt("3-"))
    part = chart.excerpt("2 - 3")
    # The chord, the note and the section that sound at its beginning begin there.
    assert shown(part) == "C G7@1 | Am"
    assert part.melody == (ChartNote(Fraction(0), Fraction(2), 72),)
    assert part.sections == (Section(Fraction(0), "A"), Section(Fraction(3), "B"))
    assert part.tempo_map == (TempoChange(Fraction(0), 120), TempoChange(Fraction(3), 60))
    assert part.end == 7 and [bar.onset for bar in part.bars] == [0, 3]
    # A note that lasts beyond the last bar ends with it.
    assert chart.excerpt(1).melody[0].length == 1
    for wrong in ("5", "3-2", "-1", "a", "", "1-99", True, (), (1, 2, 3)):
        with pytest.raises(ChartError, match="give the first and the last of 0 to 4"):
            chart.excerpt(wrong)


def test_transposition_moves_chords_melody_and_key() -> None:
    chart = waltz().transposed(2)
    assert [chord.name for chord in chart.chords] == ["D", "A7", "Bm"]
    assert [note.key for note in chart.melody] == [69, 74] and chart.key == "Bm"
    assert chart.transposed(-2) == waltz() == waltz().transposed(0)
    keys = [waltz().transposed(n).key for n in range(12)]
    assert keys == "Am Bbm Bm Cm C#m Dm Ebm Em Fm F#m Gm G#m".split()
    for wrong in (49, 0.5, True, "2"):
        with pytest.raises(ChartError, match="semitones from -48 to 48"):
            waltz().transposed(wrong)


def test_a_tempo_scales_the_later_ones() -> None:
    chart = waltz().at_tempo(90)
    assert [change.bpm for change in chart.tempo_map] == [90, 45]
    compound = Chart((), Fraction(3), (Bar(Fraction(0), Fraction(3), Metre(6, 8)),))
    assert compound.at_tempo(120).tempo_map[0].bpm == 60  # eighths
    with pytest.raises(ChordError, match="from 20 to 600"):
        waltz().at_tempo(5)
    with pytest.raises(ChartError, match="has no tempo: give bpm"):
        compound.seconds(Fraction(1))


def test_a_chart_checks_its_events() -> None:
    bar = Bar(Fraction(0), Fraction(4), FOUR)
    late = (ChartChord(Fraction(5), "C"),)
    for chords, bars, words in (
        (late, (bar,), "between 0 and the end"),
        ((ChartChord(Fraction(0), "H"),), (bar,), "none of the 194"),
        ((), (bar, bar), "bars follow each other"),
        ((), (), ""),
    ):
        if not words:
            assert Chart(chords, Fraction(4), bars).excerpt is not None
            continue
        with pytest.raises(ChartError, match=words):
            Chart(chords, Fraction(4), bars)


def test_conditions_of_a_chart(tmp_path: Path) -> None:
    path = tmp_path / "song.html"
    path.write_text("irealb://A=B==Swing=C==1r34LbKcu7[T44C   |D-7 G7 |C   Z==x=0=0")
    clip = Conditions.from_chart(path, bars="2-3", transpose=2, bpm=120, text="swing")
    assert clip.text == "swing" and clip.melody is None
    assert isinstance(clip.chords, ChordProgression)
    assert clip.chords.pairs() == [("Em7", 0.0), ("A7", 1.0), ("D", 2.0)] and clip.chords.end == 4
    own = Conditions.from_chart(waltz(), chords=None, melody=None, text="a")
    assert own.asked == ("text",)
    assert Conditions.from_chart(waltz()).asked == ("chords", "melody")
    with pytest.raises(ChartError, match="has no tempo: give bpm"):
        Conditions.from_chart(path)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    for name, data, words in (
        ("a.xyz", b"\x00\x01", "no chart that is known: give iReal Pro"),
        ("a.html", b"<html></html>", "as iReal Pro: no song"),
        ("a.html", b"", "as iReal Pro: no song"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ChartError, match=words):
            load_chart(tmp_path / name)
    (tmp_path / "wrong.pdf").write_text("irealb://A=B==Swing=C==1r34LbKcu7C   Z==x=0=0")
    assert shown(load_chart(tmp_path / "wrong.pdf", bpm=100)) == "C"
    with pytest.raises(JascoError, match="No such file"):
        load_chart(tmp_path / "none.html")


def test_bars_of_chords_are_counted_like_those_of_the_chart() -> None:
    """A pick-up is bar 0: sections and edits count from the bar after it."""
    chart = waltz()
    chords = chart.to_chords()
    assert chords is not None and chart.bars[0].sounding == Metre(1, 4)
    assert chords.bars == (0.5, 2.0, 3.5, 7.5) and chords.metres == (THREE, THREE, FOUR, FOUR)
    assert bar_ranges("2-3", chords.bars, 11.5) == ((2.0, 7.5),)
    cut = chords.crop(2.0, 10.5)
    assert (cut.bars, cut.metres) == ((0.0, 1.5, 5.5), (THREE, FOUR, THREE))
    assert len(chords.fit(20).metres) == 4
