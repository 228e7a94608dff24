"""95 % intervals of means by the bootstrap, over items and over seeds."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from jasco.errors import SettingError


class Interval(NamedTuple):
    """A mean and the interval that holds it with the probability asked for.

    Attributes:
        mean: of the items that have a value, each the mean of its seeds.
        low: lower end; nan where a single item leaves it unknown.
        high: upper end.
        items: that have a value.
    """

    mean: float
    low: float
    high: float
    items: int

    def __str__(self) -> str:
        if math.isnan(self.low):
            return f"{self.mean:.3f} (n = {self.items})"
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}] (n = {self.items})"


def bootstrap(
    values: Any, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Percentile bootstrap of a mean (B. Efron and R. J. Tibshirani, 1993, chapter 13).

    Items are drawn with replacement. Where each was measured under several seeds, the seeds are
    drawn too, the same ones for all items, because they are crossed with the items (A. B. Owen,
    "The pigeonhole bootstrap", Annals of Applied Statistics 1(2), 2007).

    For the difference of two systems on the same items, give the differences.

    Args:
        values: (items,) or (items, seeds); nan where the metric is not defined.
        level: probability that the interval is to hold the mean.
        resamples: how often to draw.
        seed: of the drawing.

    Returns:
        The mean and its interval, all nan without a value.

    Raises:
        SettingError: another shape, or a level outside 0 to 1.
    """
    table = np.asarray(values, dtype=float)
    if table.ndim not in (1, 2):
        raise SettingError(f"values of shape {table.shape}: give (items,) or (items, seeds)")
    if not 0 < level < 1 or resamples < 1:
        raise SettingError(f"a level of {level} with {resamples} resamples: give 0 < level < 1")
    table = table[:, None] if table.ndim == 1 else table
    table = table[~np.isnan(table).all(axis=1)]
    count, seeds = table.shape
    if count == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    mean = float(np.nanmean(table, axis=1).mean())
    if count == 1:
        return Interval(mean, math.nan, math.nan, 1)
    generator = np.random.default_rng(seed)
    means = np.empty(resamples)
    for number in range(resamples):
        drawn = table[generator.integers(count, size=count)]
        if seeds > 1:
            drawn = drawn[:, generator.integers(seeds, size=seeds)]
            drawn = drawn[~np.isnan(drawn).all(axis=1)]
        means[number] = np.nanmean(drawn, axis=1).mean() if len(drawn) else math.nan
    low, high = np.nanquantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(low), float(high), count)
