"""Configuration of an EnCodec, with the fields and defaults of transformers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

_CHOICES = {
    "norm_type": ("weight_norm", "time_group_norm"),
    "pad_mode": ("reflect", "constant", "replicate"),
}


@dataclass
class EncodecConfig:
    """Sizes of an EnCodec, and the statistics of its latents.

    ``normalize``, ``chunk_length_s`` and ``overlap`` are kept for transformers, and not used here.

    Raises:
        ValueError: a value of another type or out of range.
    """

    model_type: ClassVar[str] = "encodec"

    target_bandwidths: Sequence[float] = (1.5, 3.0, 6.0, 12.0, 24.0)
    sampling_rate: int = 24_000
    audio_channels: int = 1
    normalize: bool = False
    chunk_length_s: float | None = None
    overlap: float | None = None
    hidden_size: int = 128
    num_filters: int = 32
    num_residual_layers: int = 1
    upsampling_ratios: Sequence[int] = (8, 5, 4, 2)
    norm_type: str = "weight_norm"
    kernel_size: int = 7
    last_kernel_size: int = 7
    residual_kernel_size: int = 3
    dilation_growth_rate: int = 2
    use_causal_conv: bool = True
    pad_mode: str = "reflect"
    compress: int = 2
    num_lstm_layers: int = 2
    trim_right_ratio: float = 1.0
    codebook_size: int = 1024
    codebook_dim: int | None = None
    use_conv_shortcut: bool = True
    latent_mean: float | Sequence[float] | None = None
    latent_std: float | Sequence[float] | None = None

    def __post_init__(self) -> None:
        self.codebook_dim = self.codebook_dim or self.hidden_size
        counts = {field.name: getattr(self, field.name) for field in fields(self)}
        counts = {k: v for k, v in counts.items() if type(type(self).__dict__.get(k)) is int}
        counts |= {"codebook_dim": self.codebook_dim}
        counts |= {f"upsampling_ratios[{i}]": r for i, r in enumerate(self.upsampling_ratios)}
        for name, value in counts.items():
            least = 0 if name == "num_residual_layers" else 1
            if type(value) is not int or value < least:
                raise ValueError(f"{name} is {value!r:.60}: give a whole number from {least}")
        for name in ("use_causal_conv", "use_conv_shortcut"):
            if type(getattr(self, name)) is not bool:
                raise ValueError(f"{name} is {getattr(self, name)!r:.60}: give true or false")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                given = getattr(self, name)
                raise ValueError(f"{name} is {given!r:.60}: give {' or '.join(known)}")
        if not 0 <= self.trim_right_ratio <= 1 or (
            self.trim_right_ratio != 1 and not self.use_causal_conv
        ):
            raise ValueError(
                f"trim_right_ratio is {self.trim_right_ratio!r:.60}: give 1, or a number from 0 to "
                "1 with use_causal_conv"
            )
        if self.codebook_size & (self.codebook_size - 1):
            raise ValueError(f"codebook_size is {self.codebook_size}: give a power of two")

    @property
    def hop_length(self) -> int:
        """Samples per latent frame."""
        return math.prod(self.upsampling_ratios)

    @property
    def num_quantizers(self) -> int:
        """Number of codebooks at the largest bandwidth (kbit/s)."""
        frame_rate = math.ceil(self.sampling_rate / self.hop_length)
        bits = self.codebook_size.bit_length() - 1
        return int(1000 * self.target_bandwidths[-1] // (frame_rate * bits))
