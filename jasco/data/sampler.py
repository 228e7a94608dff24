"""Batch sampler of infinite, index-addressed datasets."""

from __future__ import annotations

from collections.abc import Iterator


class ResumableBatchSampler:
    """Batches of consecutive sample ids for one rank, from any start.

    The ranks take turns, so that together they draw the same global batches as a single rank with
    the sum of their batch sizes.

    Args:
        start: first sample id of all ranks.
        batch_size: items per batch of this rank.
        rank: index of this rank, from 0.
        ranks: number of ranks.
        end: sample id after the last one; ``None`` for an infinite sampler.
    """

    def __init__(
        self, start: int, batch_size: int, rank: int = 0, ranks: int = 1, end: int | None = None
    ) -> None:
        self.batch_size, self.end = batch_size, end
        self.first, self.stride = start + rank * batch_size, ranks * batch_size

    def __iter__(self) -> Iterator[list[int]]:
        first = self.first
        while self.end is None or first < self.end:
            last = first + self.batch_size
            yield list(range(first, last if self.end is None else min(last, self.end)))
            first += self.stride

    def __len__(self) -> int:
        if self.end is None:
            raise TypeError("an infinite sampler has no length")
        return len(range(self.first, self.end, self.stride))
