"""Fréchet distance of two sets of embeddings, and its extrapolation to infinite sets.

Distance of the two Gaussians with the means and covariances of the sets (D. C. Dowson and B. V.
Landau, 1982; as FAD: K. Kilgour et al., "Fréchet audio distance", Interspeech 2019):

    |m_1 - m_2|^2 + tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2))

Its estimate from finite sets is biased upwards, by an amount inverse to their size (M. J. Chong and
D. Forsyth, "Effectively unbiased FID and Inception Score and where to find them", CVPR 2020; A. Gui
et al., "Adapting Fréchet audio distance for generative music evaluation", ICASSP 2024). FAD
infinity is the intercept, at infinite size, of a line through the distances of smaller subsets.
Unlike these papers, subsets of both sets are drawn, in the same proportion: else the part of the
bias that comes from the reference would remain.
"""

from __future__ import annotations

import math

import numpy as np

from jasco.errors import SettingError
from jasco.metrics.bootstrap import Interval

_PARTS = (1.0, 1.25, 1.5, 1.75, 2.0)
"""Divisors of the set size: subsets have n / part items, from whole sets to halves."""
_DRAWS = 20
"""Number of fitted lines, each through the whole sets and one subset of every other size."""
_GROUPS = 10
_STUDENT = 2.262  # 97.5 % point of Student's t with `_GROUPS` - 1 degrees of freedom


def compute(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Fréchet distance of two sets, without extrapolation.

    Args:
        reference: (N, D) embeddings, one per item.
        estimate: (M, D) embeddings.

    Returns:
        Squared distance, in the squared unit of the embeddings, at least 0.

    Raises:
        SettingError: fewer than two items, or shapes that do not fit.
    """
    ref, est = checked_sets(reference, estimate)
    return between_gaussians(*_moments(ref), *_moments(est))


def between_gaussians(
    mean_1: np.ndarray, covariance_1: np.ndarray, mean_2: np.ndarray, covariance_2: np.ndarray
) -> float:
    """Fréchet distance of two Gaussians of means (D,) and covariances (D, D)."""
    # tr (S_1 S_2)^(1/2) is the sum of the singular values of S_1^(1/2) S_2^(1/2), which are real
    # and non-negative even where rounding gives the product complex eigenvalues.
    shared = np.linalg.svd(_root(covariance_1) @ _root(covariance_2), compute_uv=False).sum()
    distance = ((mean_1 - mean_2) ** 2).sum() + np.trace(covariance_1 + covariance_2) - 2 * shared
    return max(float(distance), 0.0)


def extrapolate(reference: np.ndarray, estimate: np.ndarray, *, seed: int = 0) -> Interval:
    """FAD infinity, with its 95 % interval by a jackknife over tenths of both sets.

    The bias is linear in the inverse size where sets have a few times more items than the
    embeddings have dimensions.

    Args:
        reference: (N, D) embeddings, one per item.
        estimate: (M, D) embeddings.
        seed: seed of the subsets.

    Returns:
        Distance with interval; both may be negative where the distributions are equal. ``items`` is
        M. The interval is nan with fewer than 40 items in either set.

    Raises:
        SettingError: fewer than four items, or shapes that do not fit.
    """
    ref, est = checked_sets(reference, estimate)
    if min(len(ref), len(est)) < 4:
        raise SettingError("FAD infinity needs four items or more in each set, to halve them")
    generator = np.random.default_rng(seed)
    whole = compute(ref, est)
    draws = [_intercept(ref, est, whole, generator) for _ in range(_DRAWS)]
    value = float(np.mean(draws))
    if min(len(ref), len(est)) < 4 * _GROUPS:
        return Interval(value, math.nan, math.nan, len(est))
    # The variance has two sources: the sample of items, and the choice of subsets.
    groups = [generator.permutation(len(part)) % _GROUPS for part in (ref, est)]
    without = np.array([compute(ref[groups[0] != k], est[groups[1] != k]) for k in range(_GROUPS)])
    variance = (_GROUPS - 1) / _GROUPS * ((without - without.mean()) ** 2).sum()
    variance += np.var(draws, ddof=1) / _DRAWS
    reach = _STUDENT * math.sqrt(variance)
    return Interval(value, value - reach, value + reach, len(est))


def checked_sets(reference: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Convert two sets of embeddings to float64; a SettingError where they do not fit."""
    ref, est = np.asarray(reference, dtype=float), np.asarray(estimate, dtype=float)
    if ref.ndim != 2 or est.ndim != 2 or ref.shape[1] != est.shape[1]:
        raise SettingError(f"sets of shapes {ref.shape} and {est.shape}: give (N, D) and (M, D)")
    if min(len(ref), len(est)) < 2:
        raise SettingError(f"sets of {len(ref)} and {len(est)} items: give two or more each")
    if not (np.isfinite(ref).all() and np.isfinite(est).all()):
        raise SettingError("the embeddings hold NaN or infinity")
    return ref, est


def _intercept(
    ref: np.ndarray, est: np.ndarray, whole: float, generator: np.random.Generator
) -> float:
    """Intercept at infinite size of a line through the distances of random subsets."""
    distances = [whole]
    for part in _PARTS[1:]:
        few = [generator.permutation(sets)[: round(len(sets) / part)] for sets in (ref, est)]
        distances.append(compute(*few))
    return float(np.polynomial.polynomial.polyfit(_PARTS, distances, 1)[0])


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values.mean(axis=0), np.atleast_2d(np.cov(values, rowvar=False))


def _root(covariance: np.ndarray) -> np.ndarray:
    """Square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
