"""Adherence to energy: levels of both sides, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jasco.energy import RATE, Energy, extract_energy

from jasco.adherence.controls import ControlAdherence
from jasco.audio import Audio

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jasco.adherence.extractor import ControlExtractor


class EnergyAdherence(ControlAdherence):
    """Comparison of levels; a side is an array (T,) at 50 Hz."""

    headline: ClassVar[str] = "correlation"
    shown: ClassVar[tuple[str, ...]] = ("correlation", "error")

    def example(self) -> Any:
        """A second of half the full scale."""
        return [0.5] * 50

    def requested(self, value: Energy, duration: float) -> np.ndarray:
        """Levels of the clip."""
        return value.frames(round(duration * RATE), RATE).numpy()

    def extract(self, audio: Audio, models: ControlExtractor) -> np.ndarray:
        """Levels of a recording."""
        levels: np.ndarray = self.requested(extract_energy(audio), audio.duration)
        return levels

    def scores(self, reference: np.ndarray, estimate: np.ndarray) -> dict[str, float]:
        """Correlation, and mean absolute error."""
        varies = min(reference.std(), estimate.std()) > 0
        correlation = np.corrcoef(reference, estimate)[0, 1] if varies else np.nan
        error = np.abs(reference - estimate).mean()
        return {"energy.correlation": float(correlation), "energy.error": float(error)}

    def lines(self, reference: np.ndarray, estimate: np.ndarray) -> tuple[str, str]:
        """Mean levels."""
        return f"mean {reference.mean():.3f}", f"mean {estimate.mean():.3f}"

    def draw(self, ax: Axes, reference: np.ndarray, estimate: np.ndarray, duration: float) -> None:
        """Both curves."""
        for side in (reference, estimate):
            ax.plot(np.arange(len(side)) / RATE, side)

    def plain(self, side: np.ndarray) -> dict[str, Any]:
        """Levels."""
        return {"energy": side.round(4).tolist()}

    def stored(self, record: Mapping[str, Any], duration: float) -> np.ndarray | None:
        """Levels of a record."""
        return np.array(record["energy"]) if "energy" in record else None
