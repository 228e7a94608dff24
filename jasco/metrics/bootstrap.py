"""Confidence intervals of means by the bootstrap, over items and over seeds."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from jasco.errors import SettingError


class Interval(NamedTuple):
    """Mean with its confidence interval.

    Attributes:
        mean: mean over the items that have a value, each the mean over its seeds.
        low: lower end; nan with a single item.
        high: upper end; nan with a single item.
        items: number of items that have a value.
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

    Items are resampled with replacement. Where items have several seeds, the seeds are resampled
    too, the same ones for all items, because both factors are crossed (A. B. Owen, "The pigeonhole
    bootstrap", Annals of Applied Statistics 1(2), 2007).

    Two systems on the same items are compared by the bootstrap of their differences.

    Args:
        values: (items,) or (items, seeds); values that are not finite, such as nan or the loudness
            of silence, count as not defined.
        level: confidence level, between 0 and 1.
        resamples: number of resamples.
        seed: seed of the resampling.

    Returns:
        Mean with its interval; all nan without a value.

    Raises:
        SettingError: another shape, or a level outside 0 to 1.
    """
    table = np.asarray(values, dtype=float)
    if table.ndim not in (1, 2):
        raise SettingError(f"values of shape {table.shape}: give (items,) or (items, seeds)")
    if not 0 < level < 1 or resamples < 1:
        raise SettingError(f"a level of {level} with {resamples} resamples: give 0 < level < 1")
    table = np.where(np.isfinite(table), table, math.nan)
    table = table[:, None] if table.ndim == 1 else table
    table = table[~np.isnan(table).all(axis=1)]
    count, seeds = table.shape
    if count == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    mean = float(np.nanmean(table, axis=1).mean())
    if count == 1:
        return Interval(mean, math.nan, math.nan, 1)
    # Counts of each item and each seed, for all resamples at once.
    generator = np.random.default_rng(seed)
    item_draws = generator.multinomial(count, np.full(count, 1 / count), size=resamples).T
    seed_draws = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples).T
    defined = ~np.isnan(table)
    drawn = defined.astype(float) @ seed_draws  # (items, resamples)
    totals = np.where(defined, table, 0) @ seed_draws
    item_means = np.divide(totals, drawn, out=np.zeros_like(totals), where=drawn > 0)
    weights = item_draws * (drawn > 0)
    sizes = weights.sum(axis=0)
    means = (weights * item_means).sum(axis=0)[sizes > 0] / sizes[sizes > 0]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(low), float(high), count)
