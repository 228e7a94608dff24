"""Long audio files: length and format from the header, and the mono mix block by block."""

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
    """Length and format of an audio file.

    Attributes:
        duration: length (s).
        sample_rate: sample rate (Hz).
        channels: number of channels.
    """

    duration: float
    sample_rate: int
    channels: int


def probe(path: Source) -> AudioInfo:
    """Read the header of an audio file; without a stated length the whole file is scanned.

    Raises:
        AudioError: missing or empty file, not audio, no samples.
    """
    with opened(path) as decoder:
        return AudioInfo(decoder.frames / decoder.rate, decoder.rate, decoder.channels)


def load_mono(path: Source, *, highest_rate: int = 48000) -> Audio:
    """Read a whole file as the mean of its channels, decoded block by block.

    Equals ``load_audio(path).mono()`` in the memory of one channel. A file whose channels cancel
    each other is decoded twice, because that is known only at its end.

    Args:
        path: path or file object.
        highest_rate: sample rate (Hz) to which files of a higher one are resampled.

    Raises:
        AudioError: see `load_audio`.
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
