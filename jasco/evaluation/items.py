"""Items of an evaluation: the middle clips of the tracks of a prepared dataset.

The choice depends on the dataset alone; tracks are in the order of their content hashes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from jasco.adherence import Controls, comparison, requested
from jasco.audio import Audio, load_audio
from jasco.conditions import Conditions
from jasco.controls import CONTROLS
from jasco.data.dropout import description
from jasco.data.prepared import PreparedDataset, Track
from jasco.errors import DataError, SettingError
from jasco.model import Jasco

_CACHED = 1024


@dataclass(frozen=True, eq=False)
class Item:
    """Clip of a track.

    Attributes:
        id: id of the track.
        conditions: all conditions of the clip, drums as codes.
        latents: (T, D) in the codec's own scale.
        reference: controls to compare extracted controls with.
    """

    id: str
    conditions: Conditions
    latents: Tensor
    reference: Controls


class Excerpt(NamedTuple):
    """Part of a recording.

    Attributes:
        path: audio file.
        start: start (s).
        duration: length (s).
    """

    path: str
    start: float
    duration: float

    def load(self) -> Audio:
        """Read the audio.

        Raises:
            AudioError: the file is missing or cannot be read.
        """
        return load_audio(self.path, start=self.start, duration=self.duration)


class Items:
    """Items of a prepared dataset for a model.

    Args:
        root: folder of the dataset.
        model: model to evaluate.
        extracted: controls to extract from takes, of `jasco.controls.CONTROLS`; by default
            all.
        count: number of items; ``None`` for all.
        duration: length of an item (s); ``None`` for that of the model.
        without: controls of the model that the data lacks.

    Raises:
        DataError: no dataset, one of another codec, without a control, without isolated drums where
            they are scored, or without enough tracks of this length.
        SettingError: a count below 2, or an unknown control.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        model: Jasco,
        *,
        extracted: Sequence[str] | None = None,
        count: int | None = None,
        duration: float | None = None,
        without: Sequence[str] = (),
    ) -> None:
        if count is not None and count < 2:
            raise SettingError(f"data.items={count}: give two or more, for the floor pairs them")
        extracted = tuple(CONTROLS) if extracted is None else extracted
        wanted = dict.fromkeys((*model.controls, *extracted))
        controls = [c for c in wanted if c != "text" and c not in without]
        self.data = PreparedDataset.for_model(root, controls, model)
        self.frames = model.num_frames(duration)
        self.duration = self.frames / model.frame_rate
        self.extracted = tuple(control for control in extracted if control not in without)
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
        for control in self._recorded():
            for index in self.tracks:
                self._recording(self.data.tracks[index], control)

    def __len__(self) -> int:
        return len(self.tracks)

    def track(self, number: int) -> Track:
        """Track of an item."""
        return self.data.tracks[self.tracks[number]]

    def start(self, number: int) -> int:
        """First latent frame of an item in its track."""
        return (self.track(number).num_frames - self.frames) // 2

    def original(self, number: int) -> Excerpt:
        """Excerpt of the original recording of an item."""
        start = self.start(number) / self.data.facts.frame_rate
        return Excerpt(self.track(number).path, start, self.duration)

    def fingerprint(self) -> str:
        """SHA-256 of the choice of clips and of the stages that made their controls."""
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
        first = start / self.data.facts.frame_rate
        recorded: dict[str, Any] = {
            control: load_audio(path, start=first, duration=self.duration)
            for control in self._recorded()
            if (path := self._recording(track, control))
        }
        compared = conditions.without("text", *(c for c in CONTROLS if c not in self.extracted))
        reference = requested(replace(compared, **recorded), self.duration)
        return Item(track.id, conditions, clip.latents, reference)

    def _recorded(self) -> list[str]:
        """Controls whose stored values cannot be compared."""
        return [c for c in self.extracted if comparison(c).needs_recording]

    def _recording(self, track: Track, control: str) -> Path:
        """Recording of a track in which a control stands alone."""
        named = track.fields.get(control)
        for folder in (self.data.root, self.data.root.parent):
            if named and (folder / str(named)).is_file():
                return folder / str(named)
        said = f"{named} is not there" if named else "its manifest names none"
        raise DataError(
            f"{control} are compared with a recording of the {control} alone, and of {track.path} "
            f'{said}: give one as "{control}" in the manifest, or leave {control} out of metrics'
        )
