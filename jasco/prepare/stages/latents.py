"""Latent stage: raw EnCodec latents, the training data of the flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from jasco.audio import Audio
from jasco.checkpoint.codec import CodecSource
from jasco.extract.latents import encode_windows, mono_pieces, num_frames, resampled
from jasco.prepare.stages.stage import Extract, Stage


@dataclass(frozen=True)
class LatentStage(Stage):
    """Stage of raw latents, float16.

    Args:
        codec: codec of the latents.
    """

    codec: CodecSource

    name: ClassVar[str] = "latents"
    version: ClassVar[int] = 1
    needs: ClassVar[Literal["processor", "model"]] = "model"
    gives: ClassVar[tuple[str, ...]] = ("latents",)

    def dependencies(self) -> dict[str, Any]:
        """Codec, and number of its latent channels."""
        return {**self.codec.facts(), "latent_dim": self.codec.load().latent_dim}

    def open(self, device: torch.device) -> Extract:
        """Load the codec."""
        codec = self.codec.load(device)

        def extract(audio: Audio) -> dict[str, Tensor]:
            pieces = resampled(mono_pieces(audio), audio.sample_rate, codec.sample_rate)
            length = num_frames(audio, codec)
            return {"latents": encode_windows(codec.encode_raw, pieces, length, codec).half()}

        return extract
