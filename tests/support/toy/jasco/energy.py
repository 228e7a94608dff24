"""Energy: the level of a clip, one value a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from jasco.audio import Audio
from jasco.control_value import ControlValue, Reader, Span, TrackTensors
from jasco.errors import ConditionError
from jasco.io.plain import is_number

RATE = 50.0
"""Frame rate (Hz) of energies that are extracted or given as a file."""


@dataclass(frozen=True, eq=False)
class Energy(ControlValue):
    """Root mean square of each frame.

    Attributes:
        levels: (T,) float32.
        frame_rate: Hz.
    """

    levels: Tensor
    frame_rate: float = RATE

    def frames(self, num_frames: int, frame_rate: float) -> Tensor:
        """Levels (num_frames,) at another rate; the last one is held."""
        places = (torch.arange(num_frames) * self.frame_rate / frame_rate).long()
        return self.levels[places.clamp(max=len(self.levels) - 1)]

    @classmethod
    def of(cls, value: Any, **options: Any) -> Energy:
        """Energy, path of an ``.npy`` file, or an array (T,)."""
        if isinstance(value, Energy):
            return value
        array = np.load(value) if isinstance(value, str | PathLike) else np.asarray(value)
        if array.ndim != 1 or not len(array):
            raise ConditionError(f"energy of shape {array.shape}: give one level a frame")
        return cls(torch.from_numpy(array.astype(np.float32)))

    def to_plain(self, num_frames: int, frame_rate: float) -> list[float]:
        """Level of each frame."""
        found: list[float] = self.frames(num_frames, frame_rate).tolist()
        return found

    @classmethod
    def from_plain(cls, plain: Any, num_frames: int) -> Energy:
        """Energy of a list of levels."""
        if not isinstance(plain, list) or not plain or not all(map(is_number, plain)):
            raise ConditionError(f"energy of the recipe is {plain!r:.60}: give a list of levels")
        return cls(torch.tensor(plain))

    def pack(self, num_frames: int, frame_rate: float) -> dict[str, Tensor]:
        """Level of each frame."""
        return {"energy": self.frames(num_frames, frame_rate)}

    @classmethod
    def unpack(cls, tensors: TrackTensors, span: Span) -> Energy:
        """Levels of a span."""
        return cls(tensors.rows("energy", span, floats=True), span.frame_rate)

    @classmethod
    def from_fields(
        cls, fields: Mapping[str, Any], name: str, reader: Reader, span: Span
    ) -> Energy:
        """Levels of the file that a manifest names, over the span."""
        whole = cls.of(reader.folder / fields[name]).frames(span.total, span.frame_rate)
        return cls(whole[span.start : span.stop], span.frame_rate)

    def padded(self, num_frames: int) -> Energy:
        """Levels followed by silence."""
        return Energy(
            F.pad(self.levels, (0, max(num_frames - len(self.levels), 0))), self.frame_rate
        )


def extract_energy(audio: Audio) -> Energy:
    """Energy of a recording."""
    mono, _ = audio.mixed()
    hop = round(audio.sample_rate / RATE)
    samples = F.pad(mono.samples[0], (0, -mono.samples.shape[1] % hop))
    return Energy(samples.unflatten(0, (-1, hop)).square().mean(1).sqrt())
