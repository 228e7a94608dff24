"""Melody metrics: accuracy of notes, pitch classes and voicing by frame.

A melody is the row of each frame, -1 for silence; row r is the MIDI note 43 + r.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from jasco.errors import MelodyError
from jasco.melody import NUM_NOTES

Rows = Sequence[int] | np.ndarray


def compute(reference: Rows, estimate: Rows) -> dict[str, float]:
    """Accuracy of notes, of pitch classes and of voicing.

    Definitions after G. E. Poliner et al., "Melody transcription from music audio: approaches and
    evaluation", IEEE TASLP 15(4), 2007, with the notes of the model in place of cents.

    Args:
        reference: (T,) rows from 0 to 52, -1 for silence.
        estimate: (T,) rows from 0 to 52, -1 for silence.

    Returns:
        - ``row``: share of the voiced frames of the reference in which the estimate has the same
          row;
        - ``pitch_class``: the same with octaves ignored;
        - ``voicing_recall``: share of the voiced frames of the reference in which the estimate is
          voiced;
        - ``voicing_false_alarm``: share of the silent frames of the reference in which the estimate
          is voiced;
        - ``overall``: share of all frames in which both are silent or have the same row.

        Each is nan where there is no such frame.

    Raises:
        MelodyError: different lengths, or values that are no rows.
    """
    ref, est = _checked(reference), _checked(estimate)
    if len(ref) != len(est):
        raise MelodyError(f"melodies of {len(ref)} and {len(est)} frames cannot be compared")
    voiced, sounding = ref >= 0, est >= 0
    return {
        "row": _part(ref == est, voiced),
        "pitch_class": _part(sounding & ((ref - est) % 12 == 0), voiced),
        "voicing_recall": _part(sounding, voiced),
        "voicing_false_alarm": _part(sounding, ~voiced),
        "overall": _part(ref == est, np.ones_like(voiced)),
    }


def compute_pitch_classes(reference: Rows, estimate: Rows) -> dict[str, float]:
    """Accuracy of pitch classes and of voicing, for melodies without octaves.

    Args:
        reference: (T,) pitch classes from C = 0 to B = 11, -1 for silence.
        estimate: (T,) pitch classes from C = 0 to B = 11, -1 for silence.

    Returns:
        ``pitch_class``, ``voicing_recall`` and ``voicing_false_alarm`` of `compute`.
    """
    scores = compute(reference, estimate)
    del scores["row"], scores["overall"]
    return scores


def _part(right: np.ndarray, where: np.ndarray) -> float:
    return float(right[where].mean()) if where.any() else math.nan


def _checked(rows: Rows) -> np.ndarray:
    array = np.asarray(rows)
    if array.size == 0:
        return np.empty(0, dtype=int)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise MelodyError(f"rows of shape {array.shape}, {array.dtype}: give whole numbers (T,)")
    if array.min() < -1 or array.max() >= NUM_NOTES:
        raise MelodyError(f"rows lie from -1 (silence) to {NUM_NOTES - 1}, not beyond")
    return array.astype(int)
