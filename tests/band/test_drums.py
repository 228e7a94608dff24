from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from jasco.band.drums import FREE, draw_grooves, families, play_drums
from jasco.band.grid import METERS, read_row
from jasco.band.grooves import FAMILIES, PIECES

CASES = [(f, m) for f in FAMILIES for m in FAMILIES[f].grooves]


def test_a_dozen_families_and_more():
    assert len(FAMILIES) >= 12
    assert all(len(families(meter)) >= 6 for meter in METERS)


@pytest.mark.parametrize(("family", "meter"), CASES)
def test_tabs_are_complete(family, meter):
    """Pieces that exist, steps that divide the bar, marks that have a loudness."""
    steps = {"4/4": {8, 16, 32}, "3/4": {6, 12}, "6/8": {6, 12}}[meter]
    for groove in FAMILIES[family].grooves[meter]:
        assert set(groove) <= set(PIECES)
        assert {len(row) for row in groove.values()} <= steps
        assert set("".join(groove.values())) <= set("Xxo.")


@pytest.mark.parametrize(("family", "meter"), [*CASES, (FREE, "4/4"), (FREE, "6/8")])
def test_every_bar_is_played(family, meter):
    rng, beats = Random(0), METERS[meter].beats
    groove = draw_grooves(rng, family, METERS[meter])[0]
    events = play_drums(rng, groove, METERS[meter], 3, crash=False, end="plain")
    strokes = sorted(
        (stroke.at, PIECES[piece])
        for piece, row in groove.items()
        for stroke in read_row(row, beats)
    )
    for bar in range(3):
        assert strokes == [
            (event.at - bar * beats, event.pitch)
            for event in events
            if bar * beats <= event.at < (bar + 1) * beats
        ]


def test_grooves_vary_from_song_to_song():
    drawn = [draw_grooves(Random(seed), "rock", METERS["4/4"]) for seed in range(100)]
    assert len({str(grooves) for grooves in drawn}) > 60
    backbeats = [row for g, _ in drawn for piece, row in g.items() if piece == "snare"]
    assert all(row[4] == row[12] == "X" for row in backbeats)


@pytest.mark.parametrize("seed", range(20))
def test_fills_and_breaks_come_at_the_end(seed):
    groove = FAMILIES["rock"].grooves["4/4"][0]
    plain, fill, empty = (
        play_drums(Random(seed), groove, METERS["4/4"], 4, crash=False, end=end)
        for end in ("plain", "fill", "break")
    )
    beginning = [[(e.at, e.pitch) for e in events if e.at < 12] for events in (plain, fill, empty)]
    assert beginning[0] == beginning[1] == beginning[2]
    assert empty[-1].at < 15.5 and plain[-1].at == 15.5
    last = Counter(e.pitch for e in fill if e.at >= 15.5)
    toms = {PIECES[name] for name in ("snare", "high", "mid", "low", "floor", "kick")}
    assert set(last) <= toms


def test_a_crash_opens_a_section():
    groove = FAMILIES["pop"].grooves["4/4"][0]
    events = play_drums(Random(0), groove, METERS["4/4"], 2, crash=True, end="plain")
    assert [e.at for e in events if e.pitch == PIECES["crash"]] == [0.0]
