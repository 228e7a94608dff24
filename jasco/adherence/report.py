"""Adherence report of a take: requested controls, extracted controls, and their scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from jasco.adherence.controls import (
    MELODY_RATE,
    ControlExtractor,
    Controls,
    adherence,
    requested,
)
from jasco.audio import Audio
from jasco.chords import ChordProgression
from jasco.conditions import Conditions
from jasco.drums import DrumCodes
from jasco.errors import MissingPartError
from jasco.melody import LOWEST_NOTE, Melody, note_name
from jasco.metrics.chords import Segments

MAIN_SCORES = {"chords": "chords.majmin", "drums": "drums.f1", "melody": "melody.pitch_class"}
"""Control -> its headline score."""

CODES = "given as codes, whose onsets are not known: give --drums FILE to have them compared"

_SHOWN = {
    "chords": ("majmin", "root", "sevenths", "seg"),
    "drums": ("f1", "precision", "recall"),
    "melody": ("pitch_class", "row", "voicing_recall", "voicing_false_alarm"),
}
_MOST = 16  # largest number of chords or notes in a line
_SHORTEST = 0.1  # s, shortest chord or note that is listed


@dataclass(frozen=True, eq=False)
class AdherenceReport:
    """Requested and extracted controls of a take, with their scores.

    Attributes:
        requested: requested controls that can be extracted.
        extracted: the same controls, extracted from the take.
        scores: scores of `jasco.adherence.controls.adherence`; nan where a score is not defined.
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
        missing = {}
        if isinstance(conditions.drums, DrumCodes):
            missing["drums"] = CODES
            conditions = conditions.without("drums")
        if conditions.melody is not None and conditions.melody.frame_rate is None:
            roll = conditions.melody.roll
            conditions = replace(conditions, melody=Melody(roll, roll.shape[1] / audio.duration))
        reference, estimate = requested(conditions, audio.duration), Controls()
        scores: dict[str, float] = {}
        for control in conditions.without("text").asked:
            try:
                found = extractor.extract(audio, [control])
                known = {name: value for name, value in vars(found).items() if value is not None}
                estimate = replace(estimate, **known)
                scores |= adherence(reference, found)
            except MissingPartError as error:
                missing[control] = str(error)
        return cls(reference, estimate, scores, missing)

    @property
    def main(self) -> dict[str, float]:
        """Headline score of each control that has one."""
        found = {control: self.scores.get(name, math.nan) for control, name in MAIN_SCORES.items()}
        return {control: value for control, value in found.items() if math.isfinite(value)}

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
        requested, extracted = self.requested, self.extracted
        if requested.chords is not None and extracted.chords is not None:
            lines.append(f"chords     {self._shown('chords')}")
            lines.append(f"  requested  {_chord_line(requested.chords)}")
            lines.append(f"  extracted  {_chord_line(extracted.chords)}")
        if requested.onsets is not None and extracted.onsets is not None:
            lines.append(f"drums      {self._shown('drums')}")
            lines.append(f"  requested  {len(requested.onsets)} onsets, {_tempo(requested.tempo)}")
            lines.append(f"  extracted  {len(extracted.onsets)} onsets, {_tempo(extracted.tempo)}")
        if requested.rows is not None and extracted.pitch_classes is not None:
            lines.append(f"melody     {self._shown('melody')}")
            lines.append(f"  requested  {_notes(requested.rows)}")
            if extracted.rows is not None:
                lines.append(f"  extracted  {_notes(extracted.rows)}")
            else:
                lines.append(f"  extracted  {_notes(extracted.pitch_classes, octaves=False)}")
        return lines

    def _shown(self, control: str) -> str:
        names = ((name, self.scores.get(f"{control}.{name}")) for name in _SHOWN[control])
        shown = [
            f"{name} {'undefined' if math.isnan(value) else f'{value:.2f}'}"
            for name, value in names
            if value is not None
        ]
        return ", ".join(shown) or "not scored"


def chord_names(segments: Segments) -> list[str]:
    """Names in the vocabulary of segments with Harte labels."""
    return [ChordProgression.from_pairs([(label, 0.0)]).names[0] for _, _, label in segments]


def _chord_line(segments: Segments) -> str:
    long = [segment for segment in segments if segment[1] - segment[0] >= _SHORTEST]
    pairs = zip(chord_names(long), long, strict=True)
    return _first([f"{name}:{start:.1f}" for name, (start, _, _) in pairs])


def _notes(rows: np.ndarray, *, octaves: bool = True) -> str:
    """Names of the notes, or of the pitch classes, in order of time."""
    lowest = LOWEST_NOTE if octaves else 0
    names = [
        note_name(row + lowest).removesuffix("" if octaves else "-1")
        for row, length in _runs(rows)
        if row >= 0 and length >= _SHORTEST * MELODY_RATE
    ]
    return _first(names) if names else "silence"


def _runs(rows: np.ndarray) -> list[tuple[int, int]]:
    """(value, length) of each run of equal values."""
    return [(row, len(list(run))) for row, run in groupby(rows.tolist())]


def _first(names: Sequence[str]) -> str:
    rest = len(names) - _MOST
    return " ".join(names[:_MOST]) + (f" ... ({rest} more)" if rest > 0 else "")


def _tempo(tempo: float | None) -> str:
    return f"{tempo:.0f} bpm" if tempo is not None and tempo > 0 else "no beat"
