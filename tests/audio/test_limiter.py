"""Moving minimum and average of the limiter equal those of scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from jasco.audio.limiter import moving_average, moving_minimum


@pytest.mark.parametrize("length", [1, 2, 6, 7, 8, 300, 10_000])
@pytest.mark.parametrize("reach", [1, 3, 80])
def test_moving_minimum_and_average(length: int, reach: int) -> None:
    x, width = np.random.default_rng(0).uniform(size=length), 2 * reach + 1
    expected = ndimage.minimum_filter1d(x, width, mode="nearest")
    assert np.array_equal(moving_minimum(x, reach), expected)
    expected = ndimage.uniform_filter1d(x, width, mode="nearest")
    assert np.allclose(moving_average(x, reach), expected, rtol=0, atol=1e-12)
