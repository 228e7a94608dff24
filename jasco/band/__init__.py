"""Synthetic songs with exact labels: composed from a seed and rendered by FluidSynth."""

from jasco.band.compose import compose_song
from jasco.band.song import Note, Part, Room, Song

VERSION = 4
"""Version of the composer, raised when a seed gives another song than before."""

__all__ = ["VERSION", "Note", "Part", "Room", "Song", "compose_song"]
