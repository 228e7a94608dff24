"""Clips by number: what training sees, each a function of the seed and its number alone.

Clip ``n`` of a seed is always the same slice with the same text, dropout, noise and time, whatever
the number of workers, ranks, or interruptions before it. So the order of the data is a number to
count up, and resuming means going on from the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from jasco.audio import Audio
from jasco.conditions import CONTROLS, Conditions
from jasco.data.dropout import ConditionDropout, TextDropout, description
from jasco.drums import DrumCodes
from jasco.errors import JascoError

_GOLDEN_RATIO = (5**0.5 - 1) / 2  # its multiples, modulo 1, fill an interval evenly


class Track(Protocol):
    """A recording that clips are cut from."""

    @property
    def id(self) -> str:
        """What tells it from all others."""

    @property
    def num_frames(self) -> int:
        """Length in latent frames."""

    @property
    def fields(self) -> Mapping[str, Any]:
        """What the manifest says of it."""


class Slice(Protocol):
    """Some frames of a track, of which ``length`` are real."""

    @property
    def length(self) -> int:
        """Frames before the end of the track."""

    @property
    def conditions(self) -> Conditions:
        """Its controls, without text."""


class Source(Protocol):
    """Tracks and their slices: a prepared dataset, or recordings read on the fly.

    A slice has ``latents`` (T, D) in the codec's own scale or ``audio`` at the codec's rate.
    """

    @property
    def tracks(self) -> Sequence[Track]:
        """All tracks."""

    def clip(self, index: int, start_frame: int, num_frames: int) -> Slice:
        """Frames of the track ``index``."""


@dataclass(frozen=True, eq=False)
class Clip:
    """One item of a batch.

    Attributes:
        number: what it was drawn by.
        conditions: text and controls.
        dropped: controls that it trains without.
        length: frames that are real; those after are padding.
        latents: (T, D) float32 in the codec's own scale; ``None`` where audio is given.
        audio: to be encoded, at the codec's rate; ``None`` where latents are given.
        t: flow time.
        noise: (T, D) the noise z_0.
    """

    number: int
    conditions: Conditions
    dropped: frozenset[str]
    length: int
    latents: Tensor | None
    audio: Tensor | None
    t: float
    noise: Tensor


@dataclass(frozen=True, eq=False)
class ClipBatch:
    """Clips as one batch; see `Clip`.

    Attributes:
        numbers: of the clips.
        conditions: of each clip.
        dropped: bool vector (B,) by control, true where a clip goes without it.
        mask: (B, T) true at the frames that are real.
        latents: (B, T, D), or ``None``.
        audio: (B, channels, N), or ``None``.
        t: (B,).
        noise: (B, T, D).
    """

    numbers: tuple[int, ...]
    conditions: tuple[Conditions, ...]
    dropped: Mapping[str, Tensor]
    mask: Tensor
    latents: Tensor | None
    audio: Tensor | None
    t: Tensor
    noise: Tensor

    def __len__(self) -> int:
        return len(self.numbers)

    def given(self, control: str) -> Tensor:
        """Bool vector (B,): which clips are trained with a control."""
        asked = [control in clip.asked for clip in self.conditions]
        return torch.tensor(asked, device=self.t.device) & ~self.dropped[control]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> ClipBatch:
        """With its tensors on another device."""
        return self._map(lambda x: x.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> ClipBatch:
        """With its tensors in pinned memory, as a `DataLoader` asks for."""
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
    """Clips to a batch."""
    latents = [clip.latents for clip in clips if clip.latents is not None]
    audio = [clip.audio for clip in clips if clip.audio is not None]
    frames = torch.arange(len(clips[0].noise))
    return ClipBatch(
        numbers=tuple(clip.number for clip in clips),
        conditions=tuple(clip.conditions for clip in clips),
        dropped={c: torch.tensor([c in clip.dropped for clip in clips]) for c in CONTROLS},
        mask=torch.stack([frames < clip.length for clip in clips]),
        latents=torch.stack(latents) if latents else None,
        audio=torch.stack(audio) if audio else None,
        t=torch.tensor([clip.t for clip in clips], dtype=torch.float32),
        noise=torch.stack([clip.noise for clip in clips]),
    )


class Augmentation(NamedTuple):
    """What varies from one sight of a track to the next in training."""

    text: TextDropout
    dropout: ConditionDropout


class Clips(Dataset[Clip | JascoError]):
    """Clips of a source, by number; there is no end to them.

    Every track comes once before any comes again, each time from another place.

    Args:
        source: the tracks.
        tracks: indices of those to take.
        shape: (T, D), length of a clip in latent frames and channels of the latents.
        seed: of everything that is drawn.
        augmentation: dropout, with times drawn at random. Without it clips have all that is known
            of them, and times spread evenly over any run of numbers.
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

    def __getitem__(self, number: int) -> Clip | JascoError:
        rng = np.random.default_rng([self.seed, number])
        lap, place = divmod(number, len(self.tracks))
        index = self.tracks[_permutation(self.seed, lap, len(self.tracks))[place]]
        track, num_frames = self.source.tracks[index], self.shape[0]
        start = int(rng.integers(max(track.num_frames - num_frames, 0) + 1))
        try:
            found = self.source.clip(index, start, num_frames)
        except JascoError as error:
            return error
        if self.augmentation is None:
            text, dropped = description(track.fields), frozenset[str]()
            t = (number * _GOLDEN_RATIO + 0.5) % 1.0
        else:
            text = self.augmentation.text.draw(track.fields, rng)
            dropped = self.augmentation.dropout.draw(rng)
            t = rng.random()
        drums = _padded(found.conditions.drums, num_frames)
        return Clip(
            number=number,
            conditions=replace(found.conditions, text=text, drums=drums),
            dropped=dropped,
            length=found.length,
            latents=getattr(found, "latents", None),
            audio=getattr(found, "audio", None),
            t=t,
            noise=torch.from_numpy(rng.standard_normal(self.shape, dtype=np.float32)),
        )


class Numbers:
    """The numbers of one rank's batches: a batch sampler for a `DataLoader`.

    The ranks take turns, so that together they read the same global batches as one rank with a
    batch as large as all of theirs.

    Args:
        start: first number of all ranks.
        batch_size: of this rank.
        rank: this one, from 0.
        ranks: how many there are.
        end: the number after the last; there is no end if not given.
    """

    def __init__(
        self, start: int, batch_size: int, rank: int = 0, ranks: int = 1, end: int | None = None
    ) -> None:
        self.batch_size, self.end = batch_size, end
        self.first, self.stride = start + rank * batch_size, ranks * batch_size

    def __iter__(self) -> Iterator[list[int]]:
        first = self.first
        while self.end is None or first < self.end:
            last = first + self.batch_size
            yield list(range(first, last if self.end is None else min(last, self.end)))
            first += self.stride

    def __len__(self) -> int:
        if self.end is None:
            raise TypeError("these numbers have no end")
        return len(range(self.first, self.end, self.stride))


@lru_cache(maxsize=4)
def _permutation(seed: int, lap: int, count: int) -> np.ndarray:
    return np.random.default_rng([seed, lap, count]).permutation(count)


def _padded(drums: Audio | DrumCodes | None, num_frames: int) -> Audio | DrumCodes | None:
    """Drum codes as long as the clip; what is added is masked like all padding."""
    if isinstance(drums, DrumCodes) and len(drums) < num_frames:
        return DrumCodes(F.pad(drums.codes, (0, num_frames - len(drums))))
    return drums
