"""Control values: the interface of a user's value for one control of a clip."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

if TYPE_CHECKING:  # requests are checked before torch is imported
    from torch import Tensor

MAX_DURATION = 3600
"""Longest song, and longest segment of a model (s)."""
MAX_FRAMES = 200_000
"""Most latent frames of a song, an hour at 50 Hz."""


@dataclass(frozen=True)
class Span:
    """Latent frames of a track.

    Attributes:
        start: first frame.
        stop: frame after the last.
        total: frames T of the whole track.
        frame_rate: Hz.
    """

    start: int
    stop: int
    total: int
    frame_rate: float

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def seconds(self) -> tuple[float, float]:
        """Start and end (s)."""
        return self.start / self.frame_rate, self.stop / self.frame_rate


class TrackTensors(Protocol):
    """Tensors of a track file; see `jasco.data.track_file.TrackFile`."""

    def tensor(self, name: str) -> Tensor:
        """Whole tensor."""

    def rows(self, name: str, span: Span, *, floats: bool = False) -> Tensor:
        """Rows of a tensor with one row a latent frame: whole numbers, or floating-point ones."""


class Reader(Protocol):
    """Reader of the files beside a manifest; see `jasco.data.raw`."""

    folder: Path

    def audio(self, path: Path, start: float, end: float) -> Any:
        """Audio of a file between two times (s), at the sample rate of the codec."""


class ControlValue(ABC):
    """Value of one control.

    Attributes:
        per_frame: `pack` gives one row a latent frame, so that it depends on the frame rate.
    """

    per_frame: ClassVar[bool] = True

    @classmethod
    @abstractmethod
    def of(cls, value: Any, **options: Any) -> Any:
        """Value in any of the forms that `jasco.conditions.Conditions` accepts.

        Args:
            value: the value.
            options: options of the control in a request, where it may be written there.

        Raises:
            JascoError: it cannot be read.
        """

    @classmethod
    def changes(cls, value: Any, num_frames: int, frame_rate: float) -> Iterable[str]:
        """Changes that fit a value to a clip of ``num_frames`` at ``frame_rate`` (Hz)."""
        return ()

    @abstractmethod
    def to_plain(self, num_frames: int, frame_rate: float) -> Any:
        """JSON data of a recipe for a clip of ``num_frames`` at ``frame_rate`` (Hz)."""

    @classmethod
    @abstractmethod
    def from_plain(cls, plain: Any, num_frames: int) -> Self:
        """Inverse of `to_plain`; values are checked before memory of their size is allocated.

        Raises:
            JascoError: the data is not what `to_plain` writes.
        """

    @abstractmethod
    def pack(self, num_frames: int, frame_rate: float) -> dict[str, Tensor]:
        """Tensors of a track file of ``num_frames`` at ``frame_rate`` (Hz), by name."""

    @classmethod
    @abstractmethod
    def unpack(cls, tensors: TrackTensors, span: Span) -> Self:
        """Inverse of `pack`, for a span of the track.

        Raises:
            ValueError: tensors of other shapes, types or values.
        """

    @classmethod
    @abstractmethod
    def from_fields(cls, fields: Mapping[str, Any], name: str, reader: Reader, span: Span) -> Any:
        """Value that a line of a manifest names, for a span of the recording.

        Args:
            fields: of the line, with the control under its own name.
            name: name of the control.
            reader: reader of files.
            span: frames; their end may lie beyond that of the recording.

        Raises:
            JascoError: it cannot be read.
        """

    def excerpt(self, start: float, length: float | None) -> Self:
        """Value from ``start`` on, all of it or ``length`` (s).

        Raises:
            JascoError: it ends before ``start``, or cannot be cut.
        """
        return self

    def check_length(self, num_frames: int) -> None:
        """Check that a value fits a clip of ``num_frames``.

        Raises:
            ConditionError: the value is too short.
        """
        return None

    def padded(self, num_frames: int) -> Self:
        """Value for a clip of ``num_frames`` of which it covers the first; these are masked."""
        return self
