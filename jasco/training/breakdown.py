"""The loss told apart: by flow time, and by what a clip was given."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

BUCKETS = 4
"""Equal parts of flow time."""


class LossBreakdown:
    """Means over all clips since the last reading, in groups.

    Args:
        groups: their names; a group without a clip has no mean.
    """

    def __init__(self, groups: Sequence[str]) -> None:
        self.groups = tuple(groups)
        self._sums: dict[str, Tensor] = {}

    def add(self, group: str, losses: Tensor, where: Tensor | None = None) -> None:
        """Count the losses (B,) of the clips ``where`` (B,) is true, by default of all."""
        where = torch.ones_like(losses) if where is None else where.to(losses.dtype)
        added = torch.stack([(losses.detach() * where).sum(), where.sum()])
        self._sums[group] = self._sums[group] + added if group in self._sums else added

    def add_times(self, losses: Tensor, t: Tensor) -> None:
        """Count the losses (B,) in the part of flow time that ``t`` (B,) falls into."""
        place = (t * BUCKETS).long().clamp(max=BUCKETS - 1)
        for bucket, group in enumerate(time_groups()):
            self.add(group, losses, place == bucket)

    def read(self, total: Callable[[Tensor], Tensor], device: torch.device) -> dict[str, float]:
        """The means, and begin anew.

        Args:
            total: sums a tensor over all ranks.
            device: where ranks exchange tensors.
        """
        empty = torch.zeros(2)
        sums = torch.stack([self._sums.get(g, empty).float().to(device) for g in self.groups])
        self._sums = {}
        pairs = total(sums).tolist()
        return {g: s / n for g, (s, n) in zip(self.groups, pairs, strict=True) if n}


def time_groups() -> list[str]:
    """Names of the parts of flow time."""
    edges = [i / BUCKETS for i in range(BUCKETS + 1)]
    return [f"t/{a:.2f}-{b:.2f}" for a, b in zip(edges, edges[1:], strict=False)]
