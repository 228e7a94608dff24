from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from xml.etree.ElementTree import fromstring

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jasco.charts import (
    Bar,
    Chart,
    ChartChord,
    ChartNote,
    Section,
    TempoChange,
    load_chart,
    save_chart,
)
from jasco.charts.keys import key_of_signature
from jasco.charts.midi import read_midi_chart
from jasco.charts.musicxml import read_musicxml
from jasco.charts.write_midi import midi_of_chart
from jasco.charts.write_musicxml import musicxml_of_chart
from jasco.chords import CHORD_NAMES
from jasco.chords.metre import Metre
from jasco.errors import ChartError

METRES = [Metre(*each) for each in ((4, 4), (3, 4), (6, 8), (2, 2), (7, 8), (12, 8), (5, 4))]
WORDS = st.from_regex(r"[A-Z][a-zé]{0,8}( [a-z0-9]{1,5})?", fullmatch=True)


@st.composite
def charts(draw: st.DrawFn) -> Chart:
    """Chart with a pick-up or without, changes of metre and tempo, and notes over bar lines."""
    metres = draw(st.lists(st.sampled_from(METRES), min_size=1, max_size=6))
    # A first bar that is shorter than the second metre reads as a pick-up of it.
    metres[:1] = metres[:1] if len(metres) == 1 else metres[1:2]
    bars, at = [], Fraction(0)
    for index, metre in enumerate(metres):
        short = index == 0 and len(metres) > 1 and draw(st.booleans())
        length = Fraction(1, 2) if short else 4 * metre.length
        bars.append(Bar(at, length, metre))
        at += length
    grid = draw(st.sampled_from((1, 2, 3, 4, 8, 12)))

    def onsets(most: int) -> list[Fraction]:
        steps = st.integers(0, int(at * grid) - 1)
        found = draw(st.lists(steps, unique=True, max_size=most))
        return sorted(Fraction(step, grid) for step in found)

    chords = [ChartChord(on, draw(st.sampled_from(CHORD_NAMES))) for on in onsets(8)]
    chords = chords or [ChartChord(Fraction(0), "C")]
    starts = onsets(8)
    notes = []
    for index, (start, stop) in enumerate(zip(starts, [*starts[1:], at], strict=False)):
        length = Fraction(draw(st.integers(1, max(1, int((stop - start) * grid)))), grid)
        notes.append(ChartNote(start, length, draw(st.integers(36, 96))))
        if index == 0 and draw(st.booleans()):  # a second voice
            notes.append(ChartNote(start, min(at - start, Fraction(9)), 30))
    tempi = [TempoChange(on, Fraction(draw(st.integers(200, 3000)), 10)) for on in onsets(3)]
    if tempi:
        tempi[0] = tempi[0]._replace(onset=Fraction(0))
    marked = draw(st.lists(st.sampled_from(bars), unique=True, max_size=3))
    return Chart(
        chords=tuple(chords),
        end=at,
        bars=tuple(bars),
        tempo_map=tuple(tempi),
        melody=tuple(sorted(notes)),
        sections=tuple(Section(bar.onset, draw(WORDS)) for bar in sorted(marked)),
        key=draw(st.none() | st.builds(key_of_signature, st.integers(-7, 7), minor=st.booleans())),
        title=draw(WORDS),
    )


def without_repeated_tempi(chart: Chart) -> list[tuple[Fraction, float]]:
    found: list[tuple[Fraction, float]] = []
    for change in chart.tempo_map:
        if not found or round(float(change.bpm), 2) != found[-1][1]:
            found.append((change.onset, round(float(change.bpm), 2)))
    return found


def assert_same(read: Chart, written: Chart) -> None:
    for name in ("bars", "chords", "melody", "sections", "key", "title", "end"):
        assert getattr(read, name) == getattr(written, name), name
    if written.tempo_map:
        assert without_repeated_tempi(read) == without_repeated_tempi(written)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(charts())
def test_a_chart_written_as_musicxml_reads_the_same(chart: Chart) -> None:
    read = read_musicxml(musicxml_of_chart(chart), None)
    assert_same(read, chart)
    assert bool(read.tempo_map) == bool(chart.tempo_map)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(charts())
def test_a_chart_written_as_midi_reads_the_same(chart: Chart) -> None:
    assert_same(read_midi_chart(midi_of_chart(chart), None), chart)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(charts(), st.integers(-12, 12))
def test_transposing_there_and_back_gives_the_same(chart: Chart, steps: int) -> None:
    back = chart.transposed(steps).transposed(-steps)
    assert (back.chords, back.melody, back.end) == (chart.chords, chart.melody, chart.end)


def song() -> Chart:
    bars = tuple(Bar(Fraction(4 * n), Fraction(4), METRES[0]) for n in range(2))
    chords = (("C", 0), ("F#m7b5", 2), ("G/B", 4), ("N", 6))
    return Chart(
        chords=tuple(ChartChord(Fraction(at), name) for name, at in chords),
        end=Fraction(8),
        bars=bars,
        tempo_map=(TempoChange(Fraction(0), Fraction(120)),),
        melody=(ChartNote(Fraction(3), Fraction(2), 67),),
        sections=(Section(Fraction(0), "A"),),
        title="A Song",
    )


def test_files_by_their_suffix(tmp_path: Path) -> None:
    for name in ("song.mid", "song.musicxml"):
        save_chart(song(), tmp_path / name)
        assert load_chart(tmp_path / name) == song()
    chords = song().to_chords()
    for name in ("song.lab", "song.jams"):
        save_chart(song(), tmp_path / name)
        read = load_chart(tmp_path / name).to_chords()
        assert read == chords
    for path, chart, words in (
        ("song.pdf", song(), "the suffix must be one of .mid, .musicxml, .lab, .jams"),
        ("song.lab", Chart((), Fraction(4), song().bars[:1]), "the chart has no chords"),
        ("song.musicxml", load_chart(tmp_path / "song.lab"), "has no bars: write .lab or .jams"),
    ):
        with pytest.raises(ChartError, match=words):
            save_chart(chart, tmp_path / path)


def test_other_readers_find_names_and_notes() -> None:
    file = mido.MidiFile(file=io.BytesIO(midi_of_chart(song())))
    named = [m for m in file.tracks[1] if m.type in ("marker", "text")]
    assert [m.text for m in named if m.type == "marker"] == ["C", "F#m7b5", "G/B", "N"]
    assert [m.text for m in named if m.type == "text"] == ["C", "F#m7b5", "G/B", "N"]
    assert [m.text for m in file.tracks[0] if m.type == "cue_marker"] == ["A"]
    assert file.length == pytest.approx(4.0)
    root = fromstring(musicxml_of_chart(song()))
    assert [kind.text for kind in root.iter("kind")] == [
        "major",
        "half-diminished",
        "major",
        "none",
    ]
    assert [tie.get("type") for tie in root.iter("tie")] == ["start", "stop"]
