"""The receipts of takes: made with the parts that are here, printed, and drawn beside the files."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from jasco.adherence import MAIN_SCORES, AdherenceReport, save_figure
from jasco.adherence.controls import ControlExtractor
from jasco.audio import Audio
from jasco.conditions import Conditions
from jasco.drums import DrumCodes
from jasco.errors import MissingPartError, SettingError
from jasco.extract.salience import DeepSalience
from jasco.melody import Melody
from jasco.notices import show, tell
from jasco.pipeline.request import Request, located, picture_of


class Checker:
    """Checks takes as far as the parts go that are here, and says once what is missing.

    Args:
        requests: of the takes. Their controls are tried on a moment of silence, so that what is
            missing shows before anything is generated.
        device: of the network that hears melodies.

    Raises:
        SettingError: the best of several takes is to be found, and nothing can be scored.
        CheckpointError: the environment names weights of that network which cannot be read.
    """

    def __init__(self, requests: Sequence[Request], device: torch.device) -> None:
        self._told: set[str] = set()
        controls = set().union(*(request.audible for request in requests))
        self.listener = ControlExtractor(self._salience(device) if "melody" in controls else None)
        silence = Audio(torch.zeros(1, 32000), 32000)
        trial = Conditions(
            chords=[("C", 0.0)] if "chords" in controls else None,
            drums=silence if "drums" in controls else None,
            melody=Melody.from_notes([(60, 0.0, 1.0)]) if "melody" in controls else None,
        )
        rehearsal = self.check(silence, trial)
        scored = {control for control, name in MAIN_SCORES.items() if name in rehearsal.scores}
        for request in requests:
            with located(request.label):
                if request.best_of > 1 and not request.audible & scored:
                    raise SettingError(_unscored(request, rehearsal.missing))

    def check(self, audio: Audio, wishes: Conditions) -> AdherenceReport:
        """The receipt of a take, what is missing told on stderr."""
        receipt = AdherenceReport.check(audio, wishes, self.listener)
        for control, reason in receipt.missing.items():
            self._tell(f"not checked: {control}: {reason}")
        return receipt

    def report(
        self,
        path: Path,
        receipt: AdherenceReport,
        audio: Audio,
        scores: Mapping[int, float],
        request: Request,
    ) -> None:
        """Print the receipt of a take and draw it beside its file.

        Args:
            path: of the take.
            receipt: of the take.
            audio: the take.
            scores: of all seeds that were tried.
            request: of which it is a take.
        """
        if len(scores) > 1:
            tried = ", ".join(f"{seed} {_number(score)}" for seed, score in scores.items())
            show(f"  best of {len(scores)} seeds: {tried}")
        for line in receipt.lines():
            show(f"  {line}")
        picture = picture_of(path)
        text = textwrap.shorten(request.text or "", 100, placeholder=" ...")
        try:
            save_figure(picture, receipt, audio, title=f"{path.name}   {text}")
            show(f"  picture {picture}")
        except MissingPartError as error:
            self._tell(f"not drawn: {error}")

    def _salience(self, device: torch.device) -> DeepSalience | None:
        try:
            return DeepSalience.load(device=device)
        except MissingPartError as error:
            self._tell(f"melody: only its pitch classes are heard, in a chroma: {error}")
            return None

    def _tell(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            tell(line)


def _unscored(request: Request, missing: Mapping[str, str]) -> str:
    if request.audible:
        return "best_of has nothing to go by: " + "; ".join(
            f"{control}: {missing.get(control, 'not scored')}"
            for control in sorted(request.audible)
        )
    if isinstance(request.drums, DrumCodes):
        return "best_of has nothing to go by: the drums are codes: give --drums FILE, or chords"
    return "best_of goes by what is heard: ask for chords, drums or a melody too"


def _number(score: float) -> str:
    return "not scored" if math.isnan(score) else f"{score:.3f}"
