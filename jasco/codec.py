"""EnCodec as a continuous autoencoder: waveform to normalised latents and back, and coarse codes.

Latents are the input of the quantiser of the transformers `EncodecModel`, normalised to about zero
mean and unit variance; decoding skips the quantiser (arXiv 2406.10970, section 3.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from transformers import EncodecConfig, EncodecModel
from transformers.models.encodec.modeling_encodec import EncodecConv1d

from jasco.device import full_float32, to_device
from jasco.errors import SettingError
from jasco.io.fingerprint import fingerprint
from jasco.io.pretrained import load_pretrained, make_config


class EnCodec(nn.Module):
    """Frozen EnCodec (arXiv 2210.13438) with the statistics of its latents.

    Args:
        pretrained: Hub id or folder of a transformers EnCodec; its weights are loaded.
        revision: commit of the Hub id.
        config: values of an `EncodecConfig`, for random weights; ignored with ``pretrained``.
        latent_mean, latent_std: mean and standard deviation of the raw latents, one number or one
            per channel; by default those of the pretrained ``config.json``, else 0 and 1.

    Attributes:
        decode_dtype: format of the products of `decode`: float32, or bfloat16, which is faster
            where the hardware has it. Encoding is always in float32.
        source: name under which ``jasco-prepare`` finds the weights; ``None`` where they began at
            random.

    Raises:
        SettingError: neither ``pretrained`` nor ``config`` is given, or statistics or rates that no
            codec has.
        CheckpointError: the pretrained codec cannot be found or read, or is not whole.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        pretrained: str | None = None,
        revision: str | None = None,
        config: Mapping[str, Any] | None = None,
        latent_mean: float | Sequence[float] | None = None,
        latent_std: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.source = pretrained
        if pretrained is not None:
            self.model = load_pretrained(EncodecModel, pretrained, revision)
        elif config is not None:
            self.model = EncodecModel(make_config(EncodecConfig, config))
        else:
            raise SettingError("EnCodec needs a pretrained id or folder, or a config to start from")
        _keep_sizes_on_cpu(self.model)
        self.decode_dtype = torch.float32
        own = self.model.config
        _check_rates(own.sampling_rate, own.hop_length)
        mean = getattr(own, "latent_mean", 0.0) if latent_mean is None else latent_mean
        std = getattr(own, "latent_std", 1.0) if latent_std is None else latent_std
        self.register_buffer("mean", _statistic("latent_mean", mean, own), persistent=False)
        self.register_buffer("std", _statistic("latent_std", std, own), persistent=False)
        self.requires_grad_(False)
        self.eval()

    @property
    def sample_rate(self) -> int:
        """Sample rate (Hz)."""
        return self.model.config.sampling_rate

    @property
    def channels(self) -> int:
        """Number of audio channels."""
        return self.model.config.audio_channels

    @property
    def hop_length(self) -> int:
        """Samples per latent frame."""
        return self.model.config.hop_length

    @property
    def frame_rate(self) -> float:
        """Latent frame rate (Hz)."""
        return self.sample_rate / self.hop_length

    @property
    def latent_dim(self) -> int:
        """Number of latent channels D."""
        return self.model.config.hidden_size

    def encode(self, wav: Tensor) -> Tensor:
        """Waveform (B, channels, N) to normalised latents (B, T, D), T = N / hop_length."""
        return (self.encode_raw(wav) - self.mean) / self.std

    def encode_raw(self, wav: Tensor) -> Tensor:
        """Waveform (B, channels, N) to raw latents (B, T, D), without normalisation."""
        with full_float32(wav.device):
            return rearrange(self.model.encoder(wav), "b d t -> b t d")

    def decode(self, latents: Tensor) -> Tensor:
        """Normalised latents (B, T, D) to waveform (B, channels, T * hop_length)."""
        raw = rearrange(latents.float() * self.std + self.mean, "b t d -> b d t")
        low = self.decode_dtype != torch.float32
        with full_float32(raw.device), torch.autocast(raw.device.type, self.decode_dtype, low):
            return self.model.decoder(raw).float()

    def coarse_codes(self, wav: Tensor) -> Tensor:
        """Waveform (B, channels, N) to codes (B, T) of the first codebook."""
        raw = rearrange(self.encode_raw(wav), "b t d -> b d t")
        with full_float32(raw.device):
            return self._coarse.encode(raw)

    def dequantize(self, codes: Tensor) -> Tensor:
        """Codes (B, T) of the first codebook, best on the CPU, to raw latents (B, T, D).

        Raises:
            SettingError: a code is not in the codebook.
        """
        if int(codes.max()) >= self.model.config.codebook_size:
            raise SettingError(
                f"drum code {int(codes.max())} is not among the {self.model.config.codebook_size} "
                "of this codec: the codes come from another one"
            )
        codes = to_device(codes, self.mean.device)
        return rearrange(self._coarse.decode(codes), "b d t -> b t d")

    def fingerprint(self) -> str:
        """Hash of the encoder, the first codebook, the sample rate and the hop length.

        Decoders and latent statistics are not part of it: raw latents and coarse codes do not
        depend on them.
        """
        tensors = (*self.model.encoder.state_dict().values(), self._coarse.codebook.embed)
        return fingerprint(tensors, self.sample_rate, self.hop_length)

    @property
    def _coarse(self) -> Any:
        return self.model.quantizer.layers[0]

    def train(self, mode: bool = True) -> EnCodec:
        """Keep the evaluation mode: the codec is frozen."""
        return super().train(False)

    def save(self, folder: Path) -> None:
        """Write the EnCodec to a folder that transformers loads."""
        self.model.save_pretrained(folder)


def _keep_sizes_on_cpu(model: EncodecModel) -> None:
    """Keep the sizes of convolutions on the CPU when the model moves to another device.

    transformers registers them as buffers and computes paddings from them, so on a GPU the host
    would wait for the device 20 times in a decode and 28 times in an encode.
    """
    for layer in model.modules():
        if isinstance(layer, EncodecConv1d):
            stride, dilation = layer.conv.stride[0], layer.conv.dilation[0]
            extent = (layer.conv.kernel_size[0] - 1) * dilation + 1
            sizes = {"stride": stride, "kernel_size": extent, "padding_total": extent - stride}
            for name, size in sizes.items():
                delattr(layer, name)
                setattr(layer, name, torch.tensor(size, device="cpu"))


def _statistic(name: str, value: Any, config: EncodecConfig) -> Tensor:
    entries = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in entries)
    if not numbers or (entries is value and len(value) != config.hidden_size):
        raise SettingError(
            f"{name} is {value!r:.60}: give a number, or one for each of the {config.hidden_size} "
            "channels"
        )
    # Beyond these float32 latents are all zero or infinite.
    least = 1e-6 if name == "latent_std" else -1e6
    if not all(least <= x <= 1e6 for x in entries):
        raise SettingError(f"{name} is {value!r:.60}: give numbers from {least:g} to 1e+06")
    return torch.tensor(value, dtype=torch.float32)


def _check_rates(sample_rate: int, hop_length: int) -> None:
    rate = sample_rate / hop_length
    if not (1_000 <= sample_rate <= 400_000 and 1 <= rate <= 2_000):
        raise SettingError(
            f"a codec of {sample_rate} Hz and {rate:g} frames per second: give 1,000 to 400,000 Hz "
            "and 1 to 2,000 frames per second"
        )
