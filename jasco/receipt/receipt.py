"""A receipt: what was asked for in a take, what is heard in it, and how far the two agree."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from jasco.adherence import MELODY_RATE, ControlExtractor, Controls, adherence, requested
from jasco.audio import Audio
from jasco.chords import ChordProgression
from jasco.conditions import Conditions
from jasco.drums import DrumCodes
from jasco.errors import MissingPartError
from jasco.melody import LOWEST_NOTE, Melody, note_name
from jasco.metrics.chords import Segments

MAIN_SCORES = {"chords": "chords.majmin", "drums": "drums.f1", "melody": "melody.pitch_class"}
"""The score that stands for a control."""

CODES = "given as codes, whose onsets are not known: give --drums FILE to have them compared"

_SHOWN = {
    "chords": ("majmin", "root", "sevenths", "seg"),
    "drums": ("f1", "precision", "recall"),
    "melody": ("pitch_class", "row", "voicing_recall", "voicing_false_alarm"),
}
_MOST = 16  # chords or notes in a line
_SHORTEST = 0.1  # s of a chord or a note that is worth a name


@dataclass(frozen=True, eq=False)
class AdherenceReport:
    """What was asked for in a take, and what is heard in it.

    Attributes:
        asked: controls that were asked for and can be heard.
        heard: the same controls as they sound.
        scores: all of `jasco.adherence.adherence` for them; nan where nothing can be judged.
        missing: control -> what kept it from being heard or scored, and what mends it.
    """

    asked: Controls
    heard: Controls
    scores: Mapping[str, float]
    missing: Mapping[str, str]

    @classmethod
    def check(cls, audio: Audio, wishes: Conditions, listener: ControlExtractor) -> AdherenceReport:
        """Hear in a take what was asked for, as far as the parts that are here allow.

        Args:
            audio: the take.
            wishes: with drums as audio; drums as codes are not compared, and ``missing`` says so.
                A melody without a frame rate is as long as the take.
            listener: hears.
        """
        missing = {}
        if isinstance(wishes.drums, DrumCodes):
            missing["drums"] = CODES
            wishes = wishes.without("drums")
        if wishes.melody is not None and wishes.melody.frame_rate is None:
            roll = wishes.melody.roll
            wishes = replace(wishes, melody=Melody(roll, roll.shape[1] / audio.duration))
        asked, heard = requested(wishes, audio.duration), Controls()
        scores: dict[str, float] = {}
        for control in wishes.without("text").asked:
            try:
                found = listener.extract(audio, [control])
                known = {name: value for name, value in vars(found).items() if value is not None}
                heard = replace(heard, **known)
                scores |= adherence(asked, found)
            except MissingPartError as error:
                missing[control] = str(error)
        return cls(asked, heard, scores, missing)

    @property
    def main(self) -> dict[str, float]:
        """The main score of each control that has one, by control."""
        found = {control: self.scores.get(name, math.nan) for control, name in MAIN_SCORES.items()}
        return {control: value for control, value in found.items() if math.isfinite(value)}

    @property
    def score(self) -> float:
        """Mean of the main scores, nan without any."""
        return sum(self.main.values()) / len(self.main) if self.main else math.nan

    def plain(self) -> dict[str, float]:
        """The scores as JSON can hold them: rounded, and without those that are nan."""
        return {name: round(x, 4) for name, x in self.scores.items() if math.isfinite(x)}

    def lines(self) -> list[str]:
        """Asked for and heard, with scores, to read."""
        lines = []
        asked, heard = self.asked, self.heard
        if asked.chords is not None and heard.chords is not None:
            lines.append(f"chords  {self._shown('chords')}")
            lines.append(f"  asked   {_chord_line(asked.chords)}")
            lines.append(f"  heard   {_chord_line(heard.chords)}")
        if asked.onsets is not None and heard.onsets is not None:
            lines.append(f"drums   {self._shown('drums')}")
            lines.append(f"  asked   {len(asked.onsets)} onsets, {_tempo(asked.tempo)}")
            lines.append(f"  heard   {len(heard.onsets)} onsets, {_tempo(heard.tempo)}")
        if asked.rows is not None and heard.pitch_classes is not None:
            lines.append(f"melody  {self._shown('melody')}")
            lines.append(f"  asked   {_notes(asked.rows)}")
            if heard.rows is not None:
                lines.append(f"  heard   {_notes(heard.rows)}")
            else:
                lines.append(f"  heard   {_notes(heard.pitch_classes, octaves=False)}")
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
    """Names of the vocabulary for segments in Harte's labels."""
    return [ChordProgression.from_pairs([(label, 0.0)]).names[0] for _, _, label in segments]


def _chord_line(segments: Segments) -> str:
    long = [segment for segment in segments if segment[1] - segment[0] >= _SHORTEST]
    pairs = zip(chord_names(long), long, strict=True)
    return _first([f"{name}:{start:.1f}" for name, (start, _, _) in pairs])


def _notes(rows: np.ndarray, *, octaves: bool = True) -> str:
    """Names of the notes, or of the pitch classes, in their order."""
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
