"""SwiftF0: melody of one voice or instrument, hummed, sung, whistled or played.

L. Nieradzik, "SwiftF0: Fast and accurate monophonic pitch detection", arXiv 2508.18440. The package
(MIT) has its network of 14,386 parameters in its wheel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from jasco.audio import Audio
from jasco.errors import MissingPartError
from jasco.melody import LOWEST_NOTE, NUM_NOTES, Melody

if TYPE_CHECKING:
    from swift_f0 import SwiftF0

SAMPLE_RATE = 16000
"""Sample rate (Hz) of the network."""
FRAME_RATE = 50.0
"""Frame rate (Hz) of the melodies."""

_PEAK = 0.5  # the network does not normalise the level, and finds no pitch below -35 dBFS
_NOISE = 0.01  # standard deviation of the noise that is added
_SILENCE = 1e-4  # full scale 1.0: -80 dBFS
_OCTAVE = 12


def require() -> None:
    """Find the package.

    Raises:
        MissingPartError: it is not installed.
    """
    try:
        import swift_f0  # noqa: F401
    except ImportError as error:
        raise MissingPartError(
            "the melody of a voice needs swift-f0: pip install 'jasco[melody]'"
        ) from error


def extract_melody(audio: Audio) -> Melody:
    """Extract the melody of one voice or instrument without accompaniment, from 47 to 2094 Hz.

    A note has one pitch, so vibrato and glides make no notes of their own. Two rules fit a voice to
    the rows of a melody, G2 to B6, and each change is in the notices:

    - tuning: pitches are relative to the mean deviation of the notes from equal temperament;
    - octave: the whole tune is shifted by the least number of octaves that puts most of its time
      within the rows. Notes still outside are moved by octaves, each on its own.

    Args:
        audio: audio of any rate, number of channels and level.

    Returns:
        Melody at 50 Hz, as long as the audio; silent where no pitch was found.

    Raises:
        MissingPartError: the package is not installed.
    """
    require()
    from swift_f0 import segment_notes

    samples = audio.mono().resample(SAMPLE_RATE).samples[0].numpy()
    peak = float(np.abs(samples).max(initial=0.0))
    notes = []
    if peak > _SILENCE:
        found = segment_notes(_detector().detect(_prepared(samples / peak), SAMPLE_RATE))
        notes = [(69 + 12 * math.log2(n.pitch_hz / 440), n.start, n.end) for n in found]
    if not notes:
        silence = torch.full((max(round(audio.duration * FRAME_RATE), 1),), -1)
        return Melody.from_rows(silence, FRAME_RATE)
    keys, notices = _fitted(notes)
    tune = [(key, start, end) for key, (_, start, end) in zip(keys, notes, strict=True)]
    melody = Melody.from_notes(tune, frame_rate=FRAME_RATE, duration=audio.duration)
    return replace(melody, notices=(*notices, *melody.notices))


def _prepared(samples: np.ndarray) -> np.ndarray:
    """Signal (samples,) at the level that the network needs, with the background of a recording.

    On digital silence the network takes a pure tone below about C5 for unvoiced, at the right pitch
    (confidence .36 at C3; .61 with noise 31 dB below it).
    """
    noise = np.random.default_rng(0).standard_normal(len(samples))
    return (_PEAK * samples + _NOISE * noise).astype(np.float32)


def _fitted(notes: Sequence[tuple[float, float, float]]) -> tuple[list[int], list[str]]:
    """Keys (MIDI) of notes (fractional MIDI pitch, onset, offset), and the changes in words."""
    pitches, starts, ends = (np.array(column) for column in zip(*notes, strict=True))
    lengths, notices = ends - starts, []
    turn = np.angle((lengths * np.exp(2j * np.pi * pitches)).sum()) / (2 * np.pi)
    keys = np.round(pitches - turn).astype(int)
    if abs(cents := round(100 * turn)) >= 10:
        side = "sharp" if cents > 0 else "flat"
        notices.append(f"the voice is {abs(cents)} cents {side}: its notes are tuned")
    highest = LOWEST_NOTE + NUM_NOTES - 1

    def inside(octaves: int) -> float:
        moved = keys + _OCTAVE * octaves
        return float(lengths[(moved >= LOWEST_NOTE) & (moved <= highest)].sum())

    octaves = max((0, 1, -1, 2, -2), key=inside)  # the first of equal ones
    if octaves:
        count = "an octave" if abs(octaves) == 1 else f"{abs(octaves)} octaves"
        notices.append(f"the tune is moved {count} {'up' if octaves > 0 else 'down'}, to G2 to B6")
    return (keys + _OCTAVE * octaves).tolist(), notices


@cache
def _detector() -> SwiftF0:
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1, spin=False)
