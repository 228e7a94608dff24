"""Sinusoidal embeddings of frame positions and of flow time.

Published checkpoints order them differently: positions have the cosines first, flow time the sines,
and their frequencies are spaced differently.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


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
