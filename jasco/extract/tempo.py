"""Tempo estimation: autocorrelation of the onset strength.

After D. P. W. Ellis, "Beat tracking by dynamic programming", Journal of New Music Research 36(1),
2007: the highest point of the autocorrelation of the onset strength, weighted by a Gaussian over
the logarithm of the tempo around 120 beats per minute. A candidate also sums the autocorrelation at
its multiples, which favours the beat over accidental distances of onsets.
"""

from __future__ import annotations

import math

import numpy as np

from jasco.extract.onsets import FRAME_RATE

RANGE = (50.0, 220.0)
"""Range of candidate tempi (beats per minute)."""

_CENTRE, _OCTAVES = 120.0, 0.9
_MULTIPLES = (1, 2, 3, 4)
_SMOOTHING = 15  # steps, 75 ms


def autocorrelation(strength: np.ndarray) -> np.ndarray:
    """Autocorrelation (T,) of an onset strength (T,), by lag (steps)."""
    curve = np.asarray(strength, dtype=float)
    # Smoothing tolerates the timing of human players and the rounding to steps of 5 ms.
    curve = np.convolve(curve - curve.mean(), np.hanning(_SMOOTHING), "same")
    spectrum = np.fft.rfft(curve, 2 * len(curve))
    # Divided by the number of overlapping samples, for an unbiased estimate at long lags.
    return np.fft.irfft(np.abs(spectrum) ** 2)[: len(curve)] / np.arange(len(curve), 0, -1)


def estimate_tempo(strength: np.ndarray) -> float:
    """Tempo of a recording.

    Args:
        strength: (T,) onset strength of `jasco.extract.onsets.onset_strength`.

    Returns:
        Tempo (beats per minute); nan without periodicity, or for less than two slow beats.
    """
    curve = np.asarray(strength, dtype=float)
    slowest = 60 / RANGE[0] * FRAME_RATE
    if len(curve) < 2 * slowest or np.ptp(curve) == 0:
        return math.nan
    correlation = autocorrelation(curve)
    tempi = np.geomspace(*RANGE, 1500)
    lags = 60 / tempi * FRAME_RATE
    longest = len(curve) / 2
    steps = np.arange(len(curve))
    comb = np.zeros_like(tempi)
    counts = np.zeros_like(tempi)
    for multiple in _MULTIPLES:
        inside = multiple * lags <= longest
        comb += np.where(inside, np.interp(multiple * lags, steps, correlation), 0)
        counts += inside
    comb /= np.maximum(counts, 1)
    weight = np.exp(-((np.log2(tempi / _CENTRE) / _OCTAVES) ** 2) / 2)
    best = int((comb * weight).argmax())
    return float(tempi[best]) if comb[best] > 0 else math.nan
