"""Look-ahead limiter: reduces the gain around a peak, without clipping."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from jasco.audio.signal import Audio

REACH = 0.005
"""Attack and release times (s) around a peak."""


def limit(audio: Audio, ceiling: float) -> Audio:
    """Limit samples to ``ceiling``; audio more than 10 ms from a peak is unchanged.

    A sample x needs a gain of at most min(1, ceiling / |x|). The minimum of these gains within
    `REACH` before and after is averaged over the same window: no averaged value exceeds the gain
    that the central sample needs. All channels share the gain, which preserves the stereo image.
    """
    peaks = audio.samples.abs().amax(0).double().numpy()
    needed = ceiling / peaks.clip(min=ceiling)
    half = _half(audio.sample_rate)
    gain = moving_minimum(needed, 2 * half)
    for _ in range(2):  # two moving averages make a triangular window: the gain has no steps
        gain = moving_average(gain, half)
    samples = audio.samples * torch.from_numpy(gain).to(audio.samples.dtype)
    return audio._replace(samples=samples.clamp(-ceiling, ceiling))  # against rounding


def reach_of(sample_rate: int) -> int:
    """Samples before and after one of which the gain of `limit` depends: about 10 ms each."""
    return 4 * _half(sample_rate)


def _half(sample_rate: int) -> int:
    return max(round(REACH * sample_rate / 2), 1)


def moving_minimum(x: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Minimum of each value and ``reach`` neighbours at either side.

    Each window is the end of one block of its width and the start of the next (van Herk, 1992), so
    that the time does not depend on the reach.
    """
    width = 2 * reach + 1
    ends = (reach, reach + -(len(x) + 2 * reach) % width)
    blocks = np.pad(x, ends, constant_values=np.inf).reshape(-1, width)
    starts = np.minimum.accumulate(blocks, axis=1).ravel()
    rests = np.minimum.accumulate(blocks[:, ::-1], axis=1)[:, ::-1].ravel()
    return np.minimum(rests[: len(x)], starts[2 * reach : 2 * reach + len(x)])


def moving_average(x: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Mean of each value and ``reach`` neighbours at either side; the ends are held."""
    width = 2 * reach + 1
    sums = np.cumsum(np.pad(x, (reach + 1, reach), mode="edge"))
    return (sums[width:] - sums[:-width]) / width
