"""A look-ahead limiter: it turns the level down around a peak, and cuts nothing off."""

from __future__ import annotations

import torch

from jasco.audio.signal import Audio

REACH = 0.005
"""Seconds before and after a peak in which the level goes down and comes back."""


def limit(audio: Audio, ceiling: float) -> Audio:
    """Audio without a sample above ``ceiling``, and as it was 10 ms away from any that was.

    A sample x needs a gain of ceiling / |x|, at most 1. Of these the least within `REACH` either
    way is taken, and averaged over as much: an average of values none of which is above what the
    sample in the middle needs. All channels have the same gain, so that nothing moves in space.
    """
    from scipy import ndimage  # here, as pyloudnorm is: scipy would slow every start

    peaks = audio.samples.abs().amax(0).double().numpy()
    needed = ceiling / peaks.clip(min=ceiling)
    half = max(round(REACH * audio.sample_rate / 2), 1)
    gain = ndimage.minimum_filter1d(needed, 4 * half + 1, mode="nearest")
    for _ in range(2):  # two plain averages weigh as a triangle: the gain makes no steps
        gain = ndimage.uniform_filter1d(gain, 2 * half + 1, mode="nearest")
    samples = audio.samples * torch.from_numpy(gain).to(audio.samples.dtype)
    return audio._replace(samples=samples.clamp(-ceiling, ceiling))  # a last bit of rounding
