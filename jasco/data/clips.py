"""Infinite, index-addressed dataset of training clips.

Clip ``sample_id`` of a seed always has the same segment of the same track, text, dropout, noise and
flow time, whatever the number of workers or ranks. A run therefore resumes exactly where it stopped
by continuing with the next sample id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from jasco.conditions import Conditions
from jasco.control_value import ControlValue
from jasco.controls import CONTROLS, control_names
from jasco.data.dropout import ConditionDropout, TextDropout, description
from jasco.device import to_device
from jasco.errors import JascoError

_GOLDEN_RATIO = (5**0.5 - 1) / 2  # its multiples, modulo 1, fill an interval evenly


class Track(Protocol):
    """Recording to cut clips from."""

    @property
    def id(self) -> str:
        """Unique name within the source."""

    @property
    def num_frames(self) -> int:
        """Length in latent frames."""

    @property
    def fields(self) -> Mapping[str, Any]:
        """Entries of the manifest."""


class SourceClip(Protocol):
    """Segment of a track with its conditions, its first ``length`` frames before padding."""

    @property
    def length(self) -> int:
        """Number of frames before the end of the track."""

    @property
    def conditions(self) -> Conditions:
        """Controls of these frames, without text."""


class Source(Protocol):
    """Tracks and clips of them: a prepared dataset, or recordings read on the fly.

    A clip has ``latents`` (T, D) in the codec's own scale or ``audio`` at the codec's rate.
    """

    @property
    def tracks(self) -> Sequence[Track]:
        """All tracks."""

    def clip(self, index: int, start_frame: int, num_frames: int) -> SourceClip:
        """Segment of ``num_frames`` frames of the track ``index``, with its conditions."""


@runtime_checkable
class BarSource(Source, Protocol):
    """Source that knows bar lines, at which clips begin."""

    def bars(self, index: int) -> Sequence[int]:
        """Frames of the bar lines of the track ``index``; none where they are unknown."""


@dataclass(frozen=True, eq=False)
class Clip:
    """Training clip, an item of a batch.

    Attributes:
        sample_id: index in the dataset.
        conditions: text and controls.
        dropped: names of the controls that training drops.
        length: number of frames before padding.
        latents: (T, D) float32 in the codec's own scale; ``None`` where audio is given.
        audio: (channels, N) at the codec's rate; ``None`` where latents are given.
        t: flow time.
        noise: (T, D) the noise z_0.
    """

    sample_id: int
    conditions: Conditions
    dropped: frozenset[str]
    length: int
    latents: Tensor | None
    audio: Tensor | None
    t: float
    noise: Tensor


@dataclass(frozen=True, eq=False)
class ClipBatch:
    """Batch of B clips; see `Clip`.

    Attributes:
        sample_ids: indices in the dataset.
        conditions: conditions of each clip.
        dropped: bool vector (B,) by control, true where training drops it.
        mask: (B, T) true at the frames before padding.
        latents: (B, T, D), or ``None``.
        audio: (B, channels, N), or ``None``.
        t: flow times (B,).
        noise: (B, T, D).
        padded: some frame of the mask is padding; read from the mask where it is made, which is
            on the CPU, so that nothing waits for a device to know it.
    """

    sample_ids: tuple[int, ...]
    conditions: tuple[Conditions, ...]
    dropped: Mapping[str, Tensor]
    mask: Tensor
    latents: Tensor | None
    audio: Tensor | None
    t: Tensor
    noise: Tensor
    padded: bool | None = None

    def __post_init__(self) -> None:
        if self.padded is None:
            object.__setattr__(self, "padded", not bool(self.mask.all()))

    def __len__(self) -> int:
        return len(self.sample_ids)

    def given(self, control: str) -> Tensor:
        """Bool vector (B,), true at the clips that are trained with a control."""
        asked = [control in clip.asked for clip in self.conditions]
        return to_device(torch.tensor(asked), self.t.device) & ~self.dropped[control]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> ClipBatch:
        """Batch with its tensors on another device."""
        return self._map(lambda x: x.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> ClipBatch:
        """Batch with its tensors in pinned memory; `DataLoader` calls it."""
        return self._map(lambda x: x.pin_memory())

    def _map(self, change: Callable[[Tensor], Tensor]) -> ClipBatch:
        return replace(
            self,
            dropped={name: change(where) for name, where in self.dropped.items()},
            mask=change(self.mask),
            latents=None if self.latents is None else change(self.latents),
            audio=None if self.audio is None else change(self.audio),
            t=change(self.t),
            noise=change(self.noise),
        )


def collate(clips: Sequence[Clip]) -> ClipBatch:
    """Batch of clips of one shape."""
    latents = [clip.latents for clip in clips if clip.latents is not None]
    audio = [clip.audio for clip in clips if clip.audio is not None]
    frames = torch.arange(len(clips[0].noise))
    return ClipBatch(
        sample_ids=tuple(clip.sample_id for clip in clips),
        conditions=tuple(clip.conditions for clip in clips),
        dropped={c: torch.tensor([c in clip.dropped for clip in clips]) for c in control_names()},
        mask=torch.stack([frames < clip.length for clip in clips]),
        latents=torch.stack(latents) if latents else None,
        audio=torch.stack(audio) if audio else None,
        t=torch.tensor([clip.t for clip in clips], dtype=torch.float32),
        noise=torch.stack([clip.noise for clip in clips]),
    )


class Augmentation(NamedTuple):
    """Random changes of the text and the conditions of a clip in training."""

    text: TextDropout
    dropout: ConditionDropout


class ClipDataset(Dataset[Clip | JascoError]):
    """Infinite, index-addressed dataset of clips of a source.

    An epoch draws one clip from every track, in a new order and from new starting frames: bar lines
    where they are known.

    Args:
        source: source of the tracks.
        tracks: indices of the tracks to use.
        shape: (T, D), length of a clip in latent frames and channels of the latents.
        seed: seed of all draws.
        augmentation: dropout, with flow times drawn uniformly. ``None`` for clips with all their
            conditions and with flow times spread evenly over any run of sample ids.
    """

    def __init__(
        self,
        source: Source,
        tracks: Sequence[int],
        shape: tuple[int, int],
        seed: int,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.source, self.tracks = source, tuple(tracks)
        self.shape, self.seed = shape, seed
        self.augmentation = augmentation

    def __getitem__(self, sample_id: int) -> Clip | JascoError:
        rng = np.random.default_rng([self.seed, sample_id])
        epoch, index = divmod(sample_id, len(self.tracks))
        track_index = self.tracks[_permutation(self.seed, epoch, len(self.tracks))[index]]
        track, num_frames = self.source.tracks[track_index], self.shape[0]
        last = max(track.num_frames - num_frames, 0)
        try:
            known = self.source.bars(track_index) if isinstance(self.source, BarSource) else ()
            bars = [frame for frame in known if frame <= last]
            place = int(rng.integers(len(bars) or last + 1))
            start = bars[place] if bars else place
            found = self.source.clip(track_index, start, num_frames)
        except JascoError as error:
            return error
        if self.augmentation is None:
            text, dropped = description(track.fields), frozenset[str]()
            t = (sample_id * _GOLDEN_RATIO + 0.5) % 1.0
        else:
            text = self.augmentation.text.draw(track.fields, rng)
            dropped = self.augmentation.dropout.draw(rng)
            t = rng.random()
        values = {name: getattr(found.conditions, name) for name in CONTROLS}
        padded: dict[str, Any] = {
            name: value.padded(num_frames)
            for name, value in values.items()
            if isinstance(value, ControlValue)
        }
        return Clip(
            sample_id=sample_id,
            conditions=replace(found.conditions, text=text, **padded),
            dropped=dropped,
            length=found.length,
            latents=getattr(found, "latents", None),
            audio=getattr(found, "audio", None),
            t=t,
            noise=torch.from_numpy(rng.standard_normal(self.shape, dtype=np.float32)),
        )


@lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch, count]).permutation(count)
