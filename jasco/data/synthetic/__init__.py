"""The band: songs composed from a seed, with every label exact, and rendered by FluidSynth."""

from jasco.data.synthetic.compose import compose_song
from jasco.data.synthetic.song import Note, Part, Room, Song

VERSION = 4
"""Of the songs: a new one where the same seed gives another song."""

__all__ = ["VERSION", "Note", "Part", "Room", "Song", "compose_song"]
