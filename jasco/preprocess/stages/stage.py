"""The interface of the steps that turn a recording into tensors of the prepared dataset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from jasco.audio import Audio

Extract = Callable[[Audio], dict[str, Tensor]]
"""From the mono mix of a whole recording (1, samples), at any rate, to the tensors of a stage."""


class Stage(ABC):
    """One step, described by few values, so that it can be sent to another process and made there.

    Attributes:
        name: of the stage.
        version: of its result; a new one makes the preparation run it again.
        needs: the worker that it wants: a ``"processor"``, one of many, or a ``"model"`` and so one
            of the few that may have an accelerator.
        gives: names of its tensors.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    needs: ClassVar[Literal["processor", "model"]]
    gives: ClassVar[tuple[str, ...]]

    @abstractmethod
    def dependencies(self) -> Mapping[str, Any]:
        """What the result depends on beside the audio, as plain JSON data.

        Raises:
            MissingPartError, CheckpointError: a part that the stage cannot do without is missing.
        """

    @abstractmethod
    def open(self, device: torch.device) -> Extract:
        """Load what the stage works with; what comes back may be called from several threads.

        Raises:
            MissingPartError, CheckpointError: see `dependencies`.
        """

    def signature(self) -> dict[str, Any]:
        """Version and dependencies: results of equal signatures are equal."""
        return {"version": self.version, **self.dependencies()}
