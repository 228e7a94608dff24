"""Melody stage: one row of the piano roll per latent frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from jasco.audio import Audio
from jasco.checkpoint.codec import CodecSource
from jasco.extract.latents import num_frames
from jasco.extract.melody import extract_melody
from jasco.extract.salience import DeepSalience
from jasco.extract.salience.weights import load_network
from jasco.io.fingerprint import fingerprint
from jasco.prepare.stages.stage import Extract, Stage


@dataclass(frozen=True)
class MelodyStage(Stage):
    """Stage of the melody: rows by deep salience, -1 for silence.

    Args:
        codec: codec whose frame rate applies.
        weights: weight file, see `jasco.extract.salience.weights.load_network`.
        dtype: data type of the convolutions. In bfloat16, which ``"auto"`` selects where the
            hardware supports it, a few frames in a thousand change their note.
    """

    codec: CodecSource
    weights: str | None = None
    dtype: str = "auto"

    name: ClassVar[str] = "melody"
    version: ClassVar[int] = 1
    needs: ClassVar[Literal["processor", "model"]] = "model"
    gives: ClassVar[tuple[str, ...]] = ("melody",)

    def dependencies(self) -> dict[str, Any]:
        """Frame rate, and weights of the network."""
        weights = fingerprint(load_network(self.weights).state_dict().values())
        return {"frame_rate": self.codec.facts()["frame_rate"], "salience": weights}

    def open(self, device: torch.device) -> Extract:
        """Load the salience network."""
        codec = self.codec.load()
        model = DeepSalience.load(self.weights, device=device, dtype=self.dtype)

        def extract(audio: Audio) -> dict[str, Tensor]:
            melody = extract_melody(audio, model=model)
            return melody.pack(num_frames(audio, codec), codec.frame_rate)

        return extract
