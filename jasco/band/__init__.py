"""Synthetic songs with exact labels: composed from a seed and rendered by FluidSynth."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jasco.band.compose import compose_song
    from jasco.band.song import Note, Part, Room, Song

VERSION = 4
"""Version of the composer, raised when a seed gives another song than before."""

__all__ = ["VERSION", "Note", "Part", "Room", "Song", "compose_song"]


def __getattr__(name: str) -> Any:
    # Requests read the names of drum patterns before torch is imported.
    if name not in __all__:
        raise AttributeError(f"module 'jasco.band' has no attribute {name!r}")
    module = "jasco.band.compose" if name == "compose_song" else "jasco.band.song"
    return getattr(import_module(module), name)
