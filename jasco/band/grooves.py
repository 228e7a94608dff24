"""Drum grooves as tablature: pieces of the kit, each followed by its row in a bar.

They are listed in ``assets/band/grooves.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from jasco.errors import DataError
from jasco.io.assets import asset
from jasco.io.plain import read_yaml

PIECES: Mapping[str, int] = {
    "kick": 36,
    "rim": 37,
    "snare": 38,
    "clap": 39,
    "floor": 41,
    "hat": 42,
    "low": 45,
    "mid": 47,
    "high": 50,
    "pedal": 44,
    "open": 46,
    "crash": 49,
    "ride": 51,
    "bell": 53,
    "tambourine": 54,
    "cowbell": 56,
    "bongo": 60,
    "bongo-low": 61,
    "conga-mute": 62,
    "conga": 63,
    "conga-low": 64,
    "agogo": 67,
    "agogo-low": 68,
    "cabasa": 69,
    "maracas": 70,
    "claves": 75,
    "woodblock": 76,
    "triangle": 81,
}
"""Piece of the kit -> General MIDI note."""

Groove = Mapping[str, str]
"""Piece -> row in a bar (see `jasco.band.grid`); ``X`` is loud, ``o`` soft."""


class Family(NamedTuple):
    """Grooves of one kind.

    Attributes:
        feel: names in descriptions.
        grooves: grooves by metre.
    """

    feel: tuple[str, ...]
    grooves: Mapping[str, tuple[Groove, ...]]


def _family(row: Mapping[str, Any]) -> Family:
    """Family of an entry of the file: its ``feel``, and tablature by metre."""
    grooves = {meter: tuple(map(_read_tab, tabs)) for meter, tabs in row.items() if meter != "feel"}
    return Family(tuple(row["feel"].split(", ")), grooves)


def _read_tab(tab: str) -> Groove:
    words = tab.split()
    return dict(zip(words[::2], words[1::2], strict=True))


FAMILIES: Mapping[str, Family] = {
    name: _family(row) for name, row in read_yaml(asset("band/grooves.yaml"), DataError).items()
}
"""Name -> family of grooves."""

SWUNG = ("swing", "shuffle")
"""Families with swung eighths."""
