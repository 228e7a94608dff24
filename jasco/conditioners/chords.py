"""Chord conditioner: one embedding per latent frame."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from jasco.chords import CHORD_INDEX, CHORD_NAMES, NULL_CHORD, ChordProgression
from jasco.chords.vocabulary import QUALITIES, SPELLINGS
from jasco.codec import EnCodec
from jasco.conditioners.base import Conditioner
from jasco.conditions import Encoded
from jasco.device import to_device

_PITCH_CLASSES = 12
_TONES = 3 * _PITCH_CLASSES
_NOISE = 0.1  # scale of the random part, small beside the ones of the pitch classes


class ChordConditioner(Conditioner):
    """Embedding of the chord at each frame, with one more embedding as the null.

    Args:
        dim: width D of the network.
        width: width of the chord embedding. From 36 on, new weights start with the pitch classes of
            each chord (see `pitch_class_features`), so that chords that share tones share weights
            from the start.
    """

    def __init__(self, dim: int, width: int = 16) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(CHORD_NAMES) + 1, width)
        if width >= _TONES:
            with torch.no_grad():
                self.embedding.weight.mul_(_NOISE)
                self.embedding.weight[:, :_TONES] = pitch_class_features()
        self.project = nn.Linear(width, dim, bias=False)

    def prepare(
        self, values: Sequence[ChordProgression | None], num_frames: int, codec: EnCodec
    ) -> Tensor:
        """Chord indices (B, T)."""
        null = torch.full((num_frames,), NULL_CHORD)
        rows = [null if v is None else v.frames(num_frames, codec.frame_rate) for v in values]
        return to_device(torch.stack(rows), codec.mean.device)

    def forward(self, prepared: Tensor) -> Encoded:
        """Chord indices (B, T) to (B, T, D)."""
        values = self.project(self.embedding(prepared))
        return Encoded(values, self.project(self.embedding.weight[NULL_CHORD]))


def pitch_class_features() -> Tensor:
    """Multi-hot pitch classes (195, 36) of each chord name: 12 each of its tones, root and bass.

    Rows of names that are no chord, and of the null, are zero.
    """
    features = torch.zeros(len(CHORD_NAMES) + 1, 3, _PITCH_CLASSES)
    for (root, quality, bass), name in SPELLINGS.items():
        lowest = (root + bass) % _PITCH_CLASSES
        tones = [(root + step) % _PITCH_CLASSES for step in QUALITIES[quality].values()]
        row = features[CHORD_INDEX[name]]
        row[0, [root, lowest, *tones]] = 1
        row[1, root] = row[2, lowest] = 1
    return features.flatten(1)
