"""Signal with its sample rate, and validation of samples."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
import soxr
import torch

from jasco.errors import AudioError, JascoWarning

MAX_VALUES = 1 << 30
"""Most samples, all channels together, of one signal: 4 GiB, or 3 h of stereo at 48 kHz."""
CANCELLED = 0.01
"""Ratio of the power of the channels' sum to the loudest channel's, up to which they cancel each
other: -20 dB."""
_BLOCK = 1 << 20  # samples; blocks avoid a copy of hours of audio


class Audio(NamedTuple):
    """Signal and sample rate; unpacks as ``samples, sample_rate``.

    Attributes:
        samples: (channels, samples) float32 on the CPU, finite, full scale 1.0.
        sample_rate: sample rate (Hz).
    """

    samples: torch.Tensor
    sample_rate: int

    @property
    def duration(self) -> float:
        """Length (s)."""
        return self.samples.shape[-1] / self.sample_rate

    def mono(self) -> Audio:
        """Mean of the channels, (1, samples).

        Channels in opposite phase would cancel each other: then the louder channel is returned,
        with a warning.
        """
        mono, notice = self.mixed()
        if notice:
            warnings.warn(f"the audio: {notice}", JascoWarning, stacklevel=2)
        return mono

    def mixed(self) -> tuple[Audio, str | None]:
        """Mono mix (see `mono`), and the text of its warning or ``None``."""
        phase = Phase.of(self.samples)
        if (louder := phase.louder()) is not None:
            return Audio(self.samples[louder : louder + 1], self.sample_rate), phase.notice
        return Audio(self.samples.mean(dim=0, keepdim=True), self.sample_rate), None

    def with_channels(self, count: int) -> Audio:
        """Audio of ``count`` channels: as it is, or its mono mix in each of them."""
        if len(self.samples) == count:
            return self
        return Audio(self.mono().samples.expand(count, -1), self.sample_rate)

    def resample(self, sample_rate: int) -> Audio:
        """Resample to ``sample_rate`` (Hz), round(samples * ratio) samples (soxr, VHQ).

        Raises:
            AudioError: the result would have more than `MAX_VALUES` samples.
        """
        rate = checked_rate(sample_rate)
        if rate == self.sample_rate:
            return self
        if (values := self.samples.numel() * rate // self.sample_rate) > MAX_VALUES:
            raise AudioError(
                f"{self.duration:.0f} s of {len(self.samples)} channels at {rate} Hz are {values} "
                f"samples; a signal has up to {MAX_VALUES}: crop it first"
            )
        resampled = soxr.resample(self.samples.T.numpy(), self.sample_rate, rate, quality="VHQ")
        return Audio(torch.from_numpy(np.ascontiguousarray(resampled.T)), rate)

    def crop(self, start: float = 0.0, duration: float | None = None) -> Audio:
        """Slice of ``duration`` seconds from ``start`` (s), shorter where the signal ends.

        Raises:
            AudioError: ``start`` lies outside the signal, or ``duration`` is not positive.
        """
        first, stop = span(start, duration, self.sample_rate, self.samples.shape[-1], "the audio")
        return Audio(self.samples[:, first:stop], self.sample_rate)


class Phase:
    """Powers of the channels of a signal and of their sum, block by block.

    Args:
        channels: number of channels.
    """

    def __init__(self, channels: int) -> None:
        self._powers = torch.zeros(channels, dtype=torch.float64)
        self._sum = 0.0

    @classmethod
    def of(cls, samples: torch.Tensor) -> Phase:
        """Powers of a whole signal (channels, N)."""
        phase = cls(len(samples))
        for block in samples.split(_BLOCK, dim=1):
            phase.add(block)
        return phase

    def add(self, block: torch.Tensor) -> None:
        """Add samples (channels, N)."""
        if len(self._powers) > 1:
            self._powers += block.double().square().sum(dim=1)
            self._sum += float(block.double().sum(dim=0).square().sum())

    def louder(self) -> int | None:
        """Loudest channel where the sum of all is 20 dB below it, else ``None``."""
        highest = float(self._powers.max())
        if highest == 0 or self._sum > CANCELLED * highest * (1 + 1e-6):
            return None
        return int(self._powers.argmax())

    @property
    def notice(self) -> str:
        """Notice for the user where `louder` is a channel."""
        louder = self.louder()
        return (
            "its channels cancel each other when mixed (opposite phase), so channel "
            f"{1 + (louder or 0)}, the louder one, is used alone"
        )


def checked(samples: np.ndarray | torch.Tensor, sample_rate: Any, name: str) -> Audio:
    """Audio of samples as (channels, samples) float32 on the CPU, or an `AudioError`."""
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
    for number, block in enumerate(samples.split(_BLOCK, dim=1)):
        finite = torch.isfinite(block).all(dim=0)
        if not finite.all():
            place = (number * _BLOCK + int(finite.int().argmin())) / rate
            raise AudioError(f"{name} holds NaN or infinity, first at {place:.3f} s")
    return Audio(samples, rate)


def checked_rate(rate: Any) -> int:
    """Sample rate as int, or an `AudioError`."""
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
