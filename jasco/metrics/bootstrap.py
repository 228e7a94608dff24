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
        values: (items,) or (items, seeds); what is not finite counts as not defined, such as nan
            or the loudness of silence.
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
    table = np.where(np.isfinite(table), table, math.nan)
    table = table[:, None] if table.ndim == 1 else table
    table = table[~np.isnan(table).all(axis=1)]
    count, seeds = table.shape
    if count == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    mean = float(np.nanmean(table, axis=1).mean())
    if count == 1:
        return Interval(mean, math.nan, math.nan, 1)
    # How often each item and each seed is drawn, in all resamples at once.
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
