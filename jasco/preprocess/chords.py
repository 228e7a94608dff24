"""Chords from audio: what Chordino hears, in the vocabulary of the model."""

from __future__ import annotations

import math

from jasco.audio import Audio
from jasco.chords import ChordProgression
from jasco.preprocess.chordino import SAMPLE_RATE, run_chordino

PIECE = 900
"""The plugin keeps a third of a gigabyte for as many seconds; longer audio is heard in pieces."""
CONTEXT = 15
"""Seconds around a piece that are heard with it, so that its ends are heard like its middle."""


def extract_chords(audio: Audio) -> ChordProgression:
    """Take the chords of a recording, with Chordino at its defaults as for the published models.

    The audio is mixed down to mono and resampled to 44.1 kHz first: at other rates the plugin's
    blocks have another length in seconds, and it mishears (measured on cadences of 2 s a chord:
    65 % of the time right at 8 kHz, 85 % at 16 kHz, 95 % at 44.1 kHz).

    Onsets are those of the plugin, in steps of 2048 samples (46 ms), the first at 0. A chord needs
    some tenths of a second to be heard; silence, noise and shorter pieces are ``N``.

    Args:
        audio: any rate, any number of channels.

    Returns:
        The progression up to the end of the audio. Its report is empty, unless the plugin was
        given a chord dictionary of the user's own.

    Raises:
        MissingPartError: the Vamp host or the plugin is not installed; the message has the command.
    """
    chords: list[tuple[str, float]] = []
    for start in range(0, math.ceil(audio.duration), PIECE):
        end = start + PIECE
        heard = _hear(audio, max(start - CONTEXT, 0), end + CONTEXT)
        (sounding,) = [name for name, onset in heard if onset <= start][-1:]
        if not chords or chords[-1][0] != sounding:
            chords.append((sounding, float(start)))
        chords += [(name, onset) for name, onset in heard if start < onset < end]
    return ChordProgression.from_pairs(chords, end=audio.duration)


def _hear(audio: Audio, start: int, end: int) -> list[tuple[str, float]]:
    """(name, onset in s) of the chords between two times (s)."""
    part = audio.crop(start, end - start).mono().resample(SAMPLE_RATE)
    return [(name, start + onset) for name, onset in run_chordino(part.samples[0].numpy())]
