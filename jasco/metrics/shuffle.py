"""Floor of a metric: derangements, which pair each item with the request of another."""

from __future__ import annotations

import numpy as np

from jasco.errors import SettingError


def derangement(count: int, seed: int = 0) -> list[int]:
    """Random derangement: a permutation without fixed points, drawn uniformly.

    Item i is compared with the request of item ``derangement(count, seed)[i]``.

    Args:
        count: number of items.
        seed: seed of the permutation.

    Raises:
        SettingError: fewer than two items, which have no derangement.
    """
    if count < 2:
        raise SettingError(f"{count} item(s) cannot be shuffled: give two or more")
    generator = np.random.default_rng(seed)
    while True:  # rejection sampling: more than a third of all permutations are derangements
        order = generator.permutation(count)
        if not (order == np.arange(count)).any():
            return [int(index) for index in order]
