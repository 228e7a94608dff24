"""Chromagram: power of each pitch class of a recording, by the definition of MusicGen.

J. Copet et al., "Simple and controllable music generation", arXiv 2306.05284, section 2.3, whose
filters are those of D. P. W. Ellis, "Chroma feature analysis and synthesis" (2007): each bin of a
power spectrum is distributed over the pitch classes by a Gaussian as wide as the bin, at least a
semitone, with Gaussian octave weights around A5 (880 Hz).
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
"""Sample rate (Hz) of the published models, and of the definition."""
WINDOW = 2**14
"""Window length (samples)."""
HOP = WINDOW // 4
"""Default hop (samples)."""

_A0 = 27.5  # Hz
_CENTRE, _SPREAD = 5.0, 2.0  # octaves above A0
_C = 3  # semitones above A


def chromagram(audio: Audio, *, window: int = WINDOW, hop: int = HOP) -> Tensor:
    """Power of the pitch classes.

    Args:
        audio: audio of any rate and number of channels.
        window: window length of the spectrum (samples at 32 kHz).
        hop: distance of columns (samples at 32 kHz).

    Returns:
        (12, T) float32, row 0 = C, T = ceil(samples / hop); column i is at i ``hop`` / 32000
        (s). Audio shorter than a window is centred in silence, as in the definition.
    """
    mono = audio.mono().resample(SAMPLE_RATE).samples[0]
    columns = math.ceil(len(mono) / hop)
    if len(mono) < window:
        missing = window - len(mono)
        mono = pad(mono, (missing // 2, missing - missing // 2))
    spectrum = torch.stft(mono, window, hop, window=torch.hann_window(window), return_complex=True)
    return chroma_filters(window) @ spectrum[:, :columns].abs().square()


def strongest_classes(audio: Audio, *, window: int = WINDOW, hop: int = HOP) -> np.ndarray:
    """Strongest pitch class (T,) of each column, int64; -1 for silence.

    Columns 60 dB below the loudest one, and all columns of a silent recording, are silence.
    """
    chroma = chromagram(audio, window=window, hop=hop)
    power = chroma.sum(dim=0)
    sounds = (power > 1e-6 * power.max()) & (power > 0)
    return torch.where(sounds, chroma.argmax(dim=0), -1).numpy()


@cache
def chroma_filters(window: int) -> Tensor:
    """Weights (12, 1 + window / 2) of the bins of a spectrum in each pitch class, float32."""
    frequency = np.arange(1, window) * SAMPLE_RATE / window
    semitone = 12 * np.log2(frequency / _A0)
    # The zero frequency has no pitch: the definition places it 1.5 octaves below the first bin.
    semitone = np.concatenate([[semitone[0] - 18], semitone])
    width = np.concatenate([np.maximum(np.diff(semitone), 1), [1]])
    away = (semitone[None] - np.arange(12)[:, None] + 6) % 12 - 6
    weight = np.exp(-2 * (away / width) ** 2)
    weight /= np.sqrt((weight**2).sum(axis=0))
    weight *= np.exp(-(((semitone / 12 - _CENTRE) / _SPREAD) ** 2) / 2)
    return torch.from_numpy(np.roll(weight, -_C, axis=0)[:, : window // 2 + 1]).float()
