"""Tempo agreement.

F. Gouyon et al., "An experimental comparison of audio tempo induction algorithms", IEEE TASLP
14(5), 2006: two tempi agree within 4 % (accuracy 1), or within 4 % up to a factor of 2 or 3, the
metrical level (accuracy 2).
"""

from __future__ import annotations

import math

TOLERANCE = 0.04
"""Largest relative deviation of a tempo from the reference."""

_LEVELS = (1, 2, 3, 1 / 2, 1 / 3)


def compute(reference: float, estimate: float) -> dict[str, float]:
    """Agreement of two tempi.

    Args:
        reference: tempo (beats per minute); nan for a recording without a beat.
        estimate: tempo (beats per minute); nan for a recording without a beat.

    Returns:
        ``accuracy1`` and ``accuracy2``, 1 where the tempi agree and else 0. Both are nan without a
        reference and 0 without an estimate.
    """
    if not reference > 0:
        return {"accuracy1": math.nan, "accuracy2": math.nan}
    agree = [
        abs(estimate - level * reference) <= TOLERANCE * level * reference for level in _LEVELS
    ]
    return {"accuracy1": float(agree[0]), "accuracy2": float(any(agree))}
