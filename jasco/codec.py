"""EnCodec as a continuous autoencoder: waveform to normalised latents and back, and coarse codes.

The latents are those before the quantiser of the transformers `EncodecModel`, shifted and scaled to
about unit variance; decoding skips the quantiser (arXiv 2406.10970, section 3.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import EncodecConfig, EncodecModel

from jasco.errors import SettingError
from jasco.fingerprint import fingerprint


class EnCodec(nn.Module):
    """Frozen EnCodec with the statistics of its latents.

    Args:
        pretrained: Hub id or folder of a transformers EnCodec; its weights are loaded.
        revision: commit of the Hub id.
        config: values of an `EncodecConfig`, for random weights; ignored with ``pretrained``.
        latent_mean, latent_std: statistics of the raw latents, one number or one per channel.

    Raises:
        SettingError: neither ``pretrained`` nor ``config`` is given.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        pretrained: str | None = None,
        revision: str | None = None,
        config: Mapping[str, Any] | None = None,
        latent_mean: float | Sequence[float] = 0.0,
        latent_std: float | Sequence[float] = 1.0,
    ) -> None:
        super().__init__()
        if pretrained is not None:
            self.model = EncodecModel.from_pretrained(
                pretrained, revision=revision or "main", dtype=torch.float32
            )
        elif config is not None:
            self.model = EncodecModel(EncodecConfig(**config))
        else:
            raise SettingError("EnCodec needs a pretrained id or folder, or a config to start from")
        self.register_buffer("mean", torch.tensor(latent_mean), persistent=False)
        self.register_buffer("std", torch.tensor(latent_std), persistent=False)
        self.requires_grad_(False)
        self.eval()

    @property
    def sample_rate(self) -> int:
        """Samples per second (Hz)."""
        return self.model.config.sampling_rate

    @property
    def channels(self) -> int:
        """Audio channels."""
        return self.model.config.audio_channels

    @property
    def hop_length(self) -> int:
        """Samples per latent frame."""
        return self.model.config.hop_length

    @property
    def frame_rate(self) -> float:
        """Latent frames per second (Hz)."""
        return self.sample_rate / self.hop_length

    @property
    def latent_dim(self) -> int:
        """Channels of the latents."""
        return self.model.config.hidden_size

    def encode(self, wav: Tensor) -> Tensor:
        """Waveform (B, channels, N) to normalised latents (B, T, D), T = N / hop_length."""
        return (self.encode_raw(wav) - self.mean) / self.std

    def encode_raw(self, wav: Tensor) -> Tensor:
        """Waveform (B, channels, N) to latents (B, T, D) in EnCodec's own scale."""
        with torch.autocast(wav.device.type, enabled=False):
            return self.model.encoder(wav).transpose(1, 2)

    def decode(self, latents: Tensor) -> Tensor:
        """Normalised latents (B, T, D) to waveform (B, channels, T * hop_length)."""
        with torch.autocast(latents.device.type, enabled=False):
            return self.model.decoder((latents.float() * self.std + self.mean).transpose(1, 2))

    def coarse_codes(self, wav: Tensor) -> Tensor:
        """Waveform (B, channels, N) to codes (B, T) of the first codebook."""
        return self._coarse.encode(self.encode_raw(wav).transpose(1, 2))

    def dequantize(self, codes: Tensor) -> Tensor:
        """Codes (B, T) of the first codebook to latents (B, T, D) in EnCodec's own scale.

        Raises:
            SettingError: a code is not in the codebook.
        """
        if int(codes.max()) >= self.model.config.codebook_size:
            raise SettingError(
                f"drum code {int(codes.max())} is not among the {self.model.config.codebook_size} "
                "of this codec: the codes come from another one"
            )
        return self._coarse.decode(codes).transpose(1, 2)

    def fingerprint(self) -> str:
        """Short hash of all that raw latents and coarse codes depend on.

        Two codecs of one fingerprint may differ in their decoders and statistics.
        """
        tensors = (*self.model.encoder.state_dict().values(), self._coarse.codebook.embed)
        return fingerprint(tensors, self.sample_rate, self.hop_length)

    @property
    def _coarse(self) -> Any:
        return self.model.quantizer.layers[0]

    def train(self, mode: bool = True) -> EnCodec:
        """Stay in evaluation mode: the codec is frozen."""
        return super().train(False)

    def save(self, folder: Path) -> None:
        """Write the EnCodec as a folder that transformers loads."""
        self.model.save_pretrained(folder)
