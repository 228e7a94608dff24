"""Adherence reports of takes, with the extractors that are installed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

import torch

from jasco.adherence import MAIN_SCORES, AdherenceReport, save_figure
from jasco.adherence.controls import ControlExtractor
from jasco.audio import Audio
from jasco.conditions import Conditions
from jasco.drums import DrumCodes
from jasco.errors import MissingPartError, SettingError
from jasco.extract.salience import DeepSalience
from jasco.melody import Melody
from jasco.pipeline.events import Candidate, Drawn, Note
from jasco.pipeline.plan import Take
from jasco.pipeline.request import Request, labelled, picture_of


class Checker:
    """Checks takes with the extractors that are installed, and names each missing part once.

    Args:
        requests: requests of the takes. Their controls are extracted from a second of silence, so
            that a missing part shows before anything is generated.
        device: device of the salience network.

    Attributes:
        extractor: extractor of the controls.
        opening: notes about missing parts.

    Raises:
        SettingError: the best of several takes is wanted, and none can be scored.
        CheckpointError: the environment names weights of the salience network that cannot be read.
    """

    def __init__(self, requests: Sequence[Request], device: torch.device) -> None:
        self._noted: set[str] = set()
        self.opening: list[Note] = []
        controls = set().union(*(request.audible for request in requests))
        self.extractor = ControlExtractor(self._salience(device) if "melody" in controls else None)
        silence = Audio(torch.zeros(1, 32000), 32000)
        trial = Conditions(
            chords=[("C", 0.0)] if "chords" in controls else None,
            drums=silence if "drums" in controls else None,
            melody=Melody.from_notes([(60, 0.0, 1.0)]) if "melody" in controls else None,
        )
        rehearsal = AdherenceReport.check(silence, trial, self.extractor)
        self.opening += self.notes(rehearsal)
        scored = {control for control, name in MAIN_SCORES.items() if name in rehearsal.scores}
        for request in requests:
            with labelled(request.label):
                if request.best_of > 1 and not request.audible & scored:
                    raise SettingError(_unscored(request, rehearsal.missing))

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


def _unscored(request: Request, missing: Mapping[str, str]) -> str:
    if request.audible:
        return "best_of has nothing to go by: " + "; ".join(
            f"{control}: {missing.get(control, 'not scored')}"
            for control in sorted(request.audible)
        )
    if isinstance(request.drums, DrumCodes):
        return "best_of has nothing to go by: the drums are codes: give --drums FILE, or chords"
    return "best_of goes by chords, drums or melody in the takes: ask for one of them too"
