"""Embeddings of frame positions, of flow time and of guidance weights.

Published checkpoints order them differently: positions have the cosines first, flow time the sines,
and their frequencies are spaced differently.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from jasco.flow import GuidanceRanges


def sinusoidal_positions(length: int, dim: int, device: torch.device | None = None) -> Tensor:
    """Cosines, then sines, of pos / 10000^(k / (dim/2 - 1)), as (length, dim)."""
    position = torch.arange(length, dtype=torch.float32, device=device)
    k = torch.arange(dim // 2, dtype=torch.float32, device=device)
    phase = position[:, None] / 10000.0 ** (k / (dim // 2 - 1))
    return torch.cat([phase.cos(), phase.sin()], dim=-1)


class TimeEmbedding(nn.Module):
    """Embedding of flow time t in [0, 1]: sinusoids and a small MLP.

    Args:
        dim: width D of the output.
        frequencies: number of sinusoids, spaced geometrically from 1 to 1/10000 radians.
        hidden: width of the hidden layers of the MLP.
    """

    def __init__(self, dim: int, frequencies: int = 64, hidden: int = 512) -> None:
        super().__init__()
        self.frequencies = frequencies
        self.mlp = nn.Sequential(
            nn.Linear(2 * frequencies, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.Linear(hidden, dim),
        )

    def forward(self, t: Tensor) -> Tensor:
        """Flow times (B,) to embeddings (B, D)."""
        k = torch.arange(self.frequencies, dtype=torch.float32, device=t.device)
        phase = t.float()[:, None] * torch.exp(-math.log(10000.0) / (self.frequencies - 1) * k)
        return self.mlp(torch.cat([phase.sin(), phase.cos()], dim=-1))


class GuidanceEmbedding(nn.Module):
    """Embedding of the guidance weights of a distilled network (arXiv 2210.03142, section 3).

    A small MLP of the K weights, scaled from their ranges to [-1, 1]. Its last layer starts at
    zero, where the network computes the same as without it.

    Args:
        dim: width D of the output.
        ranges: trained ranges of the weights.
        hidden: width of the hidden layers.
    """

    bounds: Tensor

    def __init__(self, dim: int, ranges: GuidanceRanges, hidden: int = 512) -> None:
        super().__init__()
        self.ranges = ranges
        bounds = torch.tensor(list(ranges.values()))
        self.register_buffer("bounds", bounds, persistent=False)
        self.mlp = nn.Sequential(
            nn.Linear(len(ranges), hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, dim),
        )
        for parameter in self.mlp[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, weights: Tensor) -> Tensor:
        """Guidance weights (B, K) to embeddings (B, D)."""
        low, high = self.bounds.unbind(1)
        return self.mlp(2 * (weights - low) / (high - low) - 1)
