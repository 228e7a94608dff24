from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from jasco.band.accompaniment import BASS_LINES, COMPING, play_bass, play_chords, voice
from jasco.band.grid import METERS
from jasco.band.harmony import CHORDS, Span

NAMES = ("C", "F#m7", "G7/B", "C/D", "Bm7b5/A", "Ebaug", "Abdim", "Dm6", "E6", "Bbmaj7")


def spans_of(meter, bars=1.0):
    length = bars * meter.beats
    return [Span(i * length, (i + 1) * length, CHORDS[name]) for i, name in enumerate(NAMES)]


def inside(events, span):
    return [event for event in events if span.start <= event.at < span.end]


@pytest.mark.parametrize("name", CHORDS)
def test_a_voicing_holds_each_tone_once_near_the_centre(name):
    chord = CHORDS[name]
    for before in ((), (55, 59, 62)):
        notes = voice(chord, 62, before)
        assert sorted(note % 12 for note in notes) == sorted(chord.tones)
        assert max(notes) - min(notes) < 12 and abs(sum(notes) / len(notes) - 62) < 7


def test_voices_move_little():
    voicing, steps = (), []
    for name in ("C", "Am", "F", "G", "C", "Em", "F", "Fm", "C"):
        after = voice(CHORDS[name], 62, voicing)
        steps += [min(abs(n - b) for b in voicing) for n in after] if voicing else []
        voicing = after
    assert sum(steps) / len(steps) < 1.5


@pytest.mark.parametrize("style", COMPING)
@pytest.mark.parametrize("meter", METERS.values(), ids=METERS)
def test_every_pattern_states_the_whole_chord_and_nothing_else(style, meter):
    spans = spans_of(meter)
    events = play_chords(Random(0), spans, meter, style, 62, low_bass=False)
    for span in spans:
        found = inside(events, span)
        assert {event.pitch % 12 for event in found} == set(span.chord.tones)
        assert all(event.at + event.length <= span.end + 0.05 for event in found)
        if COMPING[style].states:
            assert min(event.at for event in found) == span.start


@pytest.mark.parametrize("style", COMPING)
def test_without_a_bass_the_chords_carry_theirs(style):
    meter = METERS["4/4"]
    spans = spans_of(meter)
    for span in spans:
        found = inside(play_chords(Random(0), spans, meter, style, 62, low_bass=True), span)
        assert min(event.pitch for event in found) % 12 == span.chord.bass


@pytest.mark.parametrize("style", BASS_LINES)
@pytest.mark.parametrize("meter", METERS.values(), ids=METERS)
@pytest.mark.parametrize("bars", [1.0, 0.5])
def test_a_bass_line_begins_each_chord_with_its_bass(style, meter, bars):
    spans = spans_of(meter, bars)
    events = play_bass(Random(0), spans, meter, style)
    assert all(28 <= event.pitch <= 64 for event in events)
    assert all(a.at + a.length <= b.at + 1e-9 for a, b in pairwise(events))
    for span in spans:
        found = inside(events, span)
        assert found[0].at == span.start and found[0].pitch % 12 == span.chord.bass
        if span.chord.bass != span.chord.root:
            assert {event.pitch % 12 for event in found} == {span.chord.bass}


def test_a_walking_bass_steps_into_the_next_chord():
    spans = spans_of(METERS["4/4"])
    events = play_bass(Random(0), spans, METERS["4/4"], "walking")
    last = inside(events, spans[0])[-1]
    following = inside(events, spans[1])[0]
    assert abs(last.pitch - following.pitch) % 12 in (1, 11)


def test_rests_of_the_harmony_are_rests():
    spans = [Span(0, 4, CHORDS["C"]), Span(4, 8, None), Span(8, 12, CHORDS["F"])]
    for events in (
        play_chords(Random(0), spans, METERS["4/4"], "eighths", 62, low_bass=True),
        play_bass(Random(0), spans, METERS["4/4"], "eighths"),
    ):
        assert not inside(events, spans[1]) and inside(events, spans[2])
