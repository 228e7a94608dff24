"""Melodies: piano rolls (53, T) from notes, MIDI or salience."""

from jasco.melody.melody import Melody
from jasco.melody.notes import note_name
from jasco.melody.roll import LOWEST_NOTE, NUM_NOTES, resample_salience

__all__ = ["LOWEST_NOTE", "NUM_NOTES", "Melody", "note_name", "resample_salience"]
