"""Energy conditioner: one level per latent frame."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jasco.energy import Energy
from torch import Tensor, nn

from jasco.codec import EnCodec
from jasco.conditioners.base import Conditioner
from jasco.conditions import Encoded


class EnergyConditioner(Conditioner):
    """Projection of the level of each frame; silence is the null.

    Args:
        dim: width D of the network.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.project = nn.Linear(1, dim, bias=False)

    def prepare(self, values: Sequence[Energy | None], num_frames: int, codec: EnCodec) -> Tensor:
        """Levels (B, T, 1)."""
        null = torch.zeros(num_frames)
        rows = [null if v is None else v.frames(num_frames, codec.frame_rate) for v in values]
        return torch.stack(rows)[..., None].to(codec.mean.device)

    def forward(self, prepared: Tensor) -> Encoded:
        """Levels (B, T, 1) to embeddings (B, T, D)."""
        return Encoded(self.project(prepared), self.project(prepared.new_zeros(1)))
