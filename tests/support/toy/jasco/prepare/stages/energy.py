"""Energy stage: one level per latent frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jasco.energy import extract_energy

from jasco.checkpoint.codec import CodecSource
from jasco.extract.latents import num_frames
from jasco.prepare.stages.stage import Extract, Stage


@dataclass(frozen=True)
class EnergyStage(Stage):
    """Stage of the energy.

    Args:
        codec: codec whose frame rate applies.
    """

    codec: CodecSource

    name: ClassVar[str] = "energy"
    version: ClassVar[int] = 1
    needs: ClassVar[Literal["processor", "model"]] = "processor"
    gives: ClassVar[tuple[str, ...]] = ("energy",)

    def dependencies(self) -> dict[str, Any]:
        """Frame rate."""
        return {"frame_rate": self.codec.facts()["frame_rate"]}

    def open(self, device: torch.device) -> Extract:
        """Function that measures a recording."""
        codec = self.codec.load()
        return lambda audio: extract_energy(audio).pack(num_frames(audio, codec), codec.frame_rate)
