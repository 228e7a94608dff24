"""Texts of the sections of songs, encoded once for all windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jasco.conditions import ConditionBatch, Conditions
from jasco.recipe import Recipe
from jasco.song.edit import Edit, edit_of
from jasco.song.sections import sections_of
from jasco.song.take import Take
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


@dataclass(frozen=True, eq=False)
class TakeTexts:
    """Texts of a take that is a song with sections.

    Attributes:
        spans: first frame, and frame after the last, of each section.
        encoded: text of the song and of each section, encoded.
    """

    spans: Sequence[tuple[int, int]]
    encoded: ConditionBatch

    @classmethod
    def of(cls, model: Any, take: Take, clip: Conditions, edit: Edit) -> TakeTexts | None:
        """Texts that stay in an edit of a take; ``None`` where one text is that of all frames.

        The first and the last section go on into what is put before or after the song.
        """
        offset, text, keep = 0.0, clip.text, edit.keep
        total = take.duration + sum(edit.padding)
        plain: Any = {"song": {"source": {"recipe": take.recipe}}}
        while plain is not None:
            offset += edit.padding[0]
            if text is not None or (keep is not None and "text" not in keep):
                return None
            plain = plain["song"]["source"]["recipe"]
            if plain is None:
                return None
            recipe = Recipe.from_dict(plain)
            song = recipe.song or {}
            if song.get("source") is None:
                break
            edit, text = edit_of(song), recipe.conditions.text
            keep = edit.keep
        if song.get("kind") not in ("sections", "stream") or "text" not in model.controls:
            return None
        sections = [(*one["seconds"], one["text"]) for one in sections_of(song)]
        if not sections:
            return None
        moved = [
            (
                0.0 if start <= 0 else start + offset,
                total if stop > recipe.duration - 1 / model.frame_rate else stop + offset,
                words,
            )
            for start, stop, words in sections
        ]
        encoded = encoded_texts(model, Conditions(recipe.conditions.text), moved)
        return cls(frames_of_sections(moved, model.frame_rate), encoded)

    def on(self, windows: Windows, start: int) -> Windows:
        """Windows of a part from frame ``start`` on, with the texts of its frames."""
        moved = [(max(first - start, 0), max(last - start, 0)) for first, last in self.spans]
        return windows.with_texts(moved, 0)
