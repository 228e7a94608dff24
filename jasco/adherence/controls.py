"""Adherence: agreement of a recording with the controls it was requested to follow.

Requested controls (`requested`) and extracted controls (`ControlExtractor`) have the same plain
form, `Controls`, which `adherence` compares. Codec reconstructions of true recordings give the
ceiling of a score, the requests of other items its floor (`jasco.metrics.shuffle.derangement`).
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from jasco.audio import Audio
from jasco.conditions import Conditions
from jasco.errors import ConditionError, MissingPartError, SettingError
from jasco.extract.chords import extract_chords
from jasco.extract.chroma import SAMPLE_RATE as CHROMA_RATE
from jasco.extract.chroma import strongest_classes
from jasco.extract.drums import DrumSeparator
from jasco.extract.melody import extract_melody
from jasco.extract.onsets import FRAME_RATE, THRESHOLD, detect_onsets, onset_strength, pick_peaks
from jasco.extract.salience import DeepSalience
from jasco.extract.tempo import estimate_tempo
from jasco.melody import LOWEST_NOTE, Melody, resample_salience
from jasco.metrics import chords, drums, melody, salience, tempo

MELODY_RATE = 50.0
"""Frame rate (Hz) at which melodies are compared."""
EXTRACTABLE = ("chords", "drums", "melody")
"""Controls that can be extracted from a recording."""

_CHROMA_WINDOW = 4096  # samples: 0.13 s, for melodies that move


@dataclass(frozen=True, eq=False)
class Controls:
    """Controls of a clip as plain data; ``None`` where a control is unknown or not requested.

    Attributes:
        chords: (start in s, end in s, Harte label) of each chord.
        onsets: (N,) onset times of the drums (s), or of all instruments where drums are not
            isolated.
        stem_onsets: (N,) onset times of the drums separated from the mix (s).
        tempo: tempo (beats per minute), nan without a beat.
        rows: (T,) rows of the melody at `MELODY_RATE`, -1 for silence.
        pitch_classes: (T,) pitch classes of the melody, C = 0, -1 for silence; given without
            ``rows`` where they come from a chromagram.
        salience: (53, T) salience of the melody, or a roll of ones and zeros.
    """

    chords: chords.Segments | None = None
    onsets: np.ndarray | None = None
    stem_onsets: np.ndarray | None = None
    tempo: float | None = None
    rows: np.ndarray | None = None
    pitch_classes: np.ndarray | None = None
    salience: np.ndarray | None = None


class ControlExtractor:
    """Extractor of chords, drum onsets, tempo and melody from recordings.

    Args:
        salience: salience network of the melody; ``None`` for the strongest pitch classes of a
            chromagram, which accompaniment distorts.
        separator: drum separator for ``stem_onsets``; ``None`` for none.
    """

    def __init__(
        self, salience: DeepSalience | None, separator: DrumSeparator | None = None
    ) -> None:
        self.salience = salience
        self.separator = separator

    @classmethod
    def load(
        cls,
        weights: str | os.PathLike[str] | None = None,
        *,
        separator: DrumSeparator | None = None,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype = "auto",
    ) -> ControlExtractor:
        """Extractor with the salience network, or without it where its weights are unavailable.

        Args:
            weights: weight file; ``None`` for the published weights.
            separator: drum separator; ``None`` for none.
            device: device of the salience network.
            dtype: data type of its convolutions.

        Raises:
            CheckpointError, SettingError: see `DeepSalience.load`.
            MissingPartError: the file ``weights`` cannot be read without h5py.
        """
        try:
            return cls(DeepSalience.load(weights, device=device, dtype=dtype), separator)
        except MissingPartError:
            if weights is not None:
                raise
            return cls(None, separator)

    def extract(self, audio: Audio, controls: Collection[str] = EXTRACTABLE) -> Controls:
        """Extract controls from a recording.

        Args:
            audio: audio of any rate and number of channels.
            controls: names of `EXTRACTABLE`; the others stay ``None``.

        Raises:
            MissingPartError: chords are to be extracted and Chordino is not installed.
            SettingError: a control outside `EXTRACTABLE`.
        """
        if unknown := set(controls).difference(EXTRACTABLE):
            raise SettingError(
                f"cannot extract {sorted(unknown)}: give some of {list(EXTRACTABLE)}"
            )
        extracted = Controls()
        if "chords" in controls:
            extracted = replace(
                extracted, chords=chords.segments(extract_chords(audio), audio.duration)
            )
        if "drums" in controls:
            extracted = replace(extracted, **_rhythm_fields(audio))
            if self.separator is not None:
                extracted = replace(extracted, stem_onsets=detect_onsets(self.separator(audio)))
        if "melody" in controls:
            extracted = replace(extracted, **self._melody(audio))
        return extracted

    def _melody(self, audio: Audio) -> dict[str, Any]:
        frames = num_frames(audio.duration)
        if self.salience is None:
            hop = round(CHROMA_RATE / MELODY_RATE)
            classes = strongest_classes(audio, window=_CHROMA_WINDOW, hop=hop)
            # The last frame of the clip may be shorter than a hop, and have no column.
            missing = max(frames - len(classes), 0)
            return {"pitch_classes": np.pad(classes, (0, missing), "edge")[:frames]}
        found = extract_melody(audio, threshold=0.0, model=self.salience)
        rate = found.frame_rate or MELODY_RATE
        melodious = Melody.from_salience(found.roll, rate, threshold=salience.THRESHOLD)
        matrix = resample_salience(found.roll, rate, MELODY_RATE, frames).numpy()
        return _melody_fields(melodious, audio.duration) | {"salience": matrix}


def requested(conditions: Conditions, duration: float) -> Controls:
    """Requested controls of a clip, in the form of extracted ones.

    Onsets come from the given drum track, by the same detector as for recordings.

    Args:
        conditions: conditions of the clip.
        duration: length of the clip (s).

    Raises:
        ConditionError: the drums are codes, whose onsets are unknown.
        MelodyError: see `jasco.melody.Melody.frames`.
    """
    track = conditions.drums
    if track is not None and not isinstance(track, Audio):
        raise ConditionError("the drums are codes, whose onsets are not known: give their audio")
    asked = Controls()
    if conditions.chords is not None:
        asked = replace(asked, chords=chords.segments(conditions.chords, duration))
    if track is not None:
        asked = replace(asked, **_rhythm_fields(track.crop(0, duration)))
    if conditions.melody is not None:
        asked = replace(asked, **_melody_fields(conditions.melody, duration))
    return asked


def adherence(reference: Controls, estimate: Controls) -> dict[str, float]:
    """Scores of all controls that both sides have.

    Args:
        reference: requested controls.
        estimate: extracted controls.

    Returns:
        Scores of `jasco.metrics.chords`, ``drums``, ``tempo``, ``melody`` and ``salience``, named
        after the control: ``chords.majmin``, ..., ``drums.f1``, ..., ``drum_stem.f1``, ...,
        ``tempo.accuracy1``, ..., ``melody.row``, ..., ``salience.rpa``, ... Without rows in the
        estimate, the melody has the scores of pitch classes alone.

    Raises:
        MissingPartError: chords are compared and mir_eval is not installed.
        MelodyError: the melodies are of different lengths.
    """
    scores: dict[str, dict[str, float]] = {}
    if reference.chords is not None and estimate.chords is not None:
        scores["chords"] = chords.compute(reference.chords, estimate.chords)
    if reference.onsets is not None and estimate.onsets is not None:
        scores["drums"] = drums.compute(reference.onsets, estimate.onsets)
    if reference.onsets is not None and estimate.stem_onsets is not None:
        scores["drum_stem"] = drums.compute(reference.onsets, estimate.stem_onsets)
    if reference.tempo is not None and estimate.tempo is not None:
        scores["tempo"] = tempo.compute(reference.tempo, estimate.tempo)
    if reference.rows is not None and estimate.rows is not None:
        scores["melody"] = melody.compute(reference.rows, estimate.rows)
    elif reference.pitch_classes is not None and estimate.pitch_classes is not None:
        scores["melody"] = melody.compute_pitch_classes(
            reference.pitch_classes, estimate.pitch_classes
        )
    if reference.salience is not None and estimate.salience is not None:
        scores["salience"] = salience.compute(reference.salience, estimate.salience)
    return {
        f"{control}.{name}": value
        for control, found in scores.items()
        for name, value in found.items()
    }


def num_frames(duration: float) -> int:
    """Number of melody frames of a clip of ``duration`` (s)."""
    return max(round(duration * MELODY_RATE), 1)


def to_pitch_classes(rows: np.ndarray) -> np.ndarray:
    """Pitch class of each row, C = 0; -1 for silence."""
    return np.where(rows < 0, -1, (rows + LOWEST_NOTE) % 12)


def _melody_fields(melody: Melody, duration: float) -> dict[str, Any]:
    """Fields of `Controls` from a melody."""
    roll = melody.frames(num_frames(duration), MELODY_RATE)
    rows = Melody(roll, MELODY_RATE).rows().numpy()
    return {"rows": rows, "pitch_classes": to_pitch_classes(rows), "salience": roll.numpy()}


def _rhythm_fields(audio: Audio) -> dict[str, Any]:
    """Fields of `Controls` from drums, isolated or in a mix."""
    strength = onset_strength(audio)
    onsets = pick_peaks(strength, THRESHOLD) / FRAME_RATE
    return {"onsets": onsets, "tempo": estimate_tempo(strength)}
