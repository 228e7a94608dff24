"""Look-ahead limiter: reduces the gain around a peak, without clipping."""

from __future__ import annotations

import torch

from jasco.audio.signal import Audio

REACH = 0.005
"""Attack and release times (s) around a peak."""


def limit(audio: Audio, ceiling: float) -> Audio:
    """Limit samples to ``ceiling``; audio more than 10 ms from a peak is unchanged.

    A sample x needs a gain of at most min(1, ceiling / |x|). The minimum of these gains within
    `REACH` before and after is averaged over the same window: no averaged value exceeds the gain
    that the central sample needs. All channels share the gain, which preserves the stereo image.
    """
    from scipy import ndimage  # imported here: scipy would slow every start

    peaks = audio.samples.abs().amax(0).double().numpy()
    needed = ceiling / peaks.clip(min=ceiling)
    half = max(round(REACH * audio.sample_rate / 2), 1)
    gain = ndimage.minimum_filter1d(needed, 4 * half + 1, mode="nearest")
    for _ in range(2):  # two moving averages make a triangular window: the gain has no steps
        gain = ndimage.uniform_filter1d(gain, 2 * half + 1, mode="nearest")
    samples = audio.samples * torch.from_numpy(gain).to(audio.samples.dtype)
    return audio._replace(samples=samples.clamp(-ceiling, ceiling))  # against rounding
