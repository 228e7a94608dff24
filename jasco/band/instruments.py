"""General MIDI instruments of the synthetic songs, by family, with their names in descriptions.

They are listed in ``assets/band/instruments.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from jasco.errors import DataError
from jasco.io.assets import asset
from jasco.io.plain import read_yaml


class Instrument(NamedTuple):
    """General MIDI instrument.

    Attributes:
        name: name in descriptions.
        program: General MIDI program from 0; of percussion the kit.
        family: family of similar timbre.
        low: lowest MIDI note of a lead, within the 53 notes of a melody.
        high: highest MIDI note of a lead, within the 53 notes of a melody.
        level: level of a note at full volume in FluidR3 GM (dB).
        attack: perceptual attack time in FluidR3 GM (s).
        words: further names in descriptions.
        slow: true where notes swell slowly, so that only long chords are played.
    """

    name: str
    program: int
    family: str
    low: int = 55
    high: int = 84
    level: int = -25
    attack: float = 0.0
    words: tuple[str, ...] = ()
    slow: bool = False


def _instrument(name: str, row: Mapping[str, Any]) -> Instrument:
    return Instrument(name, **{**row, "words": tuple(row.get("words", ()))})


PITCHED, BASSES, KITS = (
    {name: _instrument(name, row) for name, row in rows.items()}
    for rows in read_yaml(asset("band/instruments.yaml"), DataError).values()
)
"""Instruments by name: for melody and chords, for the bass, and for drums."""
