"""The interface between a control and the network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import nn

from jasco.codec import EnCodec
from jasco.conditions import Encoded


class Conditioner(nn.Module, ABC):
    """Turns one control of a batch into vectors of the network's width, and owns its null.

    Encoding has two steps: `prepare` makes tensors out of what users and data sets give, without
    gradients; calling the module applies what is learned.
    """

    @abstractmethod
    def prepare(self, values: Sequence[Any], num_frames: int, codec: EnCodec) -> Any:
        """Values of the B items, ``None`` where not asked for, as tensors on the codec's device.

        Args:
            values: one value of the control's own type per item.
            num_frames: length T of the clip in latent frames.
            codec: gives the frame rate, the sample rate and the drum codes.

        Raises:
            JascoError: a value does not fit a clip of this length.
        """

    @abstractmethod
    def forward(self, prepared: Any) -> Encoded:
        """What `prepare` made, to the encoded control."""
