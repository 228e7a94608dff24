"""Chords: from any notation to a progression over the models' vocabulary, and to frame indices."""

from jasco.chords.progression import ChordProgression
from jasco.chords.vocabulary import CHORD_INDEX, CHORD_NAMES, NULL_CHORD, to_harte

__all__ = ["CHORD_INDEX", "CHORD_NAMES", "NULL_CHORD", "ChordProgression", "to_harte"]
