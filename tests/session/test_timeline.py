"""Bars and tempi from seconds, and what a session takes for granted."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from jasco.audio import Audio
from jasco.charts import Chart
from jasco.chords.metre import COMMON, Metre
from jasco.errors import ChordError, SettingError
from jasco.session.build import make_session
from jasco.session.session import NoteTrack, Session, TrackNote, quarters
from jasco.session.timeline import bars_of_seconds, extended

RATE = 32000
METRES = st.builds(Metre, st.integers(1, 12), st.sampled_from([2, 4, 8, 16]))


@given(
    st.lists(st.tuples(METRES, st.integers(400, 2400)), min_size=2, max_size=20),
    st.sampled_from([0.0, 0.7]),
)
def test_bars_keep_their_times_metres_and_tempi(bars, begin: float) -> None:
    """Onsets within a hundredth of a sample; tempi of a tenth are found exactly."""
    onsets, time = [], Fraction(begin)
    for metre, tenths in bars:
        onsets.append(float(time))
        time += 4 * metre.length * 600 / tenths
    metres = [metre for metre, _ in bars]
    chart = bars_of_seconds(onsets, metres, float(time))
    found = chart.bars[1:] if begin else chart.bars
    assert [bar.metre for bar in found][: len(bars)] == metres
    for bar, onset in zip(found, onsets, strict=False):
        assert abs(chart.seconds(bar.onset) - onset) * RATE < 0.01
        assert quarters(chart, onset) == bar.onset
    tempi = {change.bpm for change in chart.tempo_map[1 if begin else 0 :]}
    assert tempi <= {Fraction(tenths, 10) for _, tenths in bars}


def test_a_tempo_stays_where_rounding_alone_differs() -> None:
    onsets = [bar * 4 * 60 / 97 for bar in range(300)]
    chart = bars_of_seconds(onsets, [COMMON] * 300, onsets[-1] + 1)
    assert [change.bpm for change in chart.tempo_map] == [97]
    assert len(chart.bars) == 300 and chart.end == 1200


def test_bars_repeat_to_the_end_of_the_take(chart: Chart) -> None:
    longer = extended(chart, 20.0)
    assert longer.bars[: len(chart.bars)] == chart.bars
    assert longer.seconds(longer.bars[-1].onset) < 20.0 <= longer.seconds(longer.end)
    assert {bar.metre for bar in longer.bars[4:]} == {Metre(3, 4)}
    (bar,) = bars_of_seconds([0.0], [Metre(6, 8)], 2.0, bpm=180).bars
    assert (bar.length, bar.metre) == (3, Metre(6, 8))


def test_a_recipe_without_bars_counts_seconds_and_says_so(audio: Audio) -> None:
    plain = {"duration": 10.0, "conditions": {"frames": 500, "chords": [["C", 0.0], ["G", 2.3]]}}
    session = make_session(audio, plain)
    assert "no tempo" in session.notes[0] and "120" in session.notes[0]
    assert [c.bpm for c in session.chart.tempo_map] == [120]
    assert session.chart.seconds(session.chart.chords[1].onset) == pytest.approx(2.3, abs=1e-9)
    session = make_session(audio, plain, bpm=90, time_signature="3/4")
    assert not session.notes and session.chart.bars[0].metre == Metre(3, 4)
    assert [c.bpm for c in session.chart.tempo_map] == [90]
    with pytest.raises(ChordError, match="time_signature is '4'"):
        make_session(audio, plain, bpm=90, time_signature="4")


def test_an_older_recipe_is_taken_as_common_time(audio: Audio, recipe: dict[str, Any]) -> None:
    del recipe["conditions"]["metres"]
    session = make_session(audio, recipe)
    assert "taken as 4/4" in session.notes[0]
    assert {bar.metre for bar in session.chart.bars} == {COMMON}
    times = [session.chart.seconds(bar.onset) for bar in session.chart.bars][:5]
    assert times == pytest.approx(recipe["conditions"]["bars"], abs=1e-7)


def test_chords_melody_and_drums_lie_on_the_bars(session: Session, recipe: dict[str, Any]) -> None:
    chart = session.chart
    assert [bar.onset for bar in chart.bars][:5] == [0, 4, 8, 11, 15]
    assert [change[:2] for change in chart.tempo_map] == [(0, 97), (11, 140)]
    assert [(c.onset, c.name) for c in chart.chords] == [
        (0, "C"), (2, "Am"), (4, "F/A"), (8, "N"), (15, "G7"),
    ]  # fmt: skip
    assert (chart.key, chart.title, session.notes) == ("Am", "song", ())
    assert [note.key for note in chart.melody] == [60, 64]
    assert chart.seconds(chart.melody[1].onset) == pytest.approx(1.0, abs=1e-4)
    named = {track.name: track for track in session.all_tracks}
    assert [*named] == ["chords", "melody", "drums", "melody (extracted)", "drums (extracted)"]
    assert named["drums"].notes[1][:3] == (1, Fraction(named["drums"].notes[1].length), 38)
    assert named["drums"].channel == named["drums (extracted)"].channel == 9
    keys = [note.key for note in named["chords"].notes if note.onset == 4]
    assert keys == [45, 53, 57, 60]  # the bass below the chord
    assert not [note for note in named["chords"].notes if note.onset == 8]  # no chord


def test_a_chart_gives_its_own_bars_notes_and_sections(audio: Audio, chart: Chart) -> None:
    session = make_session(audio, {"duration": 10.0, "conditions": {"frames": 500}}, chart=chart)
    assert session.chart.bars[:4] == chart.bars and session.chart.melody == chart.melody
    assert session.chart.sections == chart.sections and session.chart.chords == chart.chords
    assert not session.notes


def test_sections_loops_and_edits(audio: Audio, recipe: dict[str, Any]) -> None:
    spans = [[0.0, 8 * 60 / 97, "calm"], [8 * 60 / 97, 10.0, "loud"]]
    song = make_session(audio, recipe | {"song": {"kind": "sections", "sections": spans}})
    assert [(s.onset, s.name) for s in song.chart.sections] == [(0, "calm"), (8, "loud")]
    loop = {"kind": "loop", "bars": 4, "bar": 2.5, "time_signature": "4/4", "key": "Am"}
    found = make_session(audio, {"conditions": {"frames": 500}, "song": loop}).chart
    assert (len(found.bars), found.end, found.key) == (4, 16, "Am")
    assert [change.bpm for change in found.tempo_map] == [96]
    source = {"path": "a.wav", "fingerprint": "f", "recipe": recipe}
    edit = {"conditions": {"chords": [["D", 0.0]]}, "song": {"kind": "continue", "source": source}}
    edit["song"]["padding"] = [2.0, 0.0]
    session = make_session(audio, edit)
    assert "an edit" in session.notes[0]
    onset = session.chart.chords[1].onset
    assert session.chart.seconds(onset) == pytest.approx(2.0 + 2 * 60 / 97, abs=1e-9)


def test_notes_are_cut_at_the_end_and_never_empty(chart: Chart) -> None:
    end = chart.seconds(chart.end)
    track = NoteTrack.of_seconds("x", [(60, 1.0, 1.0), (61, 0.0, 99.0), (62, 98.0, 99.0)], chart)
    assert track.notes[0] == TrackNote(Fraction(0), chart.end, 61)
    assert track.notes[1].length == Fraction(1, 10080)
    assert len(track.notes) == 2 and end < 98


def test_stems_are_as_long_as_the_take(audio: Audio, recipe: dict[str, Any]) -> None:
    session = make_session(audio, recipe, stems={"drums": audio})
    assert [*session.files] == ["mix", "drums"]
    with pytest.raises(SettingError, match=r"stem 'drums' of 1\.00 s"):
        make_session(audio, recipe, stems={"drums": Audio(torch.zeros(1, RATE), RATE)})
    with pytest.raises(SettingError, match=r"stem '\.\./drums'"):
        make_session(audio, recipe, stems={"../drums": audio})
