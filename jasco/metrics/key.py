"""Key agreement, as in MIREX: 1 for the key, .5 for one a fifth above, .3 and .2 for relatives."""

from __future__ import annotations

import math

from jasco.metrics.chords import require_mir_eval


def compute(reference: str | None, estimate: str | None) -> dict[str, float]:
    """Agreement of two keys.

    Args:
        reference: key such as ``"F# minor"``; ``None`` for an unknown one.
        estimate: key; ``None`` for a recording without one.

    Returns:
        ``weighted``, the score of MIREX, and ``accuracy``, 1 for the same key and else 0. Both are
        nan without a reference and 0 without an estimate.

    Raises:
        MissingPartError: mir_eval is not installed.
    """
    require_mir_eval()
    from mir_eval import key

    if reference is None:
        return {"weighted": math.nan, "accuracy": math.nan}
    score = 0.0 if estimate is None else float(key.weighted_score(reference, estimate))
    return {"weighted": score, "accuracy": float(score == 1.0)}
