"""Adherence to drums: onsets, in the mix and in the separated drums, and tempo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from jasco.adherence.controls import ControlAdherence
from jasco.adherence.drawing import GROUND, INK, RIGHT, WRONG, add_legend, label_lanes
from jasco.adherence.scores import named
from jasco.audio import Audio
from jasco.drums import DrumCodes
from jasco.errors import ConditionError
from jasco.extract.onsets import FRAME_RATE, THRESHOLD, detect_onsets, onset_strength, pick_peaks
from jasco.extract.tempo import estimate_tempo
from jasco.metrics import drums as onset_metric
from jasco.metrics import tempo as tempo_metric
from jasco.played import PlayedDrums

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jasco.adherence.extractor import ControlExtractor

CODES = "given as codes, whose onsets are not known: give --drums FILE to have them compared"


@dataclass(frozen=True, eq=False)
class Rhythm:
    """Rhythm of a recording.

    Attributes:
        onsets: (N,) onset times of the drums (s), or of all instruments where drums are not
            isolated.
        tempo: tempo (beats per minute), nan without a beat; ``None`` where it is unknown.
        stem_onsets: (N,) onset times of the drums separated from the mix (s).
    """

    onsets: np.ndarray
    tempo: float | None = None
    stem_onsets: np.ndarray | None = None


class DrumAdherence(ControlAdherence):
    """Comparison of drums; both sides come from audio, by the same onset detector."""

    headline: ClassVar[str] = "f1"
    shown: ClassVar[tuple[str, ...]] = ("f1", "precision", "recall")
    needs_recording: ClassVar[bool] = True

    def example(self) -> Audio:
        """A second of silence."""
        return Audio(torch.zeros(1, 32000), 32000)

    def obstacle(self, value: Audio | DrumCodes | PlayedDrums) -> str | None:
        """Codes state no onsets."""
        return CODES if isinstance(value, DrumCodes) else None

    def requested(self, value: Audio | DrumCodes | PlayedDrums, duration: float) -> Rhythm:
        """Rhythm of the drum track.

        Raises:
            ConditionError: the drums are codes, whose onsets are unknown.
        """
        if isinstance(value, DrumCodes):
            raise ConditionError(
                "the drums are codes, whose onsets are not known: give their audio"
            )
        audio: Audio = value.audio(duration) if isinstance(value, PlayedDrums) else value
        return _rhythm(audio.crop(0, duration))

    def extract(self, audio: Audio, models: ControlExtractor) -> Rhythm:
        """Rhythm of a mix."""
        separator = models.separator
        return _rhythm(audio, None if separator is None else detect_onsets(separator(audio)))

    def scores(self, reference: Rhythm, estimate: Rhythm) -> dict[str, float]:
        """Scores of `jasco.metrics.drums` and ``tempo``: ``drums.f1``, ``drum_stem.f1``, ..."""
        scores = named("drums", onset_metric.compute(reference.onsets, estimate.onsets))
        if estimate.stem_onsets is not None:
            stem = onset_metric.compute(reference.onsets, estimate.stem_onsets)
            scores |= named("drum_stem", stem)
        if reference.tempo is not None and estimate.tempo is not None:
            scores |= named("tempo", tempo_metric.compute(reference.tempo, estimate.tempo))
        return scores

    def lines(self, reference: Rhythm, estimate: Rhythm) -> tuple[str, str]:
        """Number of onsets, and tempo."""
        return _listed(reference), _listed(estimate)

    def draw(self, ax: Axes, reference: Rhythm, estimate: Rhythm, duration: float) -> None:
        """Onsets: those that match the request green, others red."""
        requested, extracted = reference.onsets, estimate.onsets
        ax.axhspan(1.04, 1.96, color=GROUND, lw=0)
        ax.axhspan(0.04, 0.96, color=GROUND, lw=0)
        ax.vlines(requested, 1.14, 1.86, color=INK, lw=1.8)
        right = _near(extracted, requested)
        ax.vlines(extracted[right], 0.14, 0.86, color=RIGHT, lw=1.8)
        ax.vlines(extracted[~right], 0.14, 0.86, color=WRONG, lw=1.8)
        missed = requested[~_near(requested, extracted)]
        ax.plot(missed, np.full(len(missed), 0.5), "o", mfc="none", mec=WRONG, ms=5)
        label_lanes(ax)
        marks = [("|", RIGHT, "within 50 ms"), ("|", WRONG, "not requested")]
        add_legend(ax, [*marks, ("o", WRONG, "missed")])

    def plain(self, side: Rhythm) -> dict[str, Any]:
        """Onsets (s)."""
        return {"onsets": [round(float(time), 3) for time in side.onsets]}

    def stored(self, record: Mapping[str, Any], duration: float) -> Rhythm | None:
        """Onsets of a record."""
        return Rhythm(np.array(record["onsets"], float)) if "onsets" in record else None


def _rhythm(audio: Audio, stem_onsets: np.ndarray | None = None) -> Rhythm:
    """Rhythm of drums, isolated or in a mix."""
    strength = onset_strength(audio)
    onsets = pick_peaks(strength, THRESHOLD) / FRAME_RATE
    return Rhythm(onsets, estimate_tempo(strength), stem_onsets)


def _near(times: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Mask of the times that have another within the tolerance of the score."""
    if not len(others):
        return np.zeros(len(times), dtype=bool)
    return np.abs(times[:, None] - others).min(axis=1) <= onset_metric.WINDOW + 1e-9


def _listed(side: Rhythm) -> str:
    known = side.tempo is not None and side.tempo > 0
    return f"{len(side.onsets)} onsets, {f'{side.tempo:.0f} bpm' if known else 'no beat'}"
