"""Adherence: how far a recording follows the controls that were asked for.

What was asked for (`requested`) and what is heard (`Listener`) come in the same plain form,
`Controls`, which `adherence` compares. Hear the true recording behind the codec in place of a
generated one for the ceiling, and compare with the requests of other items for the floor
(`jasco.metrics.shuffle.derangement`).
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch

from jasco.audio import Audio
from jasco.conditions import Conditions
from jasco.errors import ConditionError, MissingPartError, SettingError
from jasco.melody import LOWEST_NOTE, Melody
from jasco.metrics import chords, drums, melody
from jasco.preprocess.chords import extract_chords
from jasco.preprocess.chroma import SAMPLE_RATE as CHROMA_RATE
from jasco.preprocess.chroma import strongest_classes
from jasco.preprocess.melody import extract_melody
from jasco.preprocess.onsets import detect_onsets
from jasco.preprocess.salience import DeepSalience

MELODY_RATE = 50.0
"""Frames per second (Hz) at which melodies are compared."""
HEARD = ("chords", "drums", "melody")
"""The controls that can be heard."""

_CHROMA_WINDOW = 4096  # samples: 0.13 s, for melodies that move


@dataclass(frozen=True, eq=False)
class Controls:
    """The controls of a clip as plain data; ``None`` for what is not known or not asked for.

    Attributes:
        chords: (start in s, end in s, Harte's label).
        onsets: (N,) of the drums (s), or of all that begins where only a mix was heard.
        rows: (T,) of the melody at `MELODY_RATE`, -1 for silence.
        pitch_classes: (T,) likewise, C = 0; known without ``rows`` where it is that of a chroma.
    """

    chords: chords.Segments | None = None
    onsets: np.ndarray | None = None
    rows: np.ndarray | None = None
    pitch_classes: np.ndarray | None = None


class Listener:
    """Hears chords, onsets and melody in recordings.

    Args:
        salience: what the melody is heard with; ``None``: only its pitch classes are heard, as the
            strongest of a chroma, which the accompaniment sways.
    """

    def __init__(self, salience: DeepSalience | None) -> None:
        self.salience = salience

    @classmethod
    def load(
        cls,
        weights: str | os.PathLike[str] | None = None,
        *,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype = "auto",
    ) -> Listener:
        """With the salience network where its weights are to be had, else without.

        Args:
            weights: a file of them; ``None`` for the published ones.
            device: of the network.
            dtype: of its convolutions.

        Raises:
            CheckpointError, SettingError: see `DeepSalience.load`.
            MissingPartError: the file ``weights`` cannot be read without h5py.
        """
        try:
            return cls(DeepSalience.load(weights, device=device, dtype=dtype))
        except MissingPartError:
            if weights is not None:
                raise
            return cls(None)

    def hear(self, audio: Audio, controls: Collection[str] = HEARD) -> Controls:
        """What sounds in a recording.

        Args:
            audio: any rate, any number of channels.
            controls: of `HEARD`; the others stay ``None``.

        Raises:
            MissingPartError: chords are to be heard and Chordino is not installed.
            SettingError: another control.
        """
        if unknown := set(controls).difference(HEARD):
            raise SettingError(f"cannot hear {sorted(unknown)}: give some of {list(HEARD)}")
        rows, pitch_classes = self._melody(audio) if "melody" in controls else (None, None)
        return Controls(
            chords=(
                chords.segments(extract_chords(audio), audio.duration)
                if "chords" in controls
                else None
            ),
            onsets=detect_onsets(audio) if "drums" in controls else None,
            rows=rows,
            pitch_classes=pitch_classes,
        )

    def _melody(self, audio: Audio) -> tuple[np.ndarray | None, np.ndarray]:
        frames = num_frames(audio.duration)
        if self.salience is None:
            hop = round(CHROMA_RATE / MELODY_RATE)
            classes = strongest_classes(audio, window=_CHROMA_WINDOW, hop=hop)
            # Less audio than a window is heard as a window.
            return None, np.pad(classes, (0, max(frames - len(classes), 0)), "edge")[:frames]
        rows = melody_rows(extract_melody(audio, model=self.salience), audio.duration)
        return rows, to_pitch_classes(rows)


def requested(conditions: Conditions, duration: float) -> Controls:
    """What was asked for in a clip of ``duration`` (s).

    Drums are heard in the drum track that was given, by the same detector as in recordings.

    Raises:
        ConditionError: the drums are codes, in which nothing can be heard.
        MelodyError: see `jasco.melody.Melody.frames`.
    """
    track = conditions.drums
    if track is not None and not isinstance(track, Audio):
        raise ConditionError("the drums are codes, whose onsets are not known: give their audio")
    wish = conditions.melody
    rows = None if wish is None else melody_rows(wish, duration)
    return Controls(
        chords=(
            None if conditions.chords is None else chords.segments(conditions.chords, duration)
        ),
        onsets=None if track is None else detect_onsets(track.crop(0, duration)),
        rows=rows,
        pitch_classes=None if rows is None else to_pitch_classes(rows),
    )


def adherence(reference: Controls, estimate: Controls) -> dict[str, float]:
    """Scores of all controls that both sides know, each named after its control.

    Returns:
        ``chords.majmin``, ..., ``drums.f1``, ..., ``melody.row``, ``melody.pitch_class``, ...: all
        that `jasco.metrics.chords`, ``drums`` and ``melody`` compute. Without rows of the estimate
        the melody has the scores of pitch classes alone.

    Raises:
        MissingPartError: chords are compared and mir_eval is not installed.
        MelodyError: the melodies are of different lengths.
    """
    scores: dict[str, dict[str, float]] = {}
    if reference.chords is not None and estimate.chords is not None:
        scores["chords"] = chords.compute(reference.chords, estimate.chords)
    if reference.onsets is not None and estimate.onsets is not None:
        scores["drums"] = drums.compute(reference.onsets, estimate.onsets)
    if reference.rows is not None and estimate.rows is not None:
        scores["melody"] = melody.compute(reference.rows, estimate.rows)
    elif reference.pitch_classes is not None and estimate.pitch_classes is not None:
        scores["melody"] = melody.compute_pitch_classes(
            reference.pitch_classes, estimate.pitch_classes
        )
    return {
        f"{control}.{name}": value
        for control, found in scores.items()
        for name, value in found.items()
    }


def num_frames(duration: float) -> int:
    """Frames of the melody of a clip of ``duration`` (s)."""
    return max(round(duration * MELODY_RATE), 1)


def melody_rows(wish: Melody, duration: float) -> np.ndarray:
    """(T,) the rows of a melody at `MELODY_RATE` from 0 to ``duration`` (s), -1 for silence."""
    frames = wish.frames(num_frames(duration), MELODY_RATE)
    return Melody.from_array(frames, MELODY_RATE).rows().numpy()


def to_pitch_classes(rows: np.ndarray) -> np.ndarray:
    """Pitch class of each row, C = 0; -1 for silence."""
    return np.where(rows < 0, -1, (rows + LOWEST_NOTE) % 12)
