"""EnCodec as a continuous autoencoder: waveform to normalised latents and back, and coarse codes.

Latents are the input of the quantiser of the transformers `EncodecModel`, normalised to about zero
mean and unit variance; decoding skips the quantiser (arXiv 2406.10970, section 3.2).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from jasco.device import full_float32, to_device
from jasco.encodec import EncodecConfig, EncodecModel, FourierDecoder
from jasco.errors import CheckpointError, SettingError
from jasco.io.fingerprint import fingerprint
from jasco.io.pretrained import make_config

WHOLE = 12.0
"""Longest signal (s) that is computed in one block in float32, bit-equal to transformers."""
LOOP_CONTEXT = 1.0
"""Length (s) of the other end of a loop that is decoded before its start and after its end."""


class EnCodec(nn.Module):
    """Frozen EnCodec (arXiv 2210.13438) with the statistics of its latents.

    Args:
        pretrained: Hub id or folder of a transformers EnCodec; its weights are loaded.
        revision: commit of the Hub id.
        config: values of an `EncodecConfig`, for random weights; ignored with ``pretrained``.
        latent_mean, latent_std: mean and standard deviation of the raw latents, one number or one
            per channel; by default those of the pretrained ``config.json``, else 0 and 1.
        decoder: decoder in place of EnCodec's own, which is then neither loaded nor saved.

    Attributes:
        decode_dtype: format of the products of `decode`: float32, or bfloat16, which is faster
            where the hardware has it, with an error of about .5 % of the waveform.
        encode_dtype: the same of `encode`. Codes are always computed in float32.
        source: name under which ``jasco-prepare`` finds the weights; ``None`` where they began at
            random.

    Raises:
        SettingError: neither ``pretrained`` nor ``config`` is given, statistics or rates that no
            codec has, or a decoder of other latents or channels.
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
        decoder: FourierDecoder | None = None,
    ) -> None:
        super().__init__()
        self.source = pretrained
        if pretrained is not None:
            self.model = EncodecModel.load(pretrained, revision, decoder is None)
        elif config is not None:
            self.model = EncodecModel(make_config(EncodecConfig, config), decoder is None)
        else:
            raise SettingError("EnCodec needs a pretrained id or folder, or a config to start from")
        self.decode_dtype = self.encode_dtype = torch.float32
        own = self.model.config
        _check_rates(own.sampling_rate, own.hop_length)
        mean, std = (
            next(value for value in (given, stored, default) if value is not None)
            for given, stored, default in (
                (latent_mean, own.latent_mean, 0.0),
                (latent_std, own.latent_std, 1.0),
            )
        )
        self.register_buffer("mean", _statistic("latent_mean", mean, own), persistent=False)
        self.register_buffer("std", _statistic("latent_std", std, own), persistent=False)
        if decoder is not None:
            decoder.config.require_fit(own)
        self.decoder = decoder
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
        return rearrange(self._encoded(wav, self.encode_dtype), "b d t -> b t d")

    def _encoded(self, wav: Tensor, dtype: torch.dtype) -> Tensor:
        whole = wav.requires_grad or wav.shape[-1] <= WHOLE * self.sample_rate
        with self._computing(dtype):
            if whole:
                raw = self.model.encoder(wav)
            else:
                with torch.no_grad():
                    blocks = self.model.encoder.stream([wav], _block_size(wav.device))
                    raw = torch.cat(list(blocks), dim=-1)
        return raw.float()

    def decode(self, latents: Tensor, *, loop: bool = False) -> Tensor:
        """Normalised latents (B, T, D) to waveform (B, channels, T * hop_length).

        Args:
            latents: normalised latents.
            loop: decode the start and the end as neighbours, for a loop without a seam.
        """
        if loop:
            context = min(round(LOOP_CONTEXT * self.frame_rate), latents.shape[1])
            around = torch.cat([latents[:, -context:], latents, latents[:, :context]], dim=1)
            start = context * self.hop_length
            return self.decode(around)[..., start : start + latents.shape[1] * self.hop_length]
        short = latents.shape[1] <= WHOLE * self.frame_rate and self.decode_dtype == torch.float32
        if not (short or latents.requires_grad):
            return torch.cat(list(self.decode_blocks([latents])), dim=-1)
        # A batch is no faster on a CPU, and takes .2 GB a clip.
        size = 1 if latents.device.type == "cpu" and not latents.requires_grad else len(latents)
        with self._computing(self.decode_dtype):
            parts = [self._decoder(self._denormalized(x)) for x in latents.split(size)]
        return torch.cat(parts).float()

    @torch.inference_mode()
    def reconstruct(self, wav: Tensor) -> Tensor:
        """Waveform (B, channels, N) encoded and decoded, without quantization or gradients."""
        return self.decode(self.encode(wav))[..., : wav.shape[-1]]

    def decode_blocks(
        self, blocks: Iterable[Tensor], frames: int = sys.maxsize
    ) -> Iterator[Tensor]:
        """Waveform of latents in blocks, each as soon as it is computed; without gradients.

        A block is short, at most some seconds, so that memory does not grow with the length.

        Args:
            blocks: successive blocks (B, T, D) of normalised latents, of any lengths.
            frames: most latent frames of a block, for less lag at the cost of more time.

        Yields:
            Successive blocks (B, channels, N), together `decode` of all latents to within 1e-5;
            they lag behind the latents by the receptive field and about two blocks of each layer.
        """
        raw = map(self._denormalized, blocks)
        stream = self._decoder.stream(raw, _block_size(self.mean.device), frames)
        while True:
            # Not while the caller has the block.
            with torch.no_grad(), self._computing(self.decode_dtype):
                block = next(stream, None)
            if block is None:
                return
            yield block.float()

    def _denormalized(self, latents: Tensor) -> Tensor:
        return rearrange(latents.float() * self.std + self.mean, "b t d -> b d t")

    @contextmanager
    def _computing(self, dtype: torch.dtype) -> Iterator[None]:
        device, low = self.mean.device, dtype != torch.float32
        with full_float32(device), torch.autocast(device.type, dtype, low):
            yield

    def coarse_codes(self, wav: Tensor) -> Tensor:
        """Waveform (B, channels, N) to codes (B, T) of the first codebook."""
        raw = self._encoded(wav, torch.float32)
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
    def _decoder(self) -> Any:
        found = self.decoder or self.model.decoder
        if found is None:
            raise CheckpointError(
                f"the EnCodec of {self.source} has no decoder: name its model, whose folder "
                "`decoder` has one"
            )
        return found

    @property
    def _coarse(self) -> Any:
        return self.model.quantizer.layers[0]

    def train(self, mode: bool = True) -> EnCodec:
        """Keep the evaluation mode: the codec is frozen."""
        return super().train(False)

    def save(self, folder: Path) -> None:
        """Write the EnCodec to a folder that transformers loads."""
        self.model.save(folder)


def _block_size(device: torch.device) -> int:
    """Values of a block between two layers: those of a processor's cache, or of some GB."""
    return 2**19 if device.type == "cpu" else 2**26


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
