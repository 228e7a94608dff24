"""A signal with its sample rate, and what makes samples fit to be one."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import soxr
import torch

from jasco.errors import AudioError


class Audio(NamedTuple):
    """A signal and its rate; unpacks as ``samples, sample_rate``.

    Attributes:
        samples: (channels, samples) float32 on the CPU, finite, full scale 1.0.
        sample_rate: in Hz.
    """

    samples: torch.Tensor
    sample_rate: int

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.samples.shape[-1] / self.sample_rate

    def mono(self) -> Audio:
        """The mean of the channels, (1, samples)."""
        return Audio(self.samples.mean(dim=0, keepdim=True), self.sample_rate)

    def resample(self, sample_rate: int) -> Audio:
        """The signal at ``sample_rate`` (Hz), round(samples * ratio) samples long (soxr, VHQ)."""
        rate = checked_rate(sample_rate)
        if rate == self.sample_rate:
            return self
        resampled = soxr.resample(self.samples.T.numpy(), self.sample_rate, rate, quality="VHQ")
        return Audio(torch.from_numpy(np.ascontiguousarray(resampled.T)), rate)

    def crop(self, start: float = 0.0, duration: float | None = None) -> Audio:
        """The ``duration`` seconds from ``start`` (s), or what there is of them.

        Raises:
            AudioError: ``start`` lies outside the signal, or ``duration`` is not positive.
        """
        first, stop = span(start, duration, self.sample_rate, self.samples.shape[-1], "the audio")
        return Audio(self.samples[:, first:stop], self.sample_rate)


def checked(samples: np.ndarray | torch.Tensor, sample_rate: Any, name: str) -> Audio:
    """Bring samples to (channels, samples) float32 on the CPU, or say what is wrong with them."""
    rate = checked_rate(sample_rate)
    try:
        if isinstance(samples, np.ndarray):
            samples = torch.from_numpy(np.array(samples))  # a copy: it may be read-only or reversed
        samples = samples.detach().cpu()
    except (TypeError, ValueError) as error:
        raise AudioError(f"{name} is no numeric array: {error}") from error
    if samples.dtype in (torch.int16, torch.int32):
        samples = samples.double() / -torch.iinfo(samples.dtype).min
    elif not samples.is_floating_point():
        raise AudioError(f"{name} is of type {samples.dtype}: give floating point, int16 or int32")
    shape = tuple(samples.shape)
    if len(shape) not in (1, 2):
        raise AudioError(f"{name} has the shape {shape}: give (channels, samples), one clip each")
    if samples.numel() == 0:
        raise AudioError(f"{name} holds no samples (0 s)")
    if len(shape) == 1:
        samples = samples[None]
    samples = samples.float().contiguous()
    finite = torch.isfinite(samples).all(dim=0)
    if not finite.all():
        place = int(finite.int().argmin()) / rate
        raise AudioError(f"{name} holds NaN or infinity, first at {place:.3f} s")
    return Audio(samples, rate)


def checked_rate(rate: Any) -> int:
    """A sample rate as int, or an AudioError."""
    try:
        whole = int(rate)
    except (TypeError, ValueError, OverflowError):
        whole = 0
    if whole < 1 or whole != rate:
        given = f"{rate!r}" if isinstance(rate, int | float | str) else f"a {type(rate).__name__}"
        raise AudioError(f"{given} is no sample rate: give a positive whole number of Hz")
    return whole


def span(
    start: float, duration: float | None, rate: int, frames: int, name: str
) -> tuple[int, int]:
    """First sample, and the one after the last, of a slice in seconds of ``frames`` samples."""
    if frames == 0:
        raise AudioError(f"{name} holds no samples (0 s)")
    if not 0 <= start < math.inf or (first := round(start * rate)) >= frames:
        raise AudioError(f"{name} lasts {frames / rate:.2f} s: a start at {start} s lies outside")
    if duration is None or duration == math.inf:
        return first, frames
    if not duration > 0:
        raise AudioError(f"a duration of {duration} s was asked of {name}: give a positive one")
    return first, min(first + max(round(duration * rate), 1), frames)
