"""Adherence reports of takes, with the extractors that are installed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from jasco.adherence import (
    AdherenceReport,
    ControlExtractor,
    comparison,
    headlines,
    save_figure,
)
from jasco.adherence.controls import any_uses_salience
from jasco.audio import Audio
from jasco.conditions import Conditions
from jasco.controls import CONTROLS
from jasco.errors import MissingPartError, SettingError
from jasco.extract.salience import DeepSalience
from jasco.pipeline.events import Candidate, Drawn, Note
from jasco.pipeline.outputs import picture_of
from jasco.pipeline.plan import Take
from jasco.pipeline.request import Request, labelled


class Checker:
    """Checks takes with the extractors that are installed, and names each missing part once.

    Args:
        requests: requests of the takes. Their controls are extracted from a second of silence, so
            that a missing part shows before anything is generated.
        device: device of the salience network.
        chords: extractors of chords by name; ``None`` for those that are installed.

    Attributes:
        extractor: extractor of the controls.
        opening: notes about missing parts.

    Raises:
        SettingError: the best of several takes is wanted, and none can be scored.
        CheckpointError: the environment names weights of the salience network that cannot be read.
    """

    def __init__(
        self,
        requests: Sequence[Request],
        device: torch.device,
        chords: Sequence[str] | None = None,
    ) -> None:
        self._noted: set[str] = set()
        self.opening: list[Note] = []
        controls = set().union(*(compared(request) for request in requests))
        salience = self._salience(device) if any_uses_salience(controls) else None
        self.extractor = ControlExtractor(salience, chords=chords)
        silence = Audio(torch.zeros(1, 32000), 32000)
        values: dict[str, Any] = {name: comparison(name).example() for name in controls}
        rehearsal = self.check(silence, Conditions(**values))
        self.opening += self.notes(rehearsal)
        scored = {control for control, name in headlines().items() if name in rehearsal.scores}
        for request in requests:
            with labelled(request.label):
                if request.best_of > 1 and not compared(request) & scored:
                    raise SettingError(_unscored(request, rehearsal.missing))

    def check(self, audio: Audio, given: Conditions) -> AdherenceReport:
        """Report of the audio of a take on its conditions."""
        return AdherenceReport.check(audio, given, self.extractor)

    def notes(self, report: AdherenceReport) -> Iterator[Note]:
        """Controls that a report lacks, each reason once for all takes."""
        for control, reason in report.missing.items():
            yield from self._once(f"not checked: {control}: {reason}")

    def draw(self, take: Take, chosen: Candidate) -> Iterator[Note | Drawn]:
        """Draw the report of a saved take beside its file."""
        picture = picture_of(take.path)
        text = textwrap.shorten(take.request.text or "", 100, placeholder=" ...")
        if chosen.report is None:
            return
        try:
            title = f"{take.path.name}   {text}"
            save_figure(picture, chosen.report, chosen.audio, title=title)
            yield Drawn(picture)
        except MissingPartError as error:
            yield from self._once(f"not drawn: {error}")

    def _salience(self, device: torch.device) -> DeepSalience | None:
        try:
            return DeepSalience.load(device=device)
        except MissingPartError as error:
            line = f"melody: only its pitch classes are checked, by a chroma: {error}"
            self.opening += self._once(line)
            return None

    def _once(self, line: str) -> Iterator[Note]:
        if line not in self._noted:
            self._noted.add(line)
            yield Note(line)


def compared(request: Request) -> set[str]:
    """Controls that a request asks for, and that can be compared with a take."""
    values = request.controls
    coded = {name for name in values if comparison(name).obstacle(values[name])}
    return {*values, *request.recordings} - coded


def _unscored(request: Request, missing: Mapping[str, str]) -> str:
    controls = compared(request)
    if controls:
        return "best_of has nothing to go by: " + "; ".join(
            f"{control}: {missing.get(control, 'not scored')}" for control in sorted(controls)
        )
    for control, value in request.controls.items():
        if reason := comparison(control).obstacle(value):
            return f"best_of has nothing to go by: {control}: {reason}"
    return f"best_of goes by {', '.join(CONTROLS)} in the takes: ask for one of them too"
