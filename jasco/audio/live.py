"""Audio whose end is not known yet: its level, and a wav file that is written block by block."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from jasco.audio import riff
from jasco.audio.biquads import StreamedSections
from jasco.audio.files import companion_of
from jasco.audio.filters import CUTOFF, butterworth
from jasco.audio.level import CEILING
from jasco.audio.limiter import limit, reach_of
from jasco.audio.marks import checked_mark, comment_of, xmp_packet
from jasco.audio.signal import Audio
from jasco.errors import AudioError
from jasco.io.atomic import replace_all
from jasco.io.files import output_file

MAX_GAIN = 30.0
"""Highest gain (dB), so that a song that begins near silence does not become noise."""
_BYTES = 3  # of a sample: PCM of 24 bits, as in files of `save_audio`


def live_gain(level: float, target: float) -> float:
    """Gain (dB) from a level to a target (LUFS); 0 where the level is not defined."""
    return min(target - level, MAX_GAIN) if math.isfinite(level) else 0.0


def levelled(blocks: Iterable[Audio], gain: float) -> Iterator[Audio]:
    """Blocks at a constant gain (dB), without DC offset, and with no peak above -1 dBFS."""
    factor = 10 ** (gain / 20)
    return limited(high_passed(block._replace(samples=block.samples * factor) for block in blocks))


def high_passed(blocks: Iterable[Audio]) -> Iterator[Audio]:
    """Blocks through a causal Butterworth high-pass filter of order 4 at `filters.CUTOFF`.

    It begins at rest in a constant signal, so that a DC offset causes no step.
    """
    filters: list[StreamedSections] = []
    offsets = torch.zeros(0)
    for samples, rate in blocks:
        if not filters:
            offsets = samples[:, :1]
            filters = [StreamedSections(butterworth(CUTOFF, rate)) for _ in samples]
        parts = [
            own((channel - offset).double().numpy())
            for own, channel, offset in zip(filters, samples, offsets, strict=True)
        ]
        yield Audio(torch.from_numpy(np.stack(parts)).float(), rate)


def limited(blocks: Iterable[Audio], ceiling: float = CEILING) -> Iterator[Audio]:
    """Blocks of the signal that `limit` gives for all of them; they lag behind by 10 ms."""
    held, left = None, 0  # samples, of which the first ``left`` are there for the next ones
    for block in blocks:
        reach = reach_of(block.sample_rate)
        held = block if held is None else _joined(held, block)
        if (stop := held.samples.shape[1] - reach) > left:
            yield Audio(limit(held, ceiling).samples[:, left:stop], held.sample_rate)
            begin = max(stop - reach, 0)
            held, left = held._replace(samples=held.samples[:, begin:]), stop - begin
    if held is not None:
        yield Audio(limit(held, ceiling).samples[:, left:], held.sample_rate)


def _joined(first: Audio, second: Audio) -> Audio:
    return first._replace(samples=torch.cat([first.samples, second.samples], 1))


def save_blocks(
    path: str | os.PathLike[str] | BinaryIO,
    blocks: Iterable[Audio],
    form: tuple[int, int, int],
    recipe: Mapping[str, Any] | None = None,
    mark: bool | str | None = None,
) -> Path | None:
    """Write a wav file of 24 bits while its blocks are computed.

    The header states the whole length and has the recipe before the samples, so that it suits a
    pipe and players can begin at once. A file is begun with the first block; where the blocks end
    early, its header is corrected to those that are there.

    Args:
        path: path of the file, or file object opened for writing bytes, which is left open.
        blocks: audio.
        form: sample rate (Hz), channels and samples of the whole.
        recipe, mark: see `jasco.audio.save_audio`.

    Returns:
        Path of the file; ``None`` for a file object.

    Raises:
        AudioError: a path that cannot be written, another suffix, or a full disk.
    """
    mark, (rate, channels, total) = checked_mark(mark, recipe), form
    tags = b"" if mark is None else riff.chunk(b"_PMX", xmp_packet(mark))
    if (comment := comment_of(recipe, mark)) is not None:
        tags += riff.chunk(b"LIST", riff.info_of(comment))
    text = None if recipe is None else comment_of(recipe, None)
    head = _header(rate, channels, total, tags)
    target = None
    if isinstance(path, str | os.PathLike):
        beside = [] if recipe is None else [Path(path).with_suffix(".json")]
        target = output_file(path, AudioError, companions=beside)
        if target.suffix.lower() != ".wav":
            raise AudioError(
                f"cannot stream to {target}: a stream is written as wav, so give a .wav file or -"
            )
    with ExitStack() as stack:
        file: Any = path
        written = 0
        try:
            for number, block in enumerate(blocks):
                if number == 0:
                    if target is not None:
                        file = stack.enter_context(_begun(target, text))
                    _write(file, head)
                _write(file, _pcm(block.samples))
                file.flush()
                written += block.samples.shape[1]
        finally:
            size = written * channels * _BYTES
            if file is not path and written < total:
                head = _header(rate, channels, written, tags)
                file.seek(0)
                _write(file, head)
                file.truncate(len(head) + size + size % 2)
            elif written == total:
                _write(file, b"\0" * (size % 2))
    return target


def _begun(path: Path, text: str | None) -> BinaryIO:
    """New file at a path, after the recipe beside it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if side := companion_of(path, text):
            replace_all({path: b"", **side})
        return path.open("wb", buffering=0)  # what a full disk refuses must not be written again
    except OSError as error:
        raise AudioError(f"cannot write {path}: {error.strerror}") from error


def _write(file: BinaryIO, data: bytes) -> None:
    """Write all bytes; an unbuffered file may take them in parts.

    Raises:
        AudioError: a full disk. A pipe that is closed stays a `BrokenPipeError`.
    """
    view = memoryview(data)
    try:
        while view:
            view = view[file.write(view) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        name = getattr(file, "name", "the file object")
        raise AudioError(f"cannot write {name}: {error.strerror}") from error


def _pcm(samples: torch.Tensor) -> bytes:
    """Samples (channels, n) as little-endian PCM of 24 bits, beyond full scale clipped."""
    scaled = (samples.T.double() * 2**23).round().clamp(-(2**23), 2**23 - 1)
    wide = np.ascontiguousarray(scaled.numpy().astype("<i4"))
    return wide.view(np.uint8).reshape(-1, 4)[:, :_BYTES].tobytes()


def _header(rate: int, channels: int, samples: int, tags: bytes) -> bytes:
    """Header of a wav file up to its samples, with the chunks ``tags``."""
    frame = channels * _BYTES
    size = samples * frame
    body = b"WAVE" + riff.chunk(
        b"fmt ", struct.pack("<HHIIHH", 1, channels, rate, rate * frame, frame, 8 * _BYTES)
    )
    body += tags + struct.pack("<4sI", b"data", size)
    return struct.pack("<4sI", b"RIFF", len(body) + size + size % 2) + body
