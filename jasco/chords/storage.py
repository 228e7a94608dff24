"""Chord progressions as control values: in recipes, track files and manifests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, ClassVar

from jasco.chords.vocabulary import CHORD_INDEX, CHORD_NAMES, NO_CHORD
from jasco.control_value import ControlValue, Reader, Span, TrackTensors
from jasco.errors import SettingError

if TYPE_CHECKING:  # chords are read without loading torch
    from torch import Tensor

    from jasco.chords.progression import ChordProgression

_ROUNDING = 1e-6  # tolerance (frames or s) for binary rounding


class StoredChords(ControlValue):
    """Control value of `ChordProgression`.

    ============  ===========  =======================================
    tensor        type         values
    ============  ===========  =======================================
    chord_onsets  float64 (n,) s, ascending
    chord_names   int16 (n,)   indices into `CHORD_NAMES`
    ============  ===========  =======================================

    A recipe holds pairs of name and onset (s).
    """

    per_frame: ClassVar[bool] = False
    names: tuple[str, ...]
    onsets: tuple[float, ...]

    @classmethod
    def of(cls, value: Any, **options: Any) -> ChordProgression:
        """Progression, pairs, text or path; ``options`` as in `jasco.chords.reading.OPTIONS`."""
        from jasco.chords.progression import ChordProgression
        from jasco.chords.reading import read_chords

        if isinstance(value, ChordProgression):
            return value
        return read_chords(fspath(value) if isinstance(value, PathLike) else value, options)

    @classmethod
    def changes(cls, value: ChordProgression, num_frames: int, frame_rate: float) -> Iterable[str]:
        """Respelled chords, and the fit of the length."""
        notice = value.notice(num_frames, frame_rate)
        return (*value.notices, *([notice] if notice else []))

    def to_plain(self: Any, num_frames: int, frame_rate: float) -> list[list[Any]]:
        """``[name, onset in s]`` of each chord of the clip."""
        return [list(pair) for pair in self.fit(num_frames / frame_rate).pairs()]

    @classmethod
    def from_plain(cls: Any, plain: Any, num_frames: int) -> Any:
        """Progression of ``[name, onset in s]``."""
        return cls.from_pairs(plain)

    def pack(self, num_frames: int = 0, frame_rate: float = 0.0) -> dict[str, Tensor]:
        """Onsets and indices of all chords, independent of the frame rate."""
        import torch

        names = [CHORD_INDEX[name] for name in self.names]
        return {
            "chord_onsets": torch.tensor(self.onsets, dtype=torch.float64),
            "chord_names": torch.tensor(names, dtype=torch.int16),
        }

    @classmethod
    def unpack(cls: Any, tensors: TrackTensors, span: Span) -> Any:
        """Chords of a span; the one that sounds at its start has its onset at 0."""
        onsets, names = _checked(tensors.tensor("chord_onsets"), tensors.tensor("chord_names"))
        places = onsets * span.frame_rate - span.start
        before = int((places <= _ROUNDING).sum())
        until = int((places < len(span) - 2 * _ROUNDING).sum())
        kept = slice(max(before - 1, 0), until)
        return cls(
            names=tuple(CHORD_NAMES[index] for index in names[kept].tolist()) or (NO_CHORD,),
            onsets=tuple((places[kept].clamp(min=0) / span.frame_rate).tolist()) or (0.0,),
            end=len(span) / span.frame_rate,
        )

    def excerpt(self: Any, start: float, length: float | None) -> Any:
        """Chords from ``start`` on, all of them or ``length`` (s).

        Raises:
            SettingError: they end before ``start``.
        """
        if self.end is not None and not self.loop and start >= self.end:
            raise SettingError(f"start is {start:g} s, and the chords end at {self.end:g} s")
        return self.crop(start, None if length is None else start + length)

    @classmethod
    def from_fields(
        cls, fields: Mapping[str, Any], name: str, reader: Reader, span: Span
    ) -> ChordProgression:
        """Chords of a manifest, read with the tempo, metre and key beside them."""
        from jasco.chords.reading import read_chords

        chords = fields[name]
        is_jams = isinstance(chords, str) and chords.lower().endswith(".jams")
        options = {k: v for k, v in fields.items() if v and (k != "annotation" or is_jams)}
        start, end = span.seconds
        # A chord that begins with the frame after the last is none of this clip's.
        return read_chords(chords, options, reader.folder).crop(start, end - _ROUNDING)


def _checked(onsets: Tensor, names: Tensor) -> tuple[Tensor, Tensor]:
    """Onsets (n,) float64 and indices (n,) of stored chords.

    Raises:
        ValueError: other shapes, types or values.
    """
    if names.is_floating_point() or not onsets.is_floating_point():
        raise ValueError("chord_onsets are no numbers of seconds, or chord_names no indices")
    if onsets.dim() != 1 or onsets.shape != names.shape:
        raise ValueError("chord_onsets and chord_names are not of one length")
    onsets, names = onsets.double(), names.long()
    if not len(onsets):
        return onsets, names
    steps = onsets.diff()
    if not bool(onsets.isfinite().all()) or onsets[0] < 0 or bool((steps < 0).any()):
        raise ValueError("chord_onsets are not ascending numbers of seconds")
    if not 0 <= int(names.min()) <= int(names.max()) < len(CHORD_NAMES):
        raise ValueError(f"chord_names lie from 0 to {len(CHORD_NAMES) - 1}, not beyond")
    return onsets, names
