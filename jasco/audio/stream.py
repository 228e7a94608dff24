"""Long audio files: what they are without reading them, and their mono mix block by block."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr
import torch

from jasco.audio.files import check_complete, opened
from jasco.audio.signal import Audio
from jasco.errors import AudioError

_BLOCK = 1 << 20  # samples


class AudioInfo(NamedTuple):
    """What an audio file says about itself.

    Attributes:
        duration: s; an estimate for an mp3 that states no length.
        sample_rate: Hz.
        channels: their number.
    """

    duration: float
    sample_rate: int
    channels: int


def probe(path: str | os.PathLike[str]) -> AudioInfo:
    """Read the header of an audio file; what only ffmpeg knows is decoded for it.

    Raises:
        AudioError: missing or empty file, not audio.
    """
    with opened(Path(path)) as (sound, _, _):
        return AudioInfo(sound.frames / sound.samplerate, sound.samplerate, sound.channels)


def load_mono(path: str | os.PathLike[str], *, highest_rate: int = 48000) -> Audio:
    """Read a whole file as the mean of its channels, decoded once and block by block.

    The same samples as ``load_audio(path).mono()``, in the memory of one channel.

    Args:
        path: the file.
        highest_rate: what has more is resampled on the way (Hz).

    Raises:
        AudioError: as `load_audio`.
    """
    path = Path(path)
    with opened(path) as (sound, _, _):
        rate = min(sound.samplerate, highest_rate)
        resampler = soxr.ResampleStream(sound.samplerate, rate, 1, "float32", "VHQ")
        mono = np.empty(round(sound.frames * rate / sound.samplerate), np.float32)
        read = filled = 0
        last = False
        while not last:
            block = sound.read(_BLOCK, dtype="float32", always_2d=True)
            mixed = torch.from_numpy(block).T.mean(dim=0).numpy()
            finite = np.isfinite(mixed)
            if not finite.all():
                place = (read + int(finite.argmin())) / sound.samplerate
                raise AudioError(f"{path} holds NaN or infinity, first at {place:.3f} s")
            read += len(block)
            last = len(block) < _BLOCK
            if rate < sound.samplerate:
                mixed = resampler.resample_chunk(mixed, last)
            mixed = mixed[: len(mono) - filled]
            mono[filled : filled + len(mixed)] = mixed
            filled += len(mixed)
        check_complete(sound, path, read)
        if filled == 0:
            raise AudioError(f"{path} holds no samples (0 s)")
    return Audio(torch.from_numpy(mono[:filled])[None], rate)
