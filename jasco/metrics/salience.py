"""Salience metrics: pitch accuracy by frame, independent of voicing, and cosine similarity.

Raw pitch accuracy scores the pitch of a frame apart from the voicing decision (J. Salamon et al.,
"Melody extraction from polyphonic music signals", IEEE Signal Processing Magazine 31(2), 2014;
mir_eval.melody). For rows a semitone apart, its tolerance of 50 cents requires the same row.
"""

from __future__ import annotations

import math

import numpy as np

from jasco.errors import MelodyError

THRESHOLD = 0.5
"""Salience below which a frame is unvoiced for the model."""


def compute(
    reference: np.ndarray, estimate: np.ndarray, threshold: float = THRESHOLD
) -> dict[str, float]:
    """Pitch accuracy, voicing and cosine similarity of one item.

    Args:
        reference: (53, T) salience, or a roll of ones and zeros.
        estimate: (53, T) salience, or a roll of ones and zeros.
        threshold: a frame is voiced where its largest value is at least this.

    Returns:
        Over the voiced frames of the reference,

        - ``rpa``, raw pitch accuracy: share of frames whose strongest row is that of the reference,
          above the threshold or not;
        - ``rca``, raw chroma accuracy: the same with octaves ignored;
        - ``voicing_recall``: share of frames that are voiced in the estimate;
        - ``cosine``: mean cosine similarity of the salience of a frame;

        and ``voicing_false_alarm``, the share of the unvoiced frames that is voiced in the
        estimate. Each is nan where there is no such frame.

    Raises:
        MelodyError: shapes that are not equal (rows, T).
    """
    ref, est = np.asarray(reference, dtype=float), np.asarray(estimate, dtype=float)
    if ref.shape != est.shape or ref.ndim != 2 or len(ref) == 0:
        raise MelodyError(f"saliences of shapes {ref.shape} and {est.shape}: give equal (53, T)")
    voiced, sounding = (s.max(axis=0) >= threshold for s in (ref, est))
    apart = est.argmax(axis=0) - ref.argmax(axis=0)
    guessed = est.max(axis=0) > 0
    norms = np.linalg.norm(ref, axis=0) * np.linalg.norm(est, axis=0)
    cosine = np.divide((ref * est).sum(axis=0), norms, out=np.zeros_like(norms), where=norms > 0)
    return {
        "rpa": _mean(guessed & (apart == 0), voiced),
        "rca": _mean(guessed & (apart % 12 == 0), voiced),
        "voicing_recall": _mean(sounding, voiced),
        "voicing_false_alarm": _mean(sounding, ~voiced),
        "cosine": _mean(cosine, voiced),
    }


def _mean(values: np.ndarray, where: np.ndarray) -> float:
    return float(values[where].mean()) if where.any() else math.nan
