"""Genres: tempi, harmony, patterns and instruments that are combined in a song.

They are listed in ``assets/band/genres.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from jasco.errors import DataError
from jasco.io.assets import asset
from jasco.io.plain import read_yaml


class Genre(NamedTuple):
    """Choices of a genre; an option that is listed twice is drawn twice as often.

    Attributes:
        words: names in descriptions.
        tempo: slowest and fastest pulse (a minute).
        energy: liveliness, 0 to 1.
        richness: share of chords with more than three tones, 0 to 1.
        modes: of the key.
        drums: families of grooves.
        comping: patterns of the chords.
        bass_lines: patterns of the bass.
        harmony: instruments of the chords.
        pads: instruments of a second layer of chords.
        leads: instruments of the lead.
        basses: instruments of the bass.
        kits: drum kits.
        meters: time signatures.
        swing: smallest and largest position of the off-beat, and the swung unit (see `Clock`).
    """

    words: tuple[str, ...]
    tempo: tuple[int, int]
    energy: float
    richness: float
    modes: tuple[str, ...]
    drums: tuple[str, ...]
    comping: tuple[str, ...]
    bass_lines: tuple[str, ...]
    harmony: tuple[str, ...]
    pads: tuple[str, ...]
    leads: tuple[str, ...]
    basses: tuple[str, ...]
    kits: tuple[str, ...]
    meters: tuple[str, ...] = ("4/4",)
    swing: tuple[float, float, float] = (0.5, 0.5, 1.0)


def _genre(row: Mapping[str, Any]) -> Genre:
    """Genre of an entry of the file, whose options are separated by commas."""
    lists = {name: tuple(v.split(", ")) for name, v in row.items() if isinstance(v, str)}
    ranges = {name: tuple(v) for name, v in row.items() if isinstance(v, list)}
    return Genre(**{**row, **lists, **ranges})


GENRES = {
    name: _genre(row) for name, row in read_yaml(asset("band/genres.yaml"), DataError).items()
}
"""Name -> genre."""
