"""Melodies as control values: in recipes, track files and manifests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from jasco.control_value import ControlValue, Reader, Span, TrackTensors
from jasco.errors import ConditionError
from jasco.io.plain import is_number, is_whole
from jasco.melody.roll import NUM_NOTES, strongest

if TYPE_CHECKING:
    from jasco.melody.melody import Melody


class StoredMelody(ControlValue):
    """Control value of `Melody`.

    A track file holds ``melody``, int8 (T,): the row of each latent frame, -1 for silence. A recipe
    holds runs ``[row, first frame, frame after the last, value]`` of equal values.
    """

    @classmethod
    def of(cls: Any, value: Any, **options: Any) -> Melody:
        """Melody, path of a file that `Melody.load` reads, or an array (53, T)."""
        if isinstance(value, cls):
            return value
        found: Melody = (
            cls.load(value, **options)
            if isinstance(value, str | PathLike)
            else cls.from_array(value)
        )
        return found

    @classmethod
    def changes(cls, value: Melody, num_frames: int, frame_rate: float) -> Iterable[str]:
        """Changes of the notes, and the fit of the length."""
        notice = value.notice(num_frames, frame_rate)
        return (*value.notices, *([notice] if notice else []))

    def to_plain(self: Any, num_frames: int, frame_rate: float) -> list[list[float]]:
        """Runs of equal non-zero values."""
        runs: list[list[float]] = []
        for row, values in enumerate(self.frames(num_frames, frame_rate).tolist()):
            start = 0
            for frame in range(1, len(values) + 1):
                if frame == len(values) or values[frame] != values[start]:
                    if values[start]:
                        runs.append([row, start, frame, values[start]])
                    start = frame
        return runs

    @classmethod
    def from_plain(cls: Any, plain: Any, num_frames: int) -> Any:
        """Melody of runs; those of a row do not overlap."""
        if not isinstance(plain, list):
            raise ConditionError(f"melody of the recipe is {plain!r:.60}: give a list of runs")
        roll = torch.zeros(NUM_NOTES, num_frames)
        room = NUM_NOTES * num_frames
        for run in plain:
            right = isinstance(run, list) and len(run) == 4 and is_number(run[3]) and run[3] >= 0
            if right:
                row, start, stop = run[:3]
                right = is_whole(row, NUM_NOTES - 1) and is_whole(stop, num_frames)
                right = right and is_whole(start, stop)
            if right:
                room -= stop - start
            if not right or room < 0:
                raise ConditionError(
                    f"melody of the recipe has the run {run!r:.60}: give [row from 0 to "
                    f"{NUM_NOTES - 1}, first frame, frame after the last, value], within the "
                    f"{num_frames} frames"
                )
            roll[row, start:stop] = run[3]
        return cls.from_array(roll)

    def pack(self: Any, num_frames: int, frame_rate: float) -> dict[str, Tensor]:
        """Row of each frame."""
        return {"melody": strongest(self.frames(num_frames, frame_rate)).to(torch.int8)}

    @classmethod
    def unpack(cls: Any, tensors: TrackTensors, span: Span) -> Any:
        """Melody of a span."""
        return cls.from_rows(tensors.rows("melody", span).long(), span.frame_rate)

    def excerpt(self: Any, start: float, length: float | None) -> Any:
        """Melody from ``start`` on, all of it or ``length`` (s), rounded to columns."""
        return self.crop(start, length)

    @classmethod
    def from_fields(
        cls: Any, fields: Mapping[str, Any], name: str, reader: Reader, span: Span
    ) -> Any:
        """Melody of the file that a manifest names, at the latent frames of the span."""
        roll = _roll(cls, reader.folder / fields[name], span.total, span.frame_rate)
        part = roll[:, span.start : span.stop]
        return cls(F.pad(part, (0, len(span) - part.shape[1])))


@lru_cache(maxsize=256)
def _roll(cls: Any, path: Path, num_frames: int, frame_rate: float) -> Tensor:
    """Whole melody of a recording: (53, T)."""
    found: Tensor = cls.load(path).frames(num_frames, frame_rate)
    return found
