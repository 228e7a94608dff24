from __future__ import annotations

import math

import numpy as np
import pytest

from jasco.extract.onsets import FRAME_RATE
from jasco.extract.tempo import estimate_tempo
from jasco.metrics.tempo import compute

# Strength of a stroke on each eighth of a bar.
BARS = {
    "beats": (1, 0, 1, 0, 1, 0, 1, 0),
    "eighths": (1, 0.4, 0.8, 0.4, 1, 0.4, 0.8, 0.4),
    "backbeat": (0.6, 0.2, 1, 0.2, 0.6, 0.2, 1, 0.2),
    "tresillo": (1, 0, 0.3, 1, 0.3, 0, 1, 0),
}


def strength(bar: tuple[float, ...], bpm: float, seconds: float = 10.0) -> np.ndarray:
    curve = np.random.default_rng(0).uniform(0, 0.02, size=round(seconds * FRAME_RATE))
    for step in range(int(seconds * bpm / 30)):
        place = round(step * 30 / bpm * FRAME_RATE)
        if place < len(curve):
            curve[place] += bar[step % 8]
    return curve


@pytest.mark.parametrize("bpm", [72, 90, 120, 143, 170])
@pytest.mark.parametrize("bar", BARS)
def test_the_tempo_is_found_but_for_its_level(bar: str, bpm: float) -> None:
    assert compute(bpm, estimate_tempo(strength(BARS[bar], bpm)))["accuracy2"] == 1


@pytest.mark.parametrize("bpm", [95, 110, 120, 140])
def test_plain_beats_of_a_usual_tempo_are_the_tempo(bpm: float) -> None:
    assert estimate_tempo(strength(BARS["beats"], bpm)) == pytest.approx(bpm, rel=0.01)


def test_without_a_beat_there_is_no_tempo() -> None:
    for curve in (np.zeros(2000), np.full(2000, 0.3), np.zeros(0), strength((1,) * 8, 120, 1.0)):
        assert math.isnan(estimate_tempo(curve))
