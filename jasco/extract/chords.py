"""Chord extraction: Chordino, mapped to the vocabulary of the model."""

from __future__ import annotations

import math

from jasco.audio import Audio
from jasco.chords import ChordProgression
from jasco.extract.chordino import SAMPLE_RATE, run_chordino

PIECE = 900
"""Longest piece (s) of one run; for it the plugin allocates a third of a gigabyte."""
CONTEXT = 15
"""Context (s) around a piece, so that chords at its ends are extracted like those within."""


def extract_chords(audio: Audio) -> ChordProgression:
    """Extract the chords of a recording with Chordino at its defaults, as for published models.

    The audio is mixed down to mono and resampled to 44.1 kHz first: at other rates the plugin's
    blocks have another length in seconds, and errors increase (share of correct time on cadences of
    2 s per chord: 65 % at 8 kHz, 85 % at 16 kHz, 95 % at 44.1 kHz).

    Onsets are those of the plugin, in steps of 2048 samples (46 ms), the first at 0. A chord is
    recognised from some tenths of a second on; silence, noise and shorter pieces are ``N``.

    Args:
        audio: audio of any rate and number of channels.

    Returns:
        Progression up to the end of the audio. Its report is empty, unless the user configured
        another chord dictionary of the plugin.

    Raises:
        MissingPartError: the Vamp host or the plugin is not installed; the message has the command.
    """
    chords: list[tuple[str, float]] = []
    for start in range(0, math.ceil(audio.duration), PIECE):
        end = start + PIECE
        found = _extract_piece(audio, max(start - CONTEXT, 0), end + CONTEXT)
        (sounding,) = [name for name, onset in found if onset <= start][-1:]
        if not chords or chords[-1][0] != sounding:
            chords.append((sounding, float(start)))
        chords += [(name, onset) for name, onset in found if start < onset < end]
    return ChordProgression.from_pairs(chords, end=audio.duration)


def _extract_piece(audio: Audio, start: int, end: int) -> list[tuple[str, float]]:
    """Chords between two times (s), as (name, onset in s)."""
    part = audio.crop(start, end - start).mono().resample(SAMPLE_RATE)
    return [(name, start + onset) for name, onset in run_chordino(part.samples[0].numpy())]
