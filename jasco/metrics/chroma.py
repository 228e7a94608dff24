"""Chroma similarity: the melody metric of MusicGen and JASCO, by its published definition.

J. Copet et al., "Simple and controllable music generation", arXiv 2306.05284, section 3.2: the mean
cosine similarity of the frames of two chromagrams, each quantised to its strongest pitch class. The
cosine of two one-hot frames is 1 or 0, so the mean is the share of frames with equal pitch class.
"""

from __future__ import annotations

import math

import numpy as np

from jasco.errors import MelodyError


def compute(reference: np.ndarray, estimate: np.ndarray) -> dict[str, float]:
    """Chroma similarity of one item.

    The published evaluation averages over the frames of all items, which equals the mean of their
    scores where items are equally long. Silence has the pitch class C, as in that evaluation.

    Args:
        reference: (12, T) chromagram, see `jasco.extract.chroma.chromagram`.
        estimate: (12, T) chromagram.

    Returns:
        ``chroma_similarity`` in [0, 1]; nan without frames.

    Raises:
        MelodyError: shapes that are not equal (12, T).
    """
    ref, est = np.asarray(reference), np.asarray(estimate)
    if ref.shape != est.shape or ref.ndim != 2 or len(ref) != 12:
        raise MelodyError(f"chromagrams of shapes {ref.shape} and {est.shape}: give equal (12, T)")
    same = ref.argmax(axis=0) == est.argmax(axis=0)
    return {"chroma_similarity": float(same.mean()) if len(same) else math.nan}
