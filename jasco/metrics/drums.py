"""Drum metric: onset F-measure with a tolerance of 50 ms.

Each onset is matched at most once (S. Böck, F. Krebs and M. Schedl,
"Evaluating the online capabilities of onset detection methods", ISMIR 2012; mir_eval.onset).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from jasco.errors import SettingError

WINDOW = 0.05
"""Tolerance (s): largest distance of two matching onsets."""

Times = Sequence[float] | np.ndarray


def compute(reference: Times, estimate: Times, window: float = WINDOW) -> dict[str, float]:
    """F-measure, precision and recall of onsets.

    Args:
        reference: onset times (s).
        estimate: onset times (s).
        window: largest distance of two matching onsets (s).

    Returns:
        ``f1``, ``precision`` and ``recall``. Precision is nan without onsets in the estimate,
        recall and ``f1`` are nan without onsets in the reference.

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
    """Size of the maximum matching of ascending times that differ by ``window`` (s) at most.

    All windows have equal length, so the greedy choice of the earliest free partner is optimal.
    """
    hits = i = j = 0
    while i < len(reference) and j < len(estimate):
        # Times in steps of 5 ms may lie exactly a window apart, up to the rounding of floats.
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
