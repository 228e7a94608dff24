"""Latent stage: raw EnCodec latents, the training data of the flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from jasco.audio import Audio
from jasco.checkpoint.codec import CodecSource
from jasco.device import resolve_dtype
from jasco.extract.latents import encode_windows, num_frames, pieces_for, resampled
from jasco.prepare.stages.stage import Extract, Stage


@dataclass(frozen=True)
class LatentStage(Stage):
    """Stage of raw latents, float16.

    Args:
        codec: codec of the latents.
        dtype: precision of the encoder, ``"float32"`` or, faster where the hardware has it,
            ``"bfloat16"``.
    """

    codec: CodecSource
    dtype: str = "float32"

    name: ClassVar[str] = "latents"
    version: ClassVar[int] = 1
    needs: ClassVar[Literal["processor", "model"]] = "model"
    gives: ClassVar[tuple[str, ...]] = ("latents",)

    def dependencies(self) -> dict[str, Any]:
        """Codec, number of its latent channels, and a precision other than float32."""
        precision = {} if self.dtype == "float32" else {"dtype": self.dtype}
        return {**self.codec.facts(), "latent_dim": self.codec.load().latent_dim, **precision}

    @property
    def channels(self) -> int:
        """Channels of the codec."""
        return self.codec.load().channels

    def open(self, device: torch.device) -> Extract:
        """Load the codec."""
        codec, dtype = self.codec.load(device), resolve_dtype(self.dtype, device)

        def extract(audio: Audio) -> dict[str, Tensor]:
            codec.encode_dtype = dtype  # of a codec that the stages of a process share
            rates = audio.sample_rate, codec.sample_rate
            pieces = resampled(pieces_for(codec, audio), *rates, codec.channels)
            length = num_frames(audio, codec)
            (raw,) = encode_windows(codec.encode_raw, [pieces], length, codec)
            return {"latents": raw.half()}

        return extract
