"""Conditions of a clip, as a user gives them and as encoded for the network."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from jasco.audio import Audio
from jasco.charts import Chart, load_chart
from jasco.chords import ChordProgression
from jasco.controls import CONTROLS, control_names
from jasco.controls.spec import imported
from jasco.device import to_device
from jasco.drums import DrumCodes
from jasco.errors import ConditionError, shortened
from jasco.melody import Melody
from jasco.played import PlayedDrums
from jasco.text import checked_text


@dataclass(frozen=True, eq=False, init=False)
class Conditions:
    """Conditions of one clip; ``None`` for a control that is not requested.

    Attributes:
        text: description of the music; an empty text is the same as ``None``.
        chords: progression, or a list of ``(name, onset in s)``, a text in a notation of
            `ChordProgression.parse` (with ``bpm`` for bars), or the path of a file of chords.
        drums: isolated drum track: `Audio`, ``(samples, sample_rate)``, the path of a file, of
            which up to `jasco.drums.LONGEST_DRUMS` are read, an array of samples at the rate of the
            model, or drum codes; or strokes for the drum kit of the band: a MIDI file, or the name
            of a pattern, ``"bossa, 16ths"``, with ``bpm`` or chords in bars.
        melody: melody, or the path of a file for `Melody.load`, or an array of 53 rows (MIDI 43 to
            95) and one column per latent frame.
        others: values of further controls of `jasco.controls.CONTROLS`, by name; each is also an
            attribute and an argument of its own name.

    Args:
        bpm, time_signature: tempo and metre of chords and of a drum pattern.
        key, notation, annotation: settings for reading chords, see `ChordProgression.load`.

    Raises:
        ChordError, AudioError, MelodyError, ConditionError: a control that cannot be read.
    """

    text: str | None
    chords: ChordProgression | None
    drums: Audio | DrumCodes | PlayedDrums | None
    melody: Melody | None
    others: Mapping[str, Any]

    def __init__(
        self,
        text: str | None = None,
        chords: (
            ChordProgression | str | PathLike[str] | Sequence[tuple[str, float]] | None
        ) = None,
        drums: Audio | DrumCodes | PlayedDrums | str | PathLike[str] | Any | None = None,
        melody: Melody | str | PathLike[str] | Any | None = None,
        *,
        bpm: float | None = None,
        time_signature: str | None = None,
        key: str | None = None,
        notation: str | None = None,
        annotation: int | str | None = None,
        others: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> None:
        options = {
            "bpm": bpm,
            "time_signature": time_signature,
            "key": key,
            "notation": notation,
            "annotation": annotation,
        }
        given = {name: value for name, value in options.items() if value is not None}
        if isinstance(drums, str | PathLike):
            drums = imported(CONTROLS["drums"].player)(drums, bpm, time_signature) or drums
        if chords is None or isinstance(chords, ChordProgression):
            is_pattern = isinstance(drums, PlayedDrums) and drums.duration == math.inf
            if unused := given.keys() - ({"bpm", "time_signature"} if is_pattern else set()):
                none = "none are given" if chords is None else "these are read already"
                names = ", ".join(name for name in given if name in unused)
                raise ConditionError(f"{names} say how to read chords, and {none}")
        values: dict[str, Any] = {"chords": chords, "drums": drums, "melody": melody}
        fixed = tuple(values)
        values |= {**(others or {}), **more}
        for name, value in values.items():
            if name not in CONTROLS:
                known = ", ".join(control_names())
                raise ConditionError(f"no control {name!r:.40}: the known ones are {known}")
            if value is not None:
                read: Any = CONTROLS[name].value_class.of
                values[name] = read(value, **(given if name == "chords" else {}))
        if isinstance(values["drums"], PlayedDrums):
            values["drums"] = values["drums"].on(values["chords"])
        object.__setattr__(self, "text", checked_text(text))
        for name in fixed:
            object.__setattr__(self, name, values.pop(name))
        further = {name: value for name, value in values.items() if value is not None}
        object.__setattr__(self, "others", further)

    @classmethod
    def from_chart(
        cls,
        chart: Chart | str | PathLike[str],
        *,
        bars: str | int | tuple[int, int] | None = None,
        transpose: int = 0,
        bpm: float | None = None,
        song: int | str | None = None,
        **others: Any,
    ) -> Conditions:
        """Conditions with the chords and the melody of a chart.

        Args:
            chart: chart, or file for `jasco.charts.load_chart`.
            bars: first and last bar, such as ``"9-16"``, counted as played; by default all.
            transpose: semitones.
            bpm: tempo of the first of these bars, in units of its metre's denominator.
            song: one of several songs in a file.
            others: further arguments of `Conditions`; ``chords`` and ``melody`` go before those of
                the chart, and ``None`` leaves them out.

        Raises:
            ChartError: the chart cannot be read, has no such bars, or no tempo.
        """
        read = chart if isinstance(chart, Chart) else load_chart(chart, song=song)
        return cls(**{**read.selected(bars, transpose, bpm).controls(), **others})

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Value of a further control; ``None`` if it is not requested."""
            if name in CONTROLS and "others" in self.__dict__:
                return self.others.get(name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def asked(self) -> tuple[str, ...]:
        """Names of the requested controls."""
        return tuple(name for name in control_names() if getattr(self, name) is not None)

    def without(self, *controls: str) -> Conditions:
        """Conditions without some controls."""
        nothing: dict[str, Any] = dict.fromkeys(controls)
        return replace(self, **nothing)

    def notes(self, num_frames: int, frame_rate: float) -> tuple[str, ...]:
        """Changes made to fit a clip of ``num_frames`` at ``frame_rate`` (Hz)."""
        return tuple(
            f"{name}: {change}"
            for name, spec in CONTROLS.items()
            if (value := getattr(self, name)) is not None
            for change in spec.value_class.changes(value, num_frames, frame_rate)
        )


def check_asked(asked: Iterable[str], controls: Sequence[str], whose: str = "the clip") -> None:
    """Refuse controls that a model lacks.

    Args:
        asked: names of the requested controls.
        controls: names of the controls of the model.
        whose: name of the clip, for the message.

    Raises:
        ConditionError: a requested control that the model lacks.
    """
    absent = [name for name in asked if name not in controls]
    if absent:
        raise ConditionError(
            f"{whose} asks for {', '.join(absent)}, but the controls of this model are "
            f"{', '.join(controls)}"
        )


def as_clips(value: Any) -> list[Conditions]:
    """List of one or several `Conditions`; a text becomes the conditions of a clip.

    Raises:
        ConditionError: other values, or an empty list.
    """
    values = [value] if isinstance(value, str | Conditions) else value
    if isinstance(values, Mapping | bytes | Tensor) or not isinstance(values, Iterable):
        raise ConditionError(_not_clips(value))
    clips = []
    for clip in values:
        if not isinstance(clip, str | Conditions):
            raise ConditionError(_not_clips(clip))
        clips.append(Conditions(clip) if isinstance(clip, str) else clip)
    if not clips:
        raise ConditionError("no clips given: pass at least one Conditions")
    return clips


def _not_clips(value: Any) -> str:
    return (
        f"conditions are {shortened(value)}, a {type(value).__name__}: give a text, "
        'Conditions(text="funk", chords="C:0 Am:2"), or a list of these'
    )


@dataclass(frozen=True, eq=False)
class Encoded:
    """Encoded control of a batch, in the width D of the network.

    Attributes:
        values: (B, T, D), one vector per latent frame; (B, 1, D), one vector for all frames; or
            (B, L, D), tokens for cross-attention.
        null: (D,) value of a dropped control at each frame or token.
        mask: (B, L) true at tokens before padding; ``None`` for a per-frame control. An item
            without tokens keeps the first one, with the null.
    """

    values: Tensor
    null: Tensor
    mask: Tensor | None = None

    def drop(self, where: Tensor) -> Encoded:
        """Control with the null in the items where ``where`` (B,) is true.

        For a per-frame control ``where`` may be (B, T).
        """
        where = where.to(self.values.device)
        places = where[:, None, None] if where.dim() == 1 else where[..., None]
        values = torch.where(places, self.null, self.values)
        if self.mask is None:
            return replace(self, values=values)
        first = torch.arange(self.mask.shape[1], device=self.mask.device) == 0
        return replace(self, values=values, mask=torch.where(where[:, None], first, self.mask))


@dataclass(frozen=True, eq=False)
class ConditionBatch:
    """Encoded conditions of a batch.

    Attributes:
        controls: encoded control by name, in the order of the model's conditioners.
        given: per item, the controls that may differ from their null; by default all.
        mask: (B, T) true at frames before padding; ``None`` where no item is padded.
    """

    controls: Mapping[str, Encoded]
    given: tuple[frozenset[str], ...] = ()
    mask: Tensor | None = None

    def __post_init__(self) -> None:
        if not self.given and self.controls:
            items = len(next(iter(self.controls.values())).values)
            object.__setattr__(self, "given", (frozenset(self.controls),) * items)

    def __len__(self) -> int:
        return len(self.given)

    def drop(self, *names: str, where: Tensor | None = None) -> ConditionBatch:
        """Batch with the null of these controls, in all items or where ``where`` is true.

        Serves guidance and the dropout of training.

        Args:
            names: controls to drop.
            where: (B,) or (B, T); ``None`` for all items.
        """
        unknown = set(names).difference(self.controls)
        if unknown:
            raise ConditionError(f"cannot drop {sorted(unknown)} from {list(self.controls)}")
        given = self.given
        if where is None:
            device = next(iter(self.controls.values())).values.device if names else None
            where = torch.ones(len(self), dtype=torch.bool, device=device)
            given = tuple(item.difference(names) for item in given)
        dropped = {name: self.controls[name].drop(where) for name in names}
        return replace(self, controls={**self.controls, **dropped}, given=given)

    def keep(self, names: Iterable[str]) -> ConditionBatch:
        """Batch with the null of all controls but these."""
        return self.drop(*(set(self.controls) - set(names)))

    def select(self, items: Sequence[int]) -> ConditionBatch:
        """Items of these indices, in their order; repeats are allowed."""
        device = next((e.values.device for e in self.controls.values()), torch.device("cpu"))
        index = to_device(torch.tensor(items), device)
        selected = self._map(
            lambda e: Encoded(e.values[index], e.null, None if e.mask is None else e.mask[index])
        )
        mask = None if self.mask is None else self.mask[index]
        return replace(selected, given=tuple(self.given[item] for item in items), mask=mask)

    def at(self, items: Sequence[int], frames: Tensor) -> ConditionBatch:
        """Parts of n items: their frames (n, W)."""
        rows = to_device(torch.tensor(items), frames.device)

        def part(e: Encoded) -> Encoded:
            if e.mask is None and e.values.shape[1] > 1:
                return replace(e, values=e.values[rows[:, None], frames])
            mask = None if e.mask is None else e.mask[rows]
            return replace(e, values=e.values[rows], mask=mask)

        return replace(self._map(part), given=tuple(self.given[item] for item in items))

    def with_controls(self, other: ConditionBatch) -> ConditionBatch:
        """Batch with the controls of another one of as many items in place of its own."""
        names = frozenset(other.controls)
        given = (
            own.difference(names) | new for own, new in zip(self.given, other.given, strict=True)
        )
        return replace(self, controls={**self.controls, **other.controls}, given=tuple(given))

    def to(self, device: torch.device | str) -> ConditionBatch:
        """Batch on another device."""
        moved = self._map(
            lambda e: Encoded(
                e.values.to(device),
                e.null.to(device),
                None if e.mask is None else e.mask.to(device),
            )
        )
        return replace(moved, mask=None if self.mask is None else self.mask.to(device))

    @staticmethod
    def cat(batches: Sequence[ConditionBatch]) -> ConditionBatch:
        """Concatenated batches; shorter ones are padded, and their tokens masked."""
        controls = {}
        for name in batches[0].controls:
            parts = [batch.controls[name] for batch in batches]
            controls[name] = Encoded(_stack([p.values for p in parts]), parts[0].null)
            if parts[0].mask is not None:
                masks = [p.mask for p in parts if p.mask is not None]
                controls[name] = replace(controls[name], mask=_stack(masks))
        return ConditionBatch(controls, tuple(item for batch in batches for item in batch.given))

    def frames(self) -> Tensor | float:
        """Sum (B, T, D) of the per-frame controls; 0 where the model has none."""
        values = [e.values for e in self.controls.values() if e.mask is None]
        return sum(values[1:], start=values[0]) if values else 0.0

    def tokens(
        self, batch_size: int, dim: int, device: torch.device
    ) -> tuple[Tensor, Tensor | None]:
        """Tokens (B, L, D) and their mask (B, L); one zero token, unmasked, if there are none."""
        found = [e for e in self.controls.values() if e.mask is not None]
        if not found:
            return torch.zeros(batch_size, 1, dim, device=device), None
        masks = [e.mask for e in found if e.mask is not None]
        return torch.cat([e.values for e in found], dim=1), torch.cat(masks, dim=1)

    def _map(self, change: Any) -> ConditionBatch:
        return replace(self, controls={name: change(e) for name, e in self.controls.items()})


def _stack(parts: Sequence[Tensor]) -> Tensor:
    """Concatenate along the batch, padding the second dimension with zeros to the longest."""
    longest = max(part.shape[1] for part in parts)
    padded = []
    for part in parts:
        missing = longest - part.shape[1]
        padded.append(
            torch.cat([part, part.new_zeros(len(part), missing, *part.shape[2:])], dim=1)
            if missing
            else part
        )
    return torch.cat(padded)
