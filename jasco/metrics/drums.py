"""Drum metric: how many strokes come when they should.

The F-measure of onsets within 50 ms, each counted once (S. Böck, F. Krebs and M. Schedl,
"Evaluating the online capabilities of onset detection methods", ISMIR 2012; mir_eval.onset).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from jasco.errors import SettingError

WINDOW = 0.05
"""s, the most by which two onsets that count as one may differ."""

Times = Sequence[float] | np.ndarray


def compute(reference: Times, estimate: Times, window: float = WINDOW) -> dict[str, float]:
    """F-measure, precision and recall of onsets.

    Args:
        reference: onset times (s).
        estimate: likewise.
        window: the most by which a hit may be off (s).

    Returns:
        ``f1``, ``precision`` and ``recall``. What has no onsets to speak of is nan: precision
        without an estimate, recall and ``f1`` without a reference.

    Raises:
        SettingError: times that are negative or not finite.
    """
    ref, est = _ascending(reference), _ascending(estimate)
    hits = count_matches(ref, est, window)
    return {
        "f1": _ratio(2 * hits, len(ref) + len(est)) if len(ref) else math.nan,
        "precision": _ratio(hits, len(est)),
        "recall": _ratio(hits, len(ref)),
    }


def count_matches(reference: np.ndarray, estimate: np.ndarray, window: float) -> int:
    """Size of the largest matching of ascending times that differ by ``window`` (s) at most.

    All windows are equally long, so that taking the earliest free partner each time is optimal.
    """
    hits = i = j = 0
    while i < len(reference) and j < len(estimate):
        # Times in steps of 5 ms may lie exactly a window apart, which binary fractions blur.
        difference = round(float(estimate[j] - reference[i]), 9)
        hits += int(abs(difference) <= window)
        i += int(difference >= -window)
        j += int(difference <= window)
    return hits


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _ascending(times: Times) -> np.ndarray:
    array = np.sort(np.asarray(times, dtype=float).reshape(-1))
    if len(array) and not (np.isfinite(array).all() and array[0] >= 0):
        raise SettingError("onsets are times in seconds: give finite values from 0 on")
    return array
