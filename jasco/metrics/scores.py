"""Accumulation of the scores of items into means with confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from jasco.metrics.bootstrap import Interval, bootstrap


class Scores:
    """Accumulator of the scores of items, each measured under one seed or several."""

    def __init__(self) -> None:
        self._scores: dict[tuple[str, int], dict[str, float]] = {}

    def __len__(self) -> int:
        return len(self._scores)

    def add(self, item: str, scores: Mapping[str, float], *, seed: int = 0) -> None:
        """Add scores of an item; later scores of the same item and seed are merged in."""
        self._scores.setdefault((item, seed), {}).update(scores)

    @property
    def items(self) -> list[str]:
        """Items, in order of their first score."""
        return list(dict.fromkeys(item for item, _ in self._scores))

    @property
    def seeds(self) -> list[int]:
        """Seeds, in order of their first score."""
        return list(dict.fromkeys(seed for _, seed in self._scores))

    @property
    def names(self) -> list[str]:
        """Metrics, in order of their first score."""
        return list(dict.fromkeys(name for scores in self._scores.values() for name in scores))

    def values(self, name: str) -> np.ndarray:
        """Values (items, seeds) of a metric, nan where there is none."""
        rows = [
            [self._scores.get((item, seed), {}).get(name, math.nan) for seed in self.seeds]
            for item in self.items
        ]
        return np.array(rows, dtype=float).reshape(len(rows), -1)

    def summary(self, *, resamples: int = 2000, seed: int = 0) -> dict[str, Interval]:
        """Mean of each metric with its 95 % interval; see `bootstrap`."""
        return {
            name: bootstrap(self.values(name), resamples=resamples, seed=seed)
            for name in self.names
        }
