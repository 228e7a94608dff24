"""Bars of a song, read without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jasco.conditions import Conditions


def bars_of(clip: Conditions, length: float) -> tuple[float, ...]:
    """Onset of each bar (s) of a clip of ``length`` (s); empty where its chords have none."""
    return () if clip.chords is None else clip.chords.fit(length).bars
