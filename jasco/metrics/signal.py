"""Signal metrics: technical defects of audio.

- ``loudness``: integrated, LUFS (ITU-R BS.1770-4); ``-inf`` for silence.
- ``true_peak``: dBTP, the highest level between samples too (ITU-R BS.1770-4, annex 2: four times
  oversampled, here by soxr in place of the annex's filter).
- ``clipping``: part of the samples in runs of three or more within 0.1 % of the highest sample, the
  flat tops of a wave cut off, at whatever level they are. Quiet audio, below -20 dBFS, has none.
- ``silence``: part of the time in frames of 50 ms whose RMS level is below -60 dBFS.
- ``bandwidth``: Hz, below which lie 99 % of the power; nan for silence.
- ``dc``: DC offset, the largest absolute mean of a channel as a part of full scale.
"""

from __future__ import annotations

import math

import numpy as np
import soxr
import torch

from jasco.audio import Audio, loudness

NAMES = ("loudness", "true_peak", "clipping", "silence", "bandwidth", "dc")

_FLAT, _RUN, _QUIET = 0.999, 3, 0.1
_FRAME, _FLOOR = 0.05, 1e-3
_ROLL_OFF = 0.99
_WINDOW = 2048


def measure(audio: Audio) -> dict[str, float]:
    """All of `NAMES` of one recording; channels count together, each sample of each.

    Raises:
        AudioError: more than five channels, see `jasco.audio.loudness`.
    """
    samples = audio.samples.numpy()
    return {
        "loudness": loudness(audio),
        "true_peak": true_peak(audio),
        "clipping": clipping(samples),
        "silence": silence(samples, audio.sample_rate),
        "bandwidth": bandwidth(audio),
        "dc": dc_offset(audio),
    }


def compute(reference: Audio, estimate: Audio) -> dict[str, float]:
    """Difference of each metric, estimate minus reference; 0 where both are equal."""
    ref, est = measure(reference), measure(estimate)
    return {name: 0.0 if ref[name] == est[name] else est[name] - ref[name] for name in NAMES}


def true_peak(audio: Audio) -> float:
    """Highest level between samples (dBTP); ``-inf`` for silence."""
    rate = audio.sample_rate
    oversampled = soxr.resample(audio.samples.T.numpy(), rate, 4 * rate, quality="VHQ")
    # A resampler rounds a little off the samples themselves.
    peak = max(float(np.abs(oversampled).max(initial=0)), float(audio.samples.abs().max()))
    return 20 * math.log10(peak) if peak > 0 else -math.inf


def clipping(samples: np.ndarray) -> float:
    """Part of the samples (channels, N) on flat tops."""
    peak = np.abs(samples).max()
    if peak < _QUIET:
        return 0.0
    count = 0
    for side in (samples, -samples):
        flat = np.pad(side >= _FLAT * peak, ((0, 0), (1, 1))).astype(np.int8)
        for row in np.diff(flat, axis=1):
            lengths = np.nonzero(row < 0)[0] - np.nonzero(row > 0)[0]
            count += int(lengths[lengths >= _RUN].sum())
    return count / samples.size


def silence(samples: np.ndarray, sample_rate: int) -> float:
    """Part of the frames of samples (channels, N) that are silent in all channels."""
    size = max(round(_FRAME * sample_rate), 1)
    starts = np.arange(0, samples.shape[1], size)
    lengths = np.diff([*starts, samples.shape[1]])
    power = np.add.reduceat(np.square(samples, dtype=np.float64), starts, axis=1) / lengths
    silent = (power < _FLOOR**2).all(axis=0)
    return float((silent * lengths).sum() / samples.shape[1])


def bandwidth(audio: Audio) -> float:
    """Frequency (Hz) below which lie 99 % of the power; nan for silence."""
    channels = audio.samples
    if channels.shape[1] < _WINDOW:
        channels = torch.nn.functional.pad(channels, (0, _WINDOW - channels.shape[1]))
    window = torch.hann_window(_WINDOW)
    spectrum = torch.stft(channels, _WINDOW, window=window, center=False, return_complex=True)
    power = spectrum.abs().double().square().sum(dim=(0, 2)).numpy()
    if power.sum() == 0:
        return math.nan
    bin_number = int(np.searchsorted(power.cumsum(), _ROLL_OFF * power.sum()))
    return bin_number * audio.sample_rate / _WINDOW


def dc_offset(audio: Audio) -> float:
    """Largest absolute mean of a channel, full scale 1."""
    return float(audio.samples.mean(dim=1, dtype=torch.float64).abs().max())
