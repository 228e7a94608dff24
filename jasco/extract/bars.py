"""Bar lines of a recording: beats by dynamic programming, grouped by accents and chord changes.

Beats after D. P. W. Ellis, "Beat tracking by dynamic programming", Journal of New Music Research
36(1), 2007: the sequence of steps of the highest onset strength whose distances stay near the
period of the estimated tempo. A bar has three or four beats, of which the first has more onset
strength and more change of harmony than the others.
"""

from __future__ import annotations

import math

import numpy as np

from jasco.audio import Audio
from jasco.extract.chroma import SAMPLE_RATE, chromagram
from jasco.extract.onsets import FRAME_RATE, onset_strength
from jasco.extract.tempo import autocorrelation, estimate_tempo

REGULAR = 0.15
"""Autocorrelation at one, two and four beats, at least, of a recording with a beat; random onsets
have up to 0.1, music with a beat 0.2 and more."""
FEWEST_BEATS = 8
_TIGHTNESS = 100.0  # cost of a distance, times the squared logarithm of its ratio to the period
_SMOOTHING = 9  # steps, 45 ms
_WINDOW, _HOP = 4096, 1024  # samples, of the chromagram
_ACCENT = 0.5  # weight of the onset strength beside that of harmonic change
_FOUR = 0.1  # advantage of bars of four beats


def find_bars(audio: Audio) -> np.ndarray:
    """Find the bar lines of a recording.

    Args:
        audio: audio of any rate and number of channels.

    Returns:
        (N,) float64, ascending times (s); empty without a steady beat.
    """
    strength = onset_strength(audio)
    tempo = estimate_tempo(strength)
    if math.isnan(tempo):
        return np.empty(0)
    period = 60 / tempo * FRAME_RATE
    repeats = autocorrelation(strength)
    lags = period * np.array([1, 2, 4])
    if np.interp(lags, np.arange(len(repeats)), repeats).mean() < REGULAR * repeats[0]:
        return np.empty(0)
    curve = np.convolve(strength, np.hanning(_SMOOTHING), "same")
    curve = curve / curve.std()
    beats = track_beats(curve, period)
    if len(beats) < FEWEST_BEATS:
        return np.empty(0)
    signs = _standard(_harmonic_change(audio, beats)) + _ACCENT * _standard(curve[beats])
    found = []
    for size, more in ((4, _FOUR), (3, 0.0)):
        for first in range(size):
            others = np.delete(signs, np.s_[first::size])
            found.append((signs[first::size].mean() - others.mean() + more, first, size))
    _, first, size = max(found)
    return beats[first::size] / FRAME_RATE


def track_beats(curve: np.ndarray, period: float) -> np.ndarray:
    """Track the beats of an onset strength.

    Args:
        curve: (T,) onset strength of unit variance.
        period: distance of beats (steps).

    Returns:
        (N,) int64, ascending steps.
    """
    lags = np.arange(round(period / 2), round(2 * period) + 1)
    costs = _TIGHTNESS * np.log(lags / period) ** 2
    score, before = curve.astype(float), np.full(len(curve), -1)
    for step in range(lags[0], len(curve)):
        inside = lags[: np.searchsorted(lags, step, "right")]
        values = score[step - inside] - costs[: len(inside)]
        best = int(values.argmax())
        if values[best] > 0:
            score[step] += values[best]
            before[step] = step - inside[best]
    last = max(len(score) - round(period), 0)
    beat, beats = last + int(score[last:].argmax()), list[int]()
    while beat >= 0:
        beats.append(beat)
        beat = int(before[beat])
    return np.array(beats[::-1], dtype=np.int64)


def _harmonic_change(audio: Audio, beats: np.ndarray) -> np.ndarray:
    """Cosine distance (N,) of the mean chroma after each beat from that before it."""
    chroma = chromagram(audio, window=_WINDOW, hop=_HOP).numpy()
    chroma = np.log1p(chroma / max(chroma.mean(), 1e-9))
    columns = (beats / FRAME_RATE * SAMPLE_RATE / _HOP).astype(int).clip(max=chroma.shape[1] - 1)
    sums = np.add.reduceat(chroma, columns, axis=1)
    unit = sums / np.maximum(np.linalg.norm(sums, axis=0), 1e-9)
    return np.append(0.0, 1 - (unit[:, 1:] * unit[:, :-1]).sum(axis=0))


def _standard(values: np.ndarray) -> np.ndarray:
    """Values with mean 0 and variance 1."""
    return (values - values.mean()) / max(float(values.std()), 1e-9)
