"""Texts of the sections of songs, encoded once for all windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jasco.conditions import ConditionBatch, Conditions
from jasco.song.windows import Windows


def with_sections(
    model: Any,
    clips: Sequence[Conditions],
    windows: Sequence[Windows],
    sections: Sequence[Sequence[tuple[float, float, str]]],
) -> tuple[list[Windows], ConditionBatch]:
    """Windows of songs with the texts of their sections, and these texts, encoded.

    Args:
        model: `jasco.model.Jasco`.
        clips: conditions of each song, whose text is that of frames in no section.
        windows: windows of each song.
        sections: resolved sections of each song.

    Raises:
        ConditionError: the model takes no text.
    """
    texts: list[Conditions] = []
    found = []
    for clip, own, parts in zip(clips, windows, sections, strict=True):
        rate = model.frame_rate
        spans = [(round(start * rate), round(stop * rate)) for start, stop, _ in parts]
        found.append(own.with_texts(spans, len(texts)))
        texts += [Conditions(clip.text), *(Conditions(text) for _, _, text in parts)]
    encoded = model.encode(texts, 1)
    text = ConditionBatch({"text": encoded.controls["text"]}, encoded.given)
    return found, text
