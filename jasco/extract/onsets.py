"""Onset detection by SuperFlux.

S. Böck and G. Widmer, "Maximum filter vibrato suppression for onset detection", DAFx 2013: the
spectral flux of a logarithmic, quarter-tone-spaced spectrogram whose earlier frame is widened by a
maximum filter along frequency, which suppresses vibrato; peaks by the rules of S. Böck, F.
Krebs and M. Schedl, "Evaluating the online capabilities of onset detection methods", ISMIR 2012.

Differences from the paper: levels are relative to the loudest bin of the recording, for invariance
to gain, and steps are 5 ms at 32 kHz.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import max_pool1d, pad

from jasco.audio import Audio

SAMPLE_RATE = 32000
"""Sample rate of the analysis (Hz)."""
FRAME_RATE = 200
"""Frame rate of the onset strength (Hz)."""

_WINDOW = 1024
_HOP = SAMPLE_RATE // FRAME_RATE
_LOWEST, _HIGHEST, _BANDS_PER_OCTAVE = 30.0, 15000.0, 24
_LAG = 3  # frames between the two frames of a difference
_COMPRESSION = 1000.0  # from 60 dB below the loudest bin down, the logarithm is nearly linear
_SILENCE = 1e-4  # full scale 1.0: -80 dBFS

THRESHOLD = 0.02
"""Height of a peak above the local mean, as a share of the range of levels."""
_PEAK = (0.03, 0.03)  # s before and after, within which a peak is the maximum
_MEAN = (0.10, 0.07)  # s before and after, range of the local mean
_APART = 0.03  # s, smallest distance of two onsets


def onset_strength(audio: Audio) -> np.ndarray:
    """Onset strength: mean increase of the band levels from frame to frame.

    Args:
        audio: audio of any rate and number of channels.

    Returns:
        (T,) float32 at `FRAME_RATE`, where 1 is an increase by the whole range of levels; column i
        is at i / `FRAME_RATE` (s), the last one 16 ms before the end. Zeros for silence.
    """
    mono = audio.mono().resample(SAMPLE_RATE).samples[0]
    window = torch.hann_window(_WINDOW)
    # Padded with silence at the start, where sound is an onset; the end of a clip is no event.
    padded = pad(mono, (_WINDOW // 2, max(_WINDOW // 2 - len(mono), 0)))
    spectrum = torch.stft(padded, _WINDOW, _HOP, window=window, center=False, return_complex=True)
    bands = _filters() @ spectrum.abs()
    if float(mono.abs().max()) < _SILENCE:
        return np.zeros(bands.shape[1], dtype=np.float32)
    level = torch.log1p(_COMPRESSION * bands / bands.max()) / np.log1p(_COMPRESSION)
    widened = max_pool1d(level.T[None], 3, stride=1, padding=1)[0].T
    earlier = pad(widened, (_LAG, 0))[:, : level.shape[1]]
    return (level - earlier).clamp(min=0).mean(dim=0).numpy()


def detect_onsets(audio: Audio, *, threshold: float = THRESHOLD) -> np.ndarray:
    """Detect the onsets of a recording, of isolated drums or of a mix.

    Args:
        audio: audio of any rate and number of channels.
        threshold: height of a peak above the local mean, see `THRESHOLD`.

    Returns:
        (N,) float64, ascending onset times (s); empty for silence.
    """
    return pick_peaks(onset_strength(audio), threshold) / FRAME_RATE


def pick_peaks(strength: np.ndarray, threshold: float) -> np.ndarray:
    """Pick the local maxima that exceed the local mean by ``threshold``.

    Args:
        strength: (T,) onset strength at `FRAME_RATE`.
        threshold: height above the local mean, in the unit of ``strength``.

    Returns:
        (N,) int64, ascending steps.
    """
    curve = torch.from_numpy(np.asarray(strength, dtype=np.float32))
    before, after = (round(seconds * FRAME_RATE) for seconds in _PEAK)
    around = pad(curve, (before, after), value=-1.0)[None]
    highest = max_pool1d(around, before + after + 1, stride=1)[0]
    before, after = (round(seconds * FRAME_RATE) for seconds in _MEAN)
    total = pad(curve.double().cumsum(dim=0), (1, 0))
    place = torch.arange(len(curve))
    first, stop = (place - before).clamp(min=0), (place + after + 1).clamp(max=len(curve))
    mean = ((total[stop] - total[first]) / (stop - first)).float()
    peaks = torch.nonzero((curve >= highest) & (curve >= mean + threshold))[:, 0].tolist()
    kept: list[int] = []
    for peak in peaks:
        if not kept or peak - kept[-1] > _APART * FRAME_RATE:
            kept.append(peak)
    return np.array(kept, dtype=np.int64)


@cache
def _filters() -> Tensor:
    """Triangular filters (bands, bins) a quarter tone apart; filters of one bin are merged."""
    steps = np.arange(np.log2(_HIGHEST / _LOWEST) * _BANDS_PER_OCTAVE + 1)
    bins = np.unique(np.round(_LOWEST * 2 ** (steps / _BANDS_PER_OCTAVE) * _WINDOW / SAMPLE_RATE))
    place = np.arange(_WINDOW // 2 + 1)[None]
    low, middle, high = (bins[i : len(bins) - 2 + i, None] for i in range(3))
    rise, fall = (place - low) / (middle - low), (high - place) / (high - middle)
    triangles = np.clip(np.minimum(rise, fall), 0, None)
    return torch.from_numpy(triangles).float()
