"""Clips and songs prepared for the solver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from jasco.conditions import ConditionBatch, Conditions
from jasco.flow import Guidance
from jasco.song.bars import bars_of
from jasco.song.curves import guidance_over
from jasco.song.sections import spans_of
from jasco.song.texts import Sections


@dataclass(frozen=True, eq=False)
class Prepared:
    """Clips of one batch, prepared for the solver.

    Attributes:
        frames: latent frames T of each clip.
        clips: conditions, with drums as codes.
        encoded: the same conditions, encoded.
        guidance: guidance of each clip over its frames.
        sections: resolved sections of each clip.
        notes: changes that fitted the conditions of each clip to the model.
    """

    frames: int
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
        duration: float | None = None,
        sections: Sequence[Any] | None = None,
        encoded: ConditionBatch | None = None,
    ) -> Prepared:
        """Clips of a model, each with its guidance; see `jasco.model.Jasco.generate`.

        Raises:
            JascoError: conditions or settings that do not fit the model.
        """
        frames, rate = model.num_frames(duration), model.frame_rate
        length = frames / rate
        parts = [spans_of(sections, clip, length) for clip in clips]
        over = [
            guidance_over(own, frames, rate, bars_of(clip, length))
            for own, clip in zip(guidance, clips, strict=True)
        ]
        notes = [clip.notes(frames, rate) for clip in clips]
        coded = [model.with_codes(clip, frames) for clip in clips]
        if encoded is None:
            encoded = model.encode(coded, frames)
        return cls(frames, coded, encoded, over, [*parts], notes)
