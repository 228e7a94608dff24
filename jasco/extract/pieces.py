"""Chord extraction of recordings of any length, piece by piece."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from jasco.audio import Audio
from jasco.chords import ChordProgression

CONTEXT = 15
"""Context (s) around a piece, so that chords at its ends are extracted like those within."""


def extract_in_pieces(
    audio: Audio,
    sample_rate: int,
    recognise: Callable[[np.ndarray], list[tuple[str, float]]],
    piece: int,
) -> ChordProgression:
    """Extract the chords of a recording, mixed down to mono.

    Args:
        audio: audio of any rate and number of channels.
        sample_rate: sample rate (Hz) of the recogniser.
        recognise: function from a signal (samples,) to (name, onset in s), the first at 0.
        piece: longest piece (s) of one run.
    """
    chords: list[tuple[str, float]] = []
    for start in range(0, math.ceil(audio.duration), piece):
        first, end = max(start - CONTEXT, 0), start + piece
        part = audio.crop(first, end + CONTEXT - first).mono().resample(sample_rate)
        found = [(name, first + onset) for name, onset in recognise(part.samples[0].numpy())]
        (sounding,) = [name for name, onset in found if onset <= start][-1:]
        if not chords or chords[-1][0] != sounding:
            chords.append((sounding, float(start)))
        chords += [(name, onset) for name, onset in found if start < onset < end]
    return ChordProgression.from_pairs(chords, end=audio.duration)
