"""A take of noise with chords in bars of two metres and two tempi, and what its recipe says."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch

from jasco.audio import Audio
from jasco.charts import Bar, Chart, ChartChord, ChartNote, Section, TempoChange
from jasco.chords.metre import COMMON, Metre
from jasco.session.build import make_session
from jasco.session.session import Session

RATE = 32000
THREE = Metre(3, 4)


@pytest.fixture
def audio() -> Audio:
    """Ten seconds of stereo noise."""
    samples = torch.rand(2, 10 * RATE, generator=torch.Generator().manual_seed(0)) - 0.5
    return Audio(samples, RATE)


@pytest.fixture
def recipe() -> dict[str, Any]:
    """Two bars of 4/4 and one of 3/4 at 97 quarters a minute, then 4/4 at 140."""
    quarter, fast = 60 / 97, 60 / 140
    bars = [0.0, 4 * quarter, 8 * quarter, 11 * quarter, 11 * quarter + 4 * fast]
    chords = [["C", 0.0], ["Am", 2 * quarter], ["F/A", bars[1]], ["N", bars[2]], ["G7", bars[4]]]
    return {
        "model": "demo",
        "seed": 7,
        "duration": 10.0,
        "conditions": {
            "frames": 500,
            "text": "funk",
            "chords": chords,
            "bars": bars,
            "metres": ["4/4", "4/4", "3/4", "4/4", "4/4"],
            "melody": [[17, 0, 25, 1.0], [21, 50, 80, 1.0]],
        },
    }


@pytest.fixture
def session(audio: Audio, recipe: dict[str, Any]) -> Session:
    """Session of the take, with drums as asked for and a tune as extracted."""
    return make_session(
        audio,
        recipe,
        title="song",
        key="A minor",
        drums=[(36, 0.0, 0.1), (38, 60 / 97, 0.7)],
        extracted={"melody": [(60, 0.02, 0.5)], "drums": [(38, 0.618, 0.65)]},
    )


@pytest.fixture
def chart() -> Chart:
    """A pick-up of a beat, 4/4, and 3/4 at another tempo, with sections and a tune."""
    spans = [(0, 1, COMMON), (1, 4, COMMON), (5, 3, THREE), (8, 3, THREE)]
    notes, chords = [(0, 1, 67), (1, 3, 72), (5, 3, 70)], [(1, "C"), (5, "Gm7"), (7, "C7")]
    return Chart(
        chords=tuple(ChartChord(Fraction(onset), name) for onset, name in chords),
        end=Fraction(11),
        bars=tuple(Bar(Fraction(onset), Fraction(length), metre) for onset, length, metre in spans),
        tempo_map=(
            TempoChange(Fraction(0), Fraction(90)),
            TempoChange(Fraction(5), Fraction(133)),
        ),
        melody=tuple(ChartNote(Fraction(a), Fraction(b), key) for a, b, key in notes),
        sections=(Section(Fraction(1), "Verse"), Section(Fraction(5), 'The "bridge"')),
        key="F",
        title="Tune",
    )
