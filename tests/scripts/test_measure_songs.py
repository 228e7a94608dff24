"""``scripts/measure_songs.py``: onsets at the wrap of loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from programs import load_script

from jasco import ChordProgression, Conditions, Melody
from jasco.adherence import AdherenceReport
from jasco.adherence.drums import Rhythm

RATE = 32000


@pytest.fixture
def seams():
    return load_script("seams")


@pytest.fixture
def script(seams):
    return load_script("measure_songs")


def report(requested: list[float], extracted: list[float]) -> AdherenceReport:
    sides = (Rhythm(np.array(times)) for times in (requested, extracted))
    requests, extracts = ({"drums": side} for side in sides)
    return AdherenceReport(requests, extracts, {}, {})


def test_onsets_around_a_place_are_matched_with_those_beyond_it(seams) -> None:
    """The onset at 4.49 s has its match at 4.52 s, outside the half second."""
    one = report([1.0, 3.8, 4.0, 4.49, 6.0], [1.0, 4.03, 4.3, 4.52, 6.0])
    assert seams.onset_counts([one], 4.0) == {"onsets": 5, "hits": 3}
    assert seams.onset_counts([one, one], 4.0) == {"onsets": 10, "hits": 6}


def test_onsets_of_a_loop_without_drums_do_not_count(seams) -> None:
    assert seams.onset_counts([report([], [4.0])], 4.0) == {"onsets": 0, "hits": 0}


def test_onsets_of_all_loops_count_alike(seams) -> None:
    """A loop with one missed onset does not weigh as much as one with eight; jackknife by hand."""
    pairs = [((16, 16), (16, 16)), ((0, 1), (2, 2)), ((8, 10), (9, 10)), ((0, 0), (0, 0))]
    rows = [
        {
            place: {"hits": hits, "onsets": onsets}
            for place, (hits, onsets) in zip((seams.AT_WRAP, seams.INSIDE), pair, strict=True)
        }
        for pair in pairs
    ]
    left = [8 / 11 - 11 / 12, 24 / 26 - 25 / 26, 16 / 17 - 18 / 18]
    error = (2 / 3 * sum((value - sum(left) / 3) ** 2 for value in left)) ** 0.5
    found = seams.onsets_of_loops(rows)
    assert f"{24 / 27:.3f}, inside {27 / 28:.3f}" in found
    assert f"{24 / 27 - 27 / 28:+.3f} +- {error:.3f}  n 3" in found


def test_a_turned_loop_begins_in_its_middle(script) -> None:
    """Chords, drums and melody of each half have changed places."""
    notes = [(60, 0.0, 1.0), (62, 2.0, 3.0), (64, 4.5, 5.0)]
    drums = torch.arange(6.0 * RATE)[None] / RATE
    clip = Conditions(
        "funk",
        chords=ChordProgression.parse("C | Am | F | G", bpm=160),
        melody=Melody.from_notes(notes),
    )
    new = script.turned(clip, drums, 6.0, RATE)
    assert torch.equal(new.chords.frames(300, 50), clip.chords.frames(300, 50).roll(150))
    rate = script.MELODY_RATE
    size = round(6 * rate)
    shift = round(3 * rate)
    rows = new.melody.frames(size, rate), clip.melody.frames(size, rate)
    assert torch.equal(rows[0], rows[1].roll(-shift, 1))
    assert new.drums.samples[0, 0] == 3.0 and new.drums.samples[0, 3 * RATE] == 0.0
    again = script.turned(new, new.drums.samples, 6.0, RATE)
    assert torch.equal(again.drums.samples, drums)
