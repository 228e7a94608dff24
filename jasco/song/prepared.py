"""Clips and songs prepared for the solver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from jasco.conditions import ConditionBatch, Conditions
from jasco.errors import SettingError
from jasco.flow import Guidance
from jasco.song.bars import bars_of
from jasco.song.curves import guidance_over
from jasco.song.sections import spans_of
from jasco.song.texts import Sections

GivenDuration = float | Sequence[float | None] | None


@dataclass(frozen=True, eq=False)
class Prepared:
    """Clips of one batch, prepared for the solver.

    Attributes:
        frames: latent frames of each clip.
        clips: conditions, with drums as codes.
        encoded: the same conditions, encoded.
        guidance: guidance of each clip over its frames.
        sections: resolved sections of each clip.
        notes: changes that fitted the conditions of each clip to the model.
    """

    frames: list[int]
    clips: list[Conditions]
    encoded: ConditionBatch
    guidance: list[Guidance]
    sections: list[Sections]
    notes: list[tuple[str, ...]]

    @classmethod
    @torch.no_grad()
    def of(
        cls,
        model: Any,
        clips: Sequence[Conditions],
        guidance: Sequence[Guidance],
        duration: GivenDuration = None,
        sections: Sequence[Any] | None = None,
        encoded: ConditionBatch | None = None,
    ) -> Prepared:
        """Clips of a model, each with its guidance; see `jasco.model.Jasco.generate`.

        Raises:
            JascoError: conditions or settings that do not fit the model.
        """
        frames, rate = frames_of_clips(model, duration, len(clips)), model.frame_rate
        of_clips = list(zip(clips, frames, strict=True))
        parts = [spans_of(sections, clip, own / rate) for clip, own in of_clips]
        over = [
            guidance_over(own, length, rate, bars_of(clip, length / rate))
            for own, (clip, length) in zip(guidance, of_clips, strict=True)
        ]
        notes = [clip.notes(own, rate) for clip, own in of_clips]
        coded = [model.with_codes(clip, own) for clip, own in of_clips]
        if encoded is None and len(set(frames)) == 1:
            encoded = model.encode(coded, frames[0])
        elif encoded is None:
            each = zip(coded, frames, strict=True)
            encoded = ConditionBatch.cat([model.encode([clip], own) for clip, own in each])
        return cls(frames, coded, encoded, over, [*parts], notes)


def frames_of_clips(model: Any, duration: GivenDuration, clips: int) -> list[int]:
    """Latent frames of each clip.

    Raises:
        SettingError: no length of a clip or a song, or fewer or more than clips.
    """
    if not isinstance(duration, list | tuple):
        return [model.num_frames(duration)] * clips
    if len(duration) != clips:
        raise SettingError(
            f"duration has {len(duration)} values for {clips} clips: give one, or one per clip"
        )
    return [model.num_frames(own) for own in duration]
