"""Conditioners: encoders of the controls into embeddings of the network's width."""

from jasco.conditioners.base import Conditioner
from jasco.conditioners.chords import ChordConditioner
from jasco.conditioners.drums import DrumConditioner
from jasco.conditioners.melody import MelodyConditioner
from jasco.conditioners.text import TextConditioner

__all__ = [
    "ChordConditioner",
    "Conditioner",
    "DrumConditioner",
    "MelodyConditioner",
    "TextConditioner",
]
