"""`PlayedDrums`: strokes that become audio when the length of the clip is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self


class PlayedDrums(ABC):
    """Drum strokes for the drum kit of the band."""

    @property
    @abstractmethod
    def duration(self) -> float:
        """Length (s); infinite for a pattern that repeats."""

    @abstractmethod
    def excerpt(self, start: float, length: float | None = None) -> Self:
        """Strokes from ``start`` (s) on; ``length`` is that of `audio`."""

    @abstractmethod
    def audio(self, duration: float) -> Any:
        """`jasco.audio.Audio` of the first ``duration`` seconds, shorter where the strokes end.

        Raises:
            AudioError: no sound lasts so long.
            MissingPartError: FluidSynth or a soundfont is not installed.
        """

    @property
    def line(self) -> str:
        """Line that says what is played; empty for a file."""
        return ""

    def on(self, chords: Any) -> Self:
        """Strokes on the bars of a `jasco.chords.ChordProgression`, of strokes without own times.

        Raises:
            AudioError: neither the strokes nor the chords have a tempo.
        """
        return self
