"""Texts of the sections of songs, encoded once for all windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jasco.conditions import ConditionBatch, Conditions
from jasco.song.windows import Windows

Sections = Sequence[tuple[float, float, str]]
"""Start, end (s) and text of the sections of a song."""


def with_sections(
    model: Any,
    clips: Sequence[Conditions],
    windows: Sequence[Windows],
    sections: Sequence[Sections],
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
    texts: list[ConditionBatch] = []
    found = []
    for clip, own, parts in zip(clips, windows, sections, strict=True):
        first = sum(map(len, texts))
        found.append(own.with_texts(frames_of_sections(parts, model.frame_rate), first))
        texts.append(encoded_texts(model, clip, parts))
    return found, ConditionBatch.cat(texts)


def frames_of_sections(sections: Sections, frame_rate: float) -> list[tuple[int, int]]:
    """First frame, and frame after the last, of each section."""
    return [(round(start * frame_rate), round(stop * frame_rate)) for start, stop, _ in sections]


def encoded_texts(model: Any, clip: Conditions, sections: Sections) -> ConditionBatch:
    """Encoded texts of a song and of each of its sections.

    Raises:
        ConditionError: the model takes no text.
    """
    texts = [Conditions(text) for text in (clip.text, *(text for _, _, text in sections))]
    encoded = model.encode(texts, 1)
    return ConditionBatch({"text": encoded.controls["text"]}, encoded.given)
