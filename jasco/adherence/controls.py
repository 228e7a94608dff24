"""Comparison of a recording with the request of one control: the interface, and its lookup.

The requested and the extracted side of a control have the same plain form. `Controls` holds those
of several controls by name.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from jasco.audio import Audio
from jasco.controls import CONTROLS
from jasco.controls.spec import imported

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jasco.adherence.extractor import ControlExtractor

Controls = dict[str, Any]
"""Plain form of controls by name; a control that is unknown or not requested is absent."""


class ControlAdherence(ABC):
    """Comparison of recordings with the request of one control.

    Attributes:
        headline: name of the main score.
        shown: scores of a report, in order.
        height: height of the panel in a figure (inches).
        uses_salience: extraction uses the salience network.
        needs_recording: stored values cannot be compared, so that an evaluation needs a recording
            in which the control stands alone.
    """

    headline: ClassVar[str]
    shown: ClassVar[tuple[str, ...]]
    height: ClassVar[float] = 0.85
    uses_salience: ClassVar[bool] = False
    needs_recording: ClassVar[bool] = False

    @abstractmethod
    def example(self) -> Any:
        """Short value in a form that `jasco.conditions.Conditions` accepts, for trials."""

    def obstacle(self, value: Any) -> str | None:
        """Reason why a requested value cannot be compared, with the remedy; ``None`` if it can."""
        return None

    @abstractmethod
    def requested(self, value: Any, duration: float) -> Any:
        """Requested side.

        Args:
            value: value of the clip.
            duration: length of the clip (s).

        Raises:
            JascoError: the value cannot be compared.
        """

    @abstractmethod
    def extract(self, audio: Audio, models: ControlExtractor) -> Any:
        """Extracted side.

        Args:
            audio: audio of any rate and number of channels.
            models: owner of the models that extraction may use.

        Raises:
            MissingPartError: a part that extraction needs is not installed.
        """

    def require(self) -> None:
        """Find the parts that extraction and scoring need.

        Raises:
            MissingPartError: one is not installed.
        """
        return None

    def facts(self, models: ControlExtractor) -> Any:
        """Facts on which extraction depends, as JSON data; ``None`` for none."""
        return None

    @abstractmethod
    def scores(self, reference: Any, estimate: Any) -> dict[str, float]:
        """Scores of the extracted side against the requested one, named ``METRIC.SCORE``.

        Raises:
            MissingPartError: a part that scoring needs is not installed.
        """

    def main(self, metric: str, scores: Mapping[str, float]) -> float:
        """Main score, by which takes are ranked; nan without one.

        Args:
            metric: its name, ``CONTROL.HEADLINE``.
            scores: scores by ``METRIC.SCORE``.
        """
        return scores.get(metric, math.nan)

    def remark(self, estimate: Any, scores: Mapping[str, float]) -> str:
        """Facts of the extraction in words, for a report; empty for none."""
        return ""

    @abstractmethod
    def lines(self, reference: Any, estimate: Any) -> tuple[str, str]:
        """Requested and extracted side in words."""

    @abstractmethod
    def draw(self, ax: Axes, reference: Any, estimate: Any, duration: float) -> None:
        """Draw both sides over ``duration`` (s)."""

    @abstractmethod
    def plain(self, side: Any) -> dict[str, Any]:
        """One side as JSON data, for the records of an evaluation."""

    @abstractmethod
    def stored(self, record: Mapping[str, Any], duration: float) -> Any:
        """Side of a clip of ``duration`` (s) that `plain` put into a record; ``None`` without."""


@cache
def _made(path: str) -> ControlAdherence:
    made: ControlAdherence = imported(path)()
    return made


def comparison(control: str) -> ControlAdherence:
    """Comparison of a control of `jasco.controls.CONTROLS`."""
    return _made(CONTROLS[control].adherence)


def headlines() -> dict[str, str]:
    """Main score of each control, by its name."""
    return {name: f"{name}.{comparison(name).headline}" for name in CONTROLS}


def main_scores(scores: Mapping[str, float]) -> dict[str, float]:
    """Main score of each control that has one, by its name."""
    found = {name: comparison(name).main(key, scores) for name, key in headlines().items()}
    return {name: value for name, value in found.items() if math.isfinite(value)}


def any_uses_salience(controls: Collection[str]) -> bool:
    """Extraction of some of the controls uses the salience network."""
    return any(comparison(name).uses_salience for name in controls if name in CONTROLS)
