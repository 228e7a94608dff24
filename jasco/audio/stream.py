"""Long audio files: what they are without reading them, and their mono mix block by block."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import soxr
import torch

from jasco.audio.decoding import Decoder, Source, opened
from jasco.audio.signal import Audio, Phase
from jasco.errors import AudioError, JascoWarning

_BLOCK = 1 << 20  # samples


class AudioInfo(NamedTuple):
    """What an audio file says about itself.

    Attributes:
        duration: s.
        sample_rate: Hz.
        channels: their number.
    """

    duration: float
    sample_rate: int
    channels: int


def probe(path: Source) -> AudioInfo:
    """Read the header of an audio file; where it states no length, the file is gone through.

    Raises:
        AudioError: missing or empty file, not audio, no samples.
    """
    with opened(path) as decoder:
        return AudioInfo(decoder.frames / decoder.rate, decoder.rate, decoder.channels)


def load_mono(path: Source, *, highest_rate: int = 48000) -> Audio:
    """Read a whole file as the mean of its channels, decoded block by block.

    The same samples as ``load_audio(path).mono()``, in the memory of one channel. A file whose
    channels cancel each other is decoded twice, for that shows only at its end.

    Args:
        path: a path or a file object.
        highest_rate: what has more is resampled on the way (Hz).

    Raises:
        AudioError: as `load_audio`.
    """
    with opened(path) as decoder:
        rate = min(decoder.rate, highest_rate)
        decoder.refuse_too_long(decoder.frames * rate // decoder.rate)
        phase = Phase(decoder.channels)
        mono = _mixed(decoder, rate, phase, None)
        if (louder := phase.louder()) is not None:
            warnings.warn(f"{decoder.name}: {phase.notice}", JascoWarning, stacklevel=2)
            decoder.seek(0)
            mono = _mixed(decoder, rate, phase, louder)
        if len(mono) == 0:
            raise AudioError(f"{decoder.name} holds no samples (0 s)")
    return Audio(torch.from_numpy(mono)[None], rate)


def _mixed(decoder: Decoder, rate: int, phase: Phase, channel: int | None) -> np.ndarray:
    """Mean of the channels, or one of them, at another rate: (samples,)."""
    resampler = soxr.ResampleStream(decoder.rate, rate, 1, "float32", "VHQ")
    length = round(decoder.frames * rate / decoder.rate)
    mono = np.empty(min(length, 4 * _BLOCK), np.float32)
    read = filled = 0
    last = False
    while not last:
        block = decoder.block(_BLOCK)
        samples = torch.from_numpy(block).T
        if channel is None:
            phase.add(samples)
            mixed = samples.mean(dim=0).numpy()
        else:
            mixed = block[:, channel]
        finite = np.isfinite(mixed)
        if not finite.all():
            place = (read + int(finite.argmin())) / decoder.rate
            raise AudioError(f"{decoder.name} holds NaN or infinity, first at {place:.3f} s")
        read += len(block)
        last = len(block) < _BLOCK
        if rate < decoder.rate:
            mixed = resampler.resample_chunk(np.ascontiguousarray(mixed), last)
        mixed = mixed[: length - filled]
        if filled + len(mixed) > len(mono):
            mono.resize(min(length, 2 * (filled + len(mixed))), refcheck=False)
        mono[filled : filled + len(mixed)] = mixed
        filled += len(mixed)
    decoder.check_complete(read)
    mono.resize(filled, refcheck=False)
    return mono
