"""Tempo agreement.

F. Gouyon et al., "An experimental comparison of audio tempo induction algorithms", IEEE TASLP
14(5), 2006: two tempi agree within 4 %, and but for the metrical level if a ratio of 2 or 3 either
way is let pass.
"""

from __future__ import annotations

import math

TOLERANCE = 0.04
"""Part of the reference by which an agreeing tempo may be off."""

_LEVELS = (1, 2, 3, 1 / 2, 1 / 3)


def compute(reference: float, estimate: float) -> dict[str, float]:
    """Agreement of two tempi.

    Args:
        reference: beats per minute; nan for a recording without a beat.
        estimate: likewise.

    Returns:
        ``accuracy1``, 1 where they agree and else 0, and ``accuracy2``, the same with the metrical
        level let pass. Both are nan without a reference and 0 without an estimate.
    """
    if not reference > 0:
        return {"accuracy1": math.nan, "accuracy2": math.nan}
    agree = [
        abs(estimate - level * reference) <= TOLERANCE * level * reference for level in _LEVELS
    ]
    return {"accuracy1": float(agree[0]), "accuracy2": float(any(agree))}
