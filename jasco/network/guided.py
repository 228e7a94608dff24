"""Guided velocity of a batch: the velocities of all terms in one evaluation, and their sum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from jasco.conditions import ConditionBatch
from jasco.device import to_device
from jasco.flow import Guidance, Term
from jasco.network.velocity import VelocityNetwork


class GuidedVelocity:
    """Guided velocity v(t, z) of B items with up to K terms each, in R rows, one for each term.

    Args:
        network: velocity network.
        conditions: encoded conditions of the R rows.
        items: (R,) item of each row.
        rows: (K, B) row of each term of an item.
        weights: (K, B) of the terms, zero where an item has fewer than K; or those of the frames,
            (K, B, T).
    """

    def __init__(
        self,
        network: VelocityNetwork,
        conditions: ConditionBatch,
        items: Tensor,
        rows: Tensor,
        weights: Tensor,
    ) -> None:
        self.network, self.conditions = network, conditions
        self.items, self.rows, self.weights = items, rows, weights

    @classmethod
    def of(
        cls, network: VelocityNetwork, conditions: ConditionBatch, terms: Sequence[Sequence[Term]]
    ) -> GuidedVelocity:
        """Field of B encoded items and the terms of each, at least one."""
        depth, device = max(map(len, terms), default=0), network.input.weight.device
        places = [(k, b) for k in range(depth) for b, own in enumerate(terms) if k < len(own)]
        row_of = {place: row for row, place in enumerate(places)}
        # A missing term repeats the first of its own item, so that no item reads another's.
        rows = [[row_of.get((k, b), b) for b in range(len(terms))] for k in range(depth)]
        weights = [[own[k].weight if k < len(own) else 0.0 for own in terms] for k in range(depth)]
        flat = np.broadcast_arrays(*(weight for row in weights for weight in row))
        stacked_weights = np.stack(flat).reshape(depth, len(terms), *flat[0].shape)
        items = [b for _, b in places]
        stacked = conditions.select(items)
        for name in stacked.controls:
            absent = [name not in terms[b][k].controls for k, b in places]
            if any(absent):
                stacked = stacked.drop(name, where=to_device(torch.tensor(absent), device))
        return cls(
            network,
            stacked,
            to_device(torch.tensor(items), device),
            to_device(torch.tensor(rows), device),
            to_device(torch.from_numpy(stacked_weights).float(), device),
        )

    def with_conditions(self, conditions: ConditionBatch) -> GuidedVelocity:
        """Same field with other conditions of its rows, such as padded ones."""
        return GuidedVelocity(self.network, conditions, self.items, self.rows, self.weights)

    def __call__(self, t: Tensor, z: Tensor) -> Tensor:
        """Velocity (B, T, D) at latents z (B, T, D) and a scalar time t."""
        return self.combine(self.network(z[self.items], t, self.conditions))

    def combine(self, velocities: Tensor) -> Tensor:
        """Guided velocity (B, T, D) from the velocities (R, T, D) of the rows."""
        return Guidance.combine(self.weights, velocities[self.rows])
