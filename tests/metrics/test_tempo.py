from __future__ import annotations

import math

import pytest

from jasco.metrics.tempo import compute


@pytest.mark.parametrize(
    "estimate, first, second",
    [(100, 1, 1), (103.9, 1, 1), (104.1, 0, 0), (50, 0, 1), (205, 0, 1), (33.3, 0, 1), (150, 0, 0)],
)
def test_levels_count_only_in_the_second(estimate: float, first: int, second: int) -> None:
    assert compute(100, estimate) == {"accuracy1": first, "accuracy2": second}


def test_without_a_beat() -> None:
    assert compute(100, math.nan) == {"accuracy1": 0, "accuracy2": 0}
    assert all(map(math.isnan, compute(math.nan, 100).values()))
