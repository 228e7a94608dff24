"""Conditioner: the interface between a control and the network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import nn

from jasco.codec import EnCodec
from jasco.conditions import Encoded


class Conditioner(nn.Module, ABC):
    """Encoder of one control into embeddings of the network's width, with its null embedding.

    Encoding has two steps: `prepare` converts the values of a batch to tensors, without gradients;
    `forward` applies the learned layers.
    """

    @abstractmethod
    def prepare(self, values: Sequence[Any], num_frames: int, codec: EnCodec) -> Any:
        """Tensors of B values on the codec's device.

        Args:
            values: B values of the control's own type, ``None`` where the control is not given.
            num_frames: length T of the clip in latent frames.
            codec: codec whose frame rate, sample rate and drum codes apply.

        Raises:
            JascoError: a value does not fit a clip of this length.
        """

    @abstractmethod
    def forward(self, prepared: Any) -> Encoded:
        """Encoded control from the output of `prepare`."""
