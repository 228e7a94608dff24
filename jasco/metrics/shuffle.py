"""The floor of a metric: what it says of items that have nothing to do with each other."""

from __future__ import annotations

import numpy as np

from jasco.errors import SettingError


def derangement(count: int, seed: int = 0) -> list[int]:
    """A random permutation that leaves nothing in its place, all of them equally likely.

    Item i is compared with the request of item ``derangement(count, seed)[i]``.

    Raises:
        SettingError: fewer than two items, which cannot be told apart.
    """
    if count < 2:
        raise SettingError(f"{count} item(s) cannot be shuffled: give two or more")
    generator = np.random.default_rng(seed)
    while True:  # more than every third permutation is one
        order = generator.permutation(count)
        if not (order == np.arange(count)).any():
            return [int(index) for index in order]
