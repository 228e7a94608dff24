from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from jasco.band.grid import METERS
from jasco.band.harmony import Key, compose_harmony
from jasco.band.lead import CONTOURS, DENSITIES, LeadStyle, _aim, play_lead


def leads(density="even", meter="4/4", count=60, bars=8, language="functional"):
    for seed in range(count):
        rng = Random(f"{density}{meter}{seed}")
        key = Key(seed % 12, "major" if seed % 2 else "minor")
        spans = compose_harmony(rng, key, METERS[meter], bars, language, "bar", 0.3)
        style = LeadStyle(60, 76, density, 0.9)
        yield key, spans, play_lead(rng, spans, key, METERS[meter], bars, style)


@pytest.mark.parametrize("meter", METERS)
@pytest.mark.parametrize("density", DENSITIES)
def test_one_voice_in_its_range_with_rests(density, meter):
    for _, _, events in leads(density, meter):
        end = 8 * METERS[meter].beats
        assert all(60 <= event.pitch <= 76 for event in events)
        assert all(a.at + a.length <= b.at + 1e-9 for a, b in pairwise(events))
        assert events and events[-1].at + events[-1].length <= end
        sounding = sum(event.length for event in events)
        assert 0.25 * end < sounding < 0.95 * end


def test_densities_differ():
    counts = [sum(len(events) for *_, events in leads(density)) for density in DENSITIES]
    assert counts[0] < 0.7 * counts[1] < 0.7 * 0.7 * counts[2]


def test_strong_notes_belong_to_the_chord_and_others_to_the_scale():
    weak = passing = 0
    for key, spans, events in leads("busy", language="free"):
        for event in events:
            chord = next(s.chord for s in spans if s.start <= event.at < s.end)
            if event.at % 1 == 0:
                assert event.pitch % 12 in chord.tones
            else:
                weak += 1
                passing += event.pitch % 12 not in chord.tones
                assert event.pitch % 12 in {*chord.tones, *key.scale}
    assert 0.1 < passing / weak < 0.9


def test_lines_move_by_step_more_than_by_leap():
    leaps = [abs(a.pitch - b.pitch) for *_, events in leads("busy") for a, b in pairwise(events)]
    assert sum(leap <= 4 for leap in leaps) > 0.6 * len(leaps)
    assert sum(leap > 4 for leap in leaps) > 0.02 * len(leaps)
    assert sum(leap == 0 for leap in leaps) < 0.35 * len(leaps)


def test_contours_lead_where_they_say():
    style = LeadStyle(60, 72, "even", 1.0)
    middle, edges = 0.5, (0.0, 1.0)
    assert _aim(style, CONTOURS["arch"], middle) > max(
        _aim(style, CONTOURS["arch"], e) for e in edges
    )
    assert _aim(style, CONTOURS["rising"], 1.0) > 70 > 62 > _aim(style, CONTOURS["rising"], 0.0)
    assert _aim(style, CONTOURS["falling"], 0.25) == pytest.approx(66 + 1.25 * 0.45 * 6)
