"""Drum stage: coarse codes of the drums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from jasco.audio import Audio
from jasco.checkpoint.codec import CodecSource
from jasco.drums import DrumCodes
from jasco.errors import SettingError
from jasco.extract.demucs import load_drum_network
from jasco.extract.drums import DrumSeparator
from jasco.extract.latents import encode_windows, mono_pieces, num_frames, resampled
from jasco.io.fingerprint import fingerprint
from jasco.prepare.stages.stage import Extract, Stage


@dataclass(frozen=True)
class DrumStage(Stage):
    """Stage of drums: codes of the first codebook of the isolated drums.

    Args:
        codec: codec of the codes.
        drums: ``"separated"`` to separate the drums of a mix first; ``"isolated"`` for recordings
            of drums alone.
        separator: name, folder or file, see `jasco.extract.demucs.load_drum_network`.

    Raises:
        SettingError: another value of ``drums``.
    """

    codec: CodecSource
    drums: str = "separated"
    separator: str | None = None

    name: ClassVar[str] = "drums"
    version: ClassVar[int] = 1
    needs: ClassVar[Literal["processor", "model"]] = "model"
    gives: ClassVar[tuple[str, ...]] = ("drum_codes",)

    @classmethod
    def for_song(cls, codec: CodecSource) -> DrumStage:
        """Stage for the isolated drums of a synthetic song."""
        return cls(codec, drums="isolated")

    def __post_init__(self) -> None:
        if self.drums not in ("separated", "isolated"):
            raise SettingError(f"drums={self.drums!r}: give separated or isolated")

    def dependencies(self) -> dict[str, Any]:
        """Codec, and weights of the separator where one is used."""
        weights = None
        if self.drums == "separated":
            weights = fingerprint(load_drum_network(self.separator).state_dict().values())
        return {**self.codec.facts(), "separator": weights}

    def open(self, device: torch.device) -> Extract:
        """Load the codec, and the separator where one is used."""
        codec = self.codec.load(device)
        separator = None
        if self.drums == "separated":
            separator = DrumSeparator(load_drum_network(self.separator), device=device)

        def extract(audio: Audio) -> dict[str, Tensor]:
            pieces: Iterator[Tensor] = mono_pieces(audio)
            rate = audio.sample_rate
            if separator is not None:
                pieces = (piece[0] for piece in separator.stream(audio))
                rate = separator.sample_rate
            pieces = resampled(pieces, rate, codec.sample_rate)
            (codes,) = encode_windows(codec.coarse_codes, [pieces], num_frames(audio, codec), codec)
            return DrumCodes(codes).pack()

        return extract
