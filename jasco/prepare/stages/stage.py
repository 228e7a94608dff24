"""Stage: the interface of the steps that convert a recording to tensors of a prepared track."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from jasco.audio import Audio
from jasco.checkpoint.codec import CodecSource

Extract = Callable[[Audio], dict[str, Tensor]]
"""Function from a recording (channels, samples), at any rate, to a stage's tensors."""


class Stage(ABC):
    """Stage of the preparation, a few plain values that can be sent to another process.

    Attributes:
        name: name of the stage.
        version: version of the result; a new version makes the preparation run the stage again.
        needs: kind of worker: ``"processor"`` for one of many, ``"model"`` for one of the few that
            may have an accelerator.
        gives: names of the tensors.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    needs: ClassVar[Literal["processor", "model"]]
    gives: ClassVar[tuple[str, ...]]

    @classmethod
    def for_song(cls, codec: CodecSource) -> Stage:
        """Stage for a synthetic song, whose control its score does not state."""
        return cls(codec)  # type: ignore[call-arg]

    @property
    def channels(self) -> int:
        """Channels of the audio that the stage takes; 1 for the mono mix."""
        return 1

    @abstractmethod
    def dependencies(self) -> Mapping[str, Any]:
        """Facts on which the result depends beside the audio, as plain JSON data.

        Raises:
            MissingPartError, CheckpointError: a part that the stage needs is missing.
        """

    @abstractmethod
    def open(self, device: torch.device) -> Extract:
        """Load the models of the stage; the returned function may be called from several threads.

        Raises:
            MissingPartError, CheckpointError: see `dependencies`.
        """

    def signature(self) -> dict[str, Any]:
        """Version and dependencies; equal signatures mean equal results."""
        return {"version": self.version, **self.dependencies()}
