"""The items of an evaluation: clips of a prepared dataset, and what a listener should hear in them.

Which clips they are depends on the dataset alone: the tracks come in the order of their content
hashes, and each gives its middle.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from jasco.adherence.controls import EXTRACTABLE, Controls, requested
from jasco.audio import Audio, load_audio
from jasco.conditions import Conditions
from jasco.data.dropout import description
from jasco.data.prepared import PreparedDataset, Track, other_codec
from jasco.errors import DataError, SettingError
from jasco.model import Jasco

DRUMS = "drums"
"""Field of the manifest that names a recording of the drums alone."""

_CACHED = 1024


@dataclass(frozen=True, eq=False)
class Item:
    """A clip of a track.

    Attributes:
        id: of its track.
        conditions: all that is known of it, its drums as codes.
        latents: (T, D) in the codec's own scale.
        reference: what is to be heard where its conditions are asked for.
    """

    id: str
    conditions: Conditions
    latents: Tensor
    reference: Controls


class Excerpt(NamedTuple):
    """A part of a recording.

    Attributes:
        path: audio file.
        start: s.
        duration: s.
    """

    path: str
    start: float
    duration: float

    def load(self) -> Audio:
        """Read it.

        Raises:
            AudioError: it is no longer there, or cannot be read.
        """
        return load_audio(self.path, start=self.start, duration=self.duration)


class Items:
    """The items of a prepared dataset for a model.

    Args:
        root: folder of the dataset.
        model: whose length, codec and controls they have.
        heard: controls that are to be heard, of `jasco.adherence.controls.EXTRACTABLE`.
        count: how many; ``None`` for all.
        duration: their length (s), by default the model's.
        without: controls of the model that the data does not have.

    Raises:
        DataError: no dataset there, of another codec, without a control, without a recording of the
            drums where they are to be heard, or without a track that is long enough.
        SettingError: a number or a control that makes no sense.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        model: Jasco,
        *,
        heard: Sequence[str] = EXTRACTABLE,
        count: int | None = None,
        duration: float | None = None,
        without: Sequence[str] = (),
    ) -> None:
        if count is not None and count < 2:
            raise SettingError(f"data.items={count}: give two or more, for the floor pairs them")
        wanted = dict.fromkeys((*model.controls, *heard))
        controls = [c for c in wanted if c != "text" and c not in without]
        self.data = PreparedDataset(root, controls)
        if self.data.facts.codec != model.codec.fingerprint():
            raise other_codec(root, model)
        self.frames = model.num_frames(duration)
        self.duration = self.frames / model.frame_rate
        self.heard = tuple(control for control in heard if control not in without)
        fitting = [i for i, t in enumerate(self.data.tracks) if t.num_frames >= self.frames]
        self.tracks = fitting if count is None else fitting[:count]
        if len(fitting) < 2:
            raise DataError(
                f"{len(fitting)} of the {len(self.data)} tracks of {root} last {self.duration:g} s "
                "or longer, and an evaluation takes 2: give longer ones, or lower data.duration"
            )
        if count is not None and len(fitting) < count:
            raise DataError(
                f"data.items={count}, and {root} has {len(fitting)} tracks of {self.duration:g} s "
                f"or longer: give data.items={len(fitting)}, or null for all"
            )
        self.item = lru_cache(maxsize=_CACHED)(self._item)
        if "drums" in self.heard:
            for index in self.tracks:
                self._drums(self.data.tracks[index])

    def __len__(self) -> int:
        return len(self.tracks)

    def track(self, number: int) -> Track:
        """The track that an item is cut from."""
        return self.data.tracks[self.tracks[number]]

    def start(self, number: int) -> int:
        """Its first latent frame."""
        return (self.track(number).num_frames - self.frames) // 2

    def original(self, number: int) -> Excerpt:
        """Where it lies in the recording that it was prepared from."""
        start = self.start(number) / self.data.facts.frame_rate
        return Excerpt(self.track(number).path, start, self.duration)

    def fingerprint(self) -> str:
        """SHA-256 of which clips these are, and of how their controls were made."""
        found = hashlib.sha256(f"{self.data.facts.codec} {self.frames}".encode())
        for number in range(len(self)):
            track = self.track(number)
            facts = [track.id, self.start(number), description(track.fields), dict(track.stages)]
            found.update(json.dumps(facts, sort_keys=True).encode())
        return found.hexdigest()

    def _item(self, number: int) -> Item:
        track, start = self.track(number), self.start(number)
        clip = self.data.clip(self.tracks[number], start, self.frames)
        conditions = replace(clip.conditions, text=description(track.fields))
        drums = None
        if "drums" in self.heard:
            first = start / self.data.facts.frame_rate
            drums = load_audio(self._drums(track), start=first, duration=self.duration)
        reference = requested(replace(conditions, drums=drums), self.duration)
        return Item(track.id, conditions, clip.latents, reference)

    def _drums(self, track: Track) -> Path:
        """The recording of a track's drums; codes alone tell no onsets."""
        named = track.fields.get(DRUMS)
        for folder in (self.data.root, self.data.root.parent):
            if named and (folder / str(named)).is_file():
                return folder / str(named)
        said = f"{named} is not there" if named else "its manifest names none"
        raise DataError(
            f"drums are compared with a recording of the drums alone, and of {track.path} {said}: "
            f'give one as "{DRUMS}" in the manifest, or leave drums out of metrics'
        )
