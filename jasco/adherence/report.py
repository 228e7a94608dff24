"""Adherence report of a take: requested controls, extracted controls, and their scores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from jasco.adherence.controls import Controls, comparison, main_scores
from jasco.adherence.extractor import ControlExtractor
from jasco.audio import Audio
from jasco.conditions import Conditions
from jasco.controls import CONTROLS
from jasco.errors import MissingPartError


@dataclass(frozen=True, eq=False)
class AdherenceReport:
    """Requested and extracted controls of a take, with their scores.

    Attributes:
        requested: requested controls that can be extracted.
        extracted: the same controls, extracted from the take.
        scores: scores of `jasco.adherence.scores.adherence`; nan where a score is not defined.
        missing: control -> reason why it was not extracted or scored, with the remedy.
    """

    requested: Controls
    extracted: Controls
    scores: Mapping[str, float]
    missing: Mapping[str, str]

    @classmethod
    def check(
        cls, audio: Audio, conditions: Conditions, extractor: ControlExtractor
    ) -> AdherenceReport:
        """Report on a take, for the controls whose extractors are installed.

        Args:
            audio: take.
            conditions: conditions of the take, with drums as audio; drums as codes are not compared
                and listed in ``missing``. A melody without a frame rate spans the take.
            extractor: extractor of the controls.
        """
        reference: Controls = {}
        estimate: Controls = {}
        missing: dict[str, str] = {}
        for control in conditions.without("text").asked:
            value = getattr(conditions, control)
            if reason := comparison(control).obstacle(value):
                missing[control] = reason
                continue
            reference[control] = comparison(control).requested(value, audio.duration)
            try:
                estimate |= extractor.extract(audio, [control])
            except MissingPartError as error:
                missing[control] = str(error)
        scores: dict[str, float] = {}
        for control in estimate:
            try:
                scores |= comparison(control).scores(reference[control], estimate[control])
            except MissingPartError as error:
                missing[control] = str(error)
        return cls(reference, estimate, scores, missing)

    @property
    def compared(self) -> list[str]:
        """Controls that were requested and extracted."""
        return [name for name in CONTROLS if name in self.requested and name in self.extracted]

    @property
    def main(self) -> dict[str, float]:
        """Headline score of each control that has one."""
        return main_scores(self.scores)

    @property
    def score(self) -> float:
        """Mean of the headline scores, nan without any."""
        return sum(self.main.values()) / len(self.main) if self.main else math.nan

    def plain(self) -> dict[str, float]:
        """Scores for JSON: rounded, without nan."""
        return {name: round(x, 4) for name, x in self.scores.items() if math.isfinite(x)}

    def lines(self) -> list[str]:
        """Requested and extracted controls with their scores, as lines of text."""
        lines = []
        for control in self.compared:
            sides = self.requested[control], self.extracted[control]
            requested, extracted = comparison(control).lines(*sides)
            lines.append(f"{control:10} {self._shown(control)}")
            lines += [f"  requested  {requested}", f"  extracted  {extracted}"]
        return lines

    def _shown(self, control: str) -> str:
        names = comparison(control).shown
        values = {name: self.scores.get(f"{control}.{name}") for name in names}
        shown = [
            f"{name} {'undefined' if math.isnan(value) else f'{value:.2f}'}"
            for name, value in values.items()
            if value is not None
        ]
        remark = comparison(control).remark(self.extracted[control], self.scores)
        return (", ".join(shown) or "not scored") + (f"; {remark}" if remark and shown else "")
