"""Chroma of a recording: how strongly each pitch class sounds, by the definition of MusicGen.

J. Copet et al., "Simple and controllable music generation", arXiv 2306.05284, section 2.3, whose
filters are those of D. P. W. Ellis, "Chroma feature analysis and synthesis" (2007): each bin of a
power spectrum goes to the pitch classes by a Gaussian whose width is that of the bin, at least a
semitone, weighted by another one over the octaves around A5 (880 Hz).
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from jasco.audio import Audio

SAMPLE_RATE = 32000
"""Hz, of the published models and so of the definition."""
WINDOW = 2**14
"""Samples."""
HOP = WINDOW // 4
"""Samples, when nothing else is asked for."""

_A0 = 27.5  # Hz
_CENTRE, _SPREAD = 5.0, 2.0  # octaves above A0
_C = 3  # semitones from A up


def chromagram(audio: Audio, *, window: int = WINDOW, hop: int = HOP) -> Tensor:
    """Power of the pitch classes.

    Args:
        audio: any rate, any number of channels.
        window: of the spectrum, samples at 32 kHz.
        hop: from column to column, samples at 32 kHz.

    Returns:
        (12, T) float32, row 0 = C, T = ceil(samples / hop); column i stands at i ``hop`` / 32000
        (s). Less audio than a window is put into the middle of silence, as in the definition.
    """
    mono = audio.mono().resample(SAMPLE_RATE).samples[0]
    columns = math.ceil(len(mono) / hop)
    if len(mono) < window:
        missing = window - len(mono)
        mono = pad(mono, (missing // 2, missing - missing // 2))
    spectrum = torch.stft(mono, window, hop, window=torch.hann_window(window), return_complex=True)
    return chroma_filters(window) @ spectrum[:, :columns].abs().square()


def strongest_classes(audio: Audio, *, window: int = WINDOW, hop: int = HOP) -> np.ndarray:
    """(T,) int64, the strongest pitch class of each column; -1 where it is as good as silent.

    That is 60 dB below the loudest column, or all of a silent recording.
    """
    chroma = chromagram(audio, window=window, hop=hop)
    power = chroma.sum(dim=0)
    sounds = (power > 1e-6 * power.max()) & (power > 0)
    return torch.where(sounds, chroma.argmax(dim=0), -1).numpy()


@cache
def chroma_filters(window: int) -> Tensor:
    """(12, 1 + window / 2) float32: how much each bin of the spectrum counts for a pitch class."""
    frequency = np.arange(1, window) * SAMPLE_RATE / window
    semitone = 12 * np.log2(frequency / _A0)
    # The zero frequency has no pitch: it is put one and a half octaves below the first bin.
    semitone = np.concatenate([[semitone[0] - 18], semitone])
    width = np.concatenate([np.maximum(np.diff(semitone), 1), [1]])
    away = (semitone[None] - np.arange(12)[:, None] + 6) % 12 - 6
    weight = np.exp(-2 * (away / width) ** 2)
    weight /= np.sqrt((weight**2).sum(axis=0))
    weight *= np.exp(-(((semitone / 12 - _CENTRE) / _SPREAD) ** 2) / 2)
    return torch.from_numpy(np.roll(weight, -_C, axis=0)[:, : window // 2 + 1]).float()
