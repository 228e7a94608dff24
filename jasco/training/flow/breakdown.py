"""Loss breakdown by flow time and by the conditions of a clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

BUCKETS = 4
"""Number of equal intervals of flow time."""


class LossBreakdown:
    """Accumulator of mean losses by group since the last `read`.

    Args:
        groups: names of the groups; a group without clips has no mean.
    """

    def __init__(self, groups: Sequence[str]) -> None:
        self.groups = tuple(groups)
        self._sums: dict[str, Tensor] = {}

    def add(self, group: str, losses: Tensor, where: Tensor | None = None) -> None:
        """Add the losses (B,) of the clips at which the mask ``where`` (B,) is true, or of all."""
        where = torch.ones_like(losses) if where is None else where.to(losses.dtype)
        added = torch.stack([(losses.detach() * where).sum(), where.sum()])
        self._sums[group] = self._sums[group] + added if group in self._sums else added

    def add_times(self, losses: Tensor, t: Tensor) -> None:
        """Add the losses (B,) to the intervals of their flow times ``t`` (B,)."""
        interval = (t * BUCKETS).long().clamp(max=BUCKETS - 1)
        for bucket, group in enumerate(time_groups()):
            self.add(group, losses, interval == bucket)

    def read(self, total: Callable[[Tensor], Tensor], device: torch.device) -> dict[str, float]:
        """Means by group over all ranks; the accumulator is reset.

        Args:
            total: function that sums a tensor over all ranks.
            device: device of the exchange between ranks.
        """
        empty = torch.zeros(2)
        sums = torch.stack([self._sums.get(g, empty).float().to(device) for g in self.groups])
        self._sums = {}
        pairs = total(sums).tolist()
        return {g: s / n for g, (s, n) in zip(self.groups, pairs, strict=True) if n}


def time_groups() -> list[str]:
    """Names of the intervals of flow time."""
    edges = [i / BUCKETS for i in range(BUCKETS + 1)]
    return [f"t/{a:.2f}-{b:.2f}" for a, b in zip(edges, edges[1:], strict=False)]
