"""Sessions: a take with its bars, tempo, chords and notes, for digital audio workstations.

Requests check the paths of sessions before torch is imported, so no name is gathered here.
"""
