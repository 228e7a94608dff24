"""Melody conditioner: a piano roll of 53 notes at the latent frame rate."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor, nn

from jasco.codec import EnCodec
from jasco.conditioners.base import Conditioner
from jasco.conditions import Encoded
from jasco.device import to_device
from jasco.melody import NUM_NOTES, Melody


class MelodyConditioner(Conditioner):
    """Projection of the 53-note piano roll of each frame; an empty roll is the null.

    Args:
        dim: width D of the network.
        width: width of the bottleneck.
    """

    def __init__(self, dim: int, width: int = 16) -> None:
        super().__init__()
        self.embedding = nn.Linear(NUM_NOTES, width)
        self.project = nn.Linear(width, dim, bias=False)

    def prepare(self, values: Sequence[Melody | None], num_frames: int, codec: EnCodec) -> Tensor:
        """Piano rolls (B, T, 53)."""
        null = torch.zeros(NUM_NOTES, num_frames)
        rolls = [null if v is None else v.frames(num_frames, codec.frame_rate) for v in values]
        return to_device(rearrange(rolls, "b notes t -> b t notes"), codec.mean.device)

    def forward(self, prepared: Tensor) -> Encoded:
        """Piano rolls (B, T, 53) to embeddings (B, T, D)."""
        null = prepared.new_zeros(NUM_NOTES)
        return Encoded(self.project(self.embedding(prepared)), self.project(self.embedding(null)))
