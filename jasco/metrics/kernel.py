"""Kernel audio distance: unbiased maximum mean discrepancy (MMD) of two sets of embeddings.

Y. Chung et al., "KAD: no more FAD! An effective and efficient evaluation metric for audio
generation", arXiv 2502.15602 (2025), on A. Gretton et al., "A kernel two-sample test", JMLR 13,
2012, equation 3:

    100 (mean_(i != j) k(x_i, x_j) + mean_(i != j) k(y_i, y_j) - 2 mean_(i, j) k(x_i, y_j))

with k(x, y) = exp(-|x - y|^2 / (2 s^2)), where s is the median distance of items of the reference.
"""

from __future__ import annotations

import numpy as np

from jasco.errors import SettingError
from jasco.metrics.frechet import checked_sets

SCALE = 100
"""Factor of the published implementation."""


def compute(
    reference: np.ndarray, estimate: np.ndarray, *, bandwidth: float | None = None
) -> float:
    """Kernel audio distance of two sets.

    Args:
        reference: (N, D) embeddings, one per item.
        estimate: (M, D) embeddings.
        bandwidth: bandwidth s of the kernel; ``None`` for the median distance of the reference.

    Returns:
        Distance, with expectation 0 for equal distributions, so that it may be negative.

    Raises:
        SettingError: fewer than two items, shapes that do not fit, or a reference whose median
            distance is 0.
    """
    ref, est = checked_sets(reference, estimate)
    within = _squares(ref, ref)
    pairs = np.triu_indices(len(ref), 1)
    width = np.sqrt(np.median(within[pairs])) if bandwidth is None else bandwidth
    if not width > 0:
        raise SettingError(
            f"a kernel of bandwidth {width:g}: give a positive one, or a reference of items that "
            "differ"
        )
    return SCALE * float(
        _mean_of_others(within, width)
        + _mean_of_others(_squares(est, est), width)
        - 2 * np.exp(-_squares(ref, est) / (2 * width**2)).mean()
    )


def _mean_of_others(squares: np.ndarray, width: float) -> float:
    """Mean of the kernel over pairs of different items."""
    count = len(squares)
    kernel = np.exp(-squares / (2 * width**2))
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))


def _squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return squares.clip(min=0)
