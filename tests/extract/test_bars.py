"""Bar lines of recordings with a known beat, and of those without one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from jasco.audio import Audio
from jasco.extract.bars import find_bars

RATE = 16000
CHORDS = ((48, 60, 64, 67), (45, 57, 60, 64), (53, 60, 65, 69), (43, 59, 62, 67))


def music(beats: int, bpm: float, seconds: float = 16.0, before: float = 0.0) -> Audio:
    """A stroke of noise on each beat, the first of a bar louder, and a chord for each bar."""
    time = np.arange(round(seconds * RATE)) / RATE
    place = (time - before) / 60 * bpm
    noise = np.random.default_rng(0).standard_normal(len(time))
    accent = np.where(np.floor(place) % beats == 0, 0.4, 0.2)
    sound = accent * noise * np.exp(-(place % 1) * 20) * (place >= 0)
    for bar, chord in enumerate(CHORDS):
        inside = (place >= 0) & (np.floor(place / beats) % len(CHORDS) == bar)
        tones = sum(np.sin(2 * np.pi * 440 * 2 ** ((key - 69) / 12) * time) for key in chord)
        sound += 0.05 * tones * inside
    return Audio(torch.from_numpy(sound).float()[None], RATE)


@pytest.mark.parametrize(("beats", "bpm", "before"), [(4, 120, 0.0), (4, 96, 0.7), (3, 132, 0.4)])
def test_bars_are_found(beats, bpm, before):
    bars = find_bars(music(beats, bpm, before=before))
    wanted = np.arange(before, 16, 60 / bpm * beats)
    errors = np.abs(bars[:, None] - wanted).min(axis=1)
    assert len(bars) >= len(wanted) - 2 and (errors < 0.05).mean() > 0.85


def test_without_a_beat_there_are_none():
    rng = np.random.default_rng(1)
    strokes = np.zeros(20 * RATE)
    for start in rng.uniform(0, 19, 40) * RATE:
        strokes[int(start) : int(start) + 1500] += 0.3 * rng.standard_normal(1500)
    noise = 0.1 * rng.standard_normal(20 * RATE)
    for sound in (strokes, noise, np.zeros(20 * RATE), noise[:RATE]):
        assert len(find_bars(Audio(torch.from_numpy(sound).float()[None], RATE))) == 0
