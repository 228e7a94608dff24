"""Chords as one learned vector per latent frame."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from jasco.chords import CHORD_INDEX, CHORD_NAMES, NULL_CHORD, ChordProgression
from jasco.chords.vocabulary import QUALITIES, SPELLINGS
from jasco.codec import EnCodec
from jasco.conditioners.base import Conditioner
from jasco.conditions import Encoded

_PITCH_CLASSES = 12
_MEANING = 3 * _PITCH_CLASSES
_FREE = 0.1  # scale of what names have beside their meaning, small so that it does not drown it


class ChordConditioner(Conditioner):
    """Embeds the chord sounding at each frame; one more embedding is the null.

    Args:
        dim: width of the network.
        width: width of the chord embedding. From 36 on a new one begins with what the names mean:
            tones, root and bass, each as twelve pitch classes. What is learnt of a tone then holds
            for every chord it is in, where embeddings drawn at random have to be learnt one by one.
    """

    def __init__(self, dim: int, width: int = 16) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(CHORD_NAMES) + 1, width)
        if width >= _MEANING:
            with torch.no_grad():
                self.embedding.weight.mul_(_FREE)
                self.embedding.weight[:, :_MEANING] = meanings()
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


def meanings() -> Tensor:
    """Tones, root and bass of each name as ones among 3 x 12 pitch classes: (195, 36).

    Zeros for names that are no chord, and for the null.
    """
    found = torch.zeros(len(CHORD_NAMES) + 1, 3, _PITCH_CLASSES)
    for (root, quality, bass), name in SPELLINGS.items():
        lowest = (root + bass) % _PITCH_CLASSES
        tones = [(root + step) % _PITCH_CLASSES for step in QUALITIES[quality].values()]
        row = found[CHORD_INDEX[name]]
        row[0, [root, lowest, *tones]] = 1
        row[1, root] = row[2, lowest] = 1
    return found.flatten(1)
