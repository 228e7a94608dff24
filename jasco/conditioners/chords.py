"""Chords as one learned vector per latent frame."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from jasco.chords import CHORD_NAMES, NULL_CHORD, ChordProgression
from jasco.codec import EnCodec
from jasco.conditioners.base import Conditioner
from jasco.conditions import Encoded


class ChordConditioner(Conditioner):
    """Embeds the chord sounding at each frame; one more embedding is the null.

    Args:
        dim: width of the network.
        width: width of the chord embedding.
    """

    def __init__(self, dim: int, width: int = 16) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(CHORD_NAMES) + 1, width)
        self.project = nn.Linear(width, dim, bias=False)

    def prepare(
        self, values: Sequence[ChordProgression | None], num_frames: int, codec: EnCodec
    ) -> Tensor:
        """Chord indices (B, T)."""
        null = torch.full((num_frames,), NULL_CHORD)
        rows = [null if v is None else v.frames(num_frames, codec.frame_rate) for v in values]
        return torch.stack(rows).to(codec.mean.device)

    def forward(self, prepared: Tensor) -> Encoded:
        """Chord indices (B, T) to (B, T, D)."""
        values = self.project(self.embedding(prepared))
        return Encoded(values, self.project(self.embedding.weight[NULL_CHORD]))
