"""Decoder by inverse STFT: ConvNeXt blocks over the latents of an EnCodec, after Vocos.

Siuzdak, arXiv 2306.00814. Most of the computation is at the frame rate of the latents, so that it
is several times as fast as the transposed convolutions of EnCodec.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from jasco.encodec.config import EncodecConfig
from jasco.encodec.seanet import Blocks, marked_last, regrouped
from jasco.errors import SettingError
from jasco.io.hub import HubOptions, locate
from jasco.io.parts import WEIGHTS, load_tensors, on_meta, save_part
from jasco.io.pretrained import CONFIG, make_config, read_config
from jasco.io.torch_files import read_safetensors

_BLOCK = 500  # latent frames that are decoded at once: some MB
_FLOOR = 1e-4  # magnitude of a bin, of samples from -1 to 1, below which levels do not fall
_MAX_LOG_FACTOR = 3.0


@dataclass
class FourierDecoderConfig:
    """Sizes of a `FourierDecoder`, and of the EnCodec whose latents it decodes.

    Attributes:
        hidden_size: number of latent channels D.
        audio_channels: channels of the waveform.
        hop_length: samples per latent frame.
        latent_mean, latent_std: mean and standard deviation of the raw latents.
        widths: channels of each stage; the first stage has the frame rate of the latents.
        depths: number of ConvNeXt blocks of each stage.
        upsampling: ratio of the frame rates between stages, one fewer than the stages.
        kernel_size: frames of a depthwise convolution.
        linear_kernel: latent frames of the linear decoder.
        mlp_ratio: channels inside a block, relative to its width.
        overlap: windows of the inverse STFT that contain a sample.

    Raises:
        ValueError: a value of another type or out of range.
    """

    model_type: ClassVar[str] = "jasco_fourier_decoder"

    hidden_size: int = 128
    audio_channels: int = 1
    hop_length: int = 640
    latent_mean: float = 0.0
    latent_std: float = 1.0
    widths: Sequence[int] = (320, 192)
    depths: Sequence[int] = (3, 3)
    upsampling: Sequence[int] = (2,)
    kernel_size: int = 7
    linear_kernel: int = 5
    mlp_ratio: int = 4
    overlap: int = 4

    def __post_init__(self) -> None:
        sizes = {key: value for key, value in vars(self).items() if not key.startswith("latent_")}
        for name, value in sizes.items():
            for number in value if isinstance(value, list | tuple) else [value]:
                if type(number) is not int or number < (2 if name == "overlap" else 1):
                    raise ValueError(
                        f"{name} is {value!r:.60}: give whole numbers from 1 (overlap: 2)"
                    )
        if not len(self.widths) == len(self.depths) == len(self.upsampling) + 1:
            raise ValueError(
                f"{len(self.widths)} widths, {len(self.depths)} depths and {len(self.upsampling)} "
                "ratios of upsampling: give a width and a depth for each stage, and a ratio between"
            )
        if len(self.widths) > 8 or max(self.depths) > 64:
            raise ValueError("give at most 8 stages of at most 64 blocks")
        for name in ("kernel_size", "linear_kernel"):
            if getattr(self, name) % 2 == 0:
                raise ValueError(f"{name} is {getattr(self, name)}: give an odd number")
        if self.hop_length % (2 * math.prod(self.upsampling)):
            raise ValueError(
                f"hop_length {self.hop_length} is no multiple of twice the product of upsampling "
                f"{list(self.upsampling)}"
            )
        if not self.latent_std > 0:
            raise ValueError(f"latent_std is {self.latent_std}: give a number above 0")

    def require_fit(self, codec: EncodecConfig) -> None:
        """Check that latents and waveform are those of an EnCodec.

        Raises:
            SettingError: another latent size, hop length or number of channels.
        """
        for name, wanted in sizes_of(codec).items():
            if getattr(self, name) != wanted:
                raise SettingError(
                    f"the decoder has {name} {getattr(self, name)}, and its codec {wanted}: give a "
                    "decoder that was trained for this codec"
                )

    @property
    def window(self) -> int:
        """Length of the windows of the inverse STFT (samples)."""
        return self.overlap * self.hop_length // math.prod(self.upsampling)


def sizes_of(codec: EncodecConfig) -> dict[str, int]:
    """Sizes of a decoder that an EnCodec determines."""
    names = ("hidden_size", "audio_channels", "hop_length")
    return {name: getattr(codec, name) for name in names}


class ConvNeXtBlock(nn.Module):
    """ConvNeXt block (arXiv 2201.03545) of one dimension, for hidden states (B, T, C).

    Args:
        width: channels C.
        kernel: frames of the depthwise convolution.
        hidden: channels inside.
        scale: initial factor of the residual branch.
    """

    def __init__(self, width: int, kernel: int, hidden: int, scale: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.expand = nn.Linear(width, hidden)
        self.reduce = nn.Linear(hidden, width)
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.norm(
            rearrange(self.depthwise(rearrange(x, "b t c -> b c t")), "b c t -> b t c")
        )
        return x + self.scale * self.reduce(F.gelu(self.expand(hidden)))


class FourierDecoder(nn.Module):
    """Decoder of raw EnCodec latents (B, D, T) to waveforms (B, channels, T * hop_length).

    A linear decoder, one convolution from latents to samples, gives a first waveform, which
    `jasco.training.codec.linear` fits by least squares. The network corrects its short-time
    spectra S to exp(m) * (S + r) by log factors m and complex residuals r, so that it starts from
    the linear decoder and can silence the noise between harmonics. Frames are added with windows of
    constant sum. A sample depends on `context` latent frames on either side alone, so that blocks
    with their context give the whole result.

    Args:
        pretrained: Hub id or folder of a trained decoder; its weights are loaded.
        revision: commit of the Hub id.
        config: values of a `FourierDecoderConfig`, for random weights; ignored with ``pretrained``.

    Raises:
        SettingError: neither ``pretrained`` nor ``config`` is given, or sizes that no decoder has.
        CheckpointError: the pretrained decoder cannot be found or read, or is not whole.
    """

    window: Tensor

    def __init__(
        self,
        pretrained: str | None = None,
        revision: str | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if pretrained is None and config is None:
            raise SettingError(
                "FourierDecoder needs a pretrained folder, or a config to start from"
            )
        if pretrained is None:
            self._make(make_config(FourierDecoderConfig, config or {}))
        else:
            folder = locate(pretrained, (CONFIG, WEIGHTS), HubOptions(revision)).folder
            own = FourierDecoderConfig(**read_config(folder, FourierDecoderConfig))
            on_meta(lambda: self._make(own), folder / CONFIG)
            load_tensors(self, read_safetensors(folder / WEIGHTS), pretrained)
        own = self.config
        # The square root of a Hann window, before and after: its squares sum to overlap / 2. From
        # numbers, since torch.hann_window on the meta device imports sympy.
        window = torch.tensor([math.sin(math.pi * k / own.window) for k in range(own.window)])
        self.register_buffer("window", window, persistent=False)

    def _make(self, own: FourierDecoderConfig) -> FourierDecoder:
        self.config = own
        kernel, first, last = own.kernel_size, own.widths[0], own.widths[-1]
        wide, bins = own.linear_kernel, own.window // 2 + 1
        samples = own.audio_channels * own.hop_length
        self.linear = nn.Conv1d(own.hidden_size, samples, wide, padding=wide // 2)
        self.embed = nn.Conv1d(own.hidden_size, first, kernel, padding=kernel // 2)
        self.norm = nn.LayerNorm(first, eps=1e-6)
        scale = 1 / sum(own.depths)
        self.stages = nn.ModuleList(
            nn.Sequential(
                *(ConvNeXtBlock(width, kernel, own.mlp_ratio * width, scale) for _ in range(depth))
            )
            for width, depth in zip(own.widths, own.depths, strict=True)
        )
        pairs = zip(own.widths, own.widths[1:], own.upsampling, strict=False)
        self.upsampling = nn.ModuleList(nn.Linear(a, ratio * b) for a, b, ratio in pairs)
        self.spectrum = nn.Linear(own.audio_channels * bins, last)
        self.last_norm = nn.LayerNorm(last, eps=1e-6)
        self.head = nn.Linear(last, own.audio_channels * 3 * bins)
        for module in self.modules():
            if isinstance(module, nn.Conv1d | nn.Linear) and module.bias is not None:
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        nn.init.zeros_(self.head.weight)
        return self

    @property
    def context(self) -> int:
        """Latent frames before and after a frame on which its samples depend."""
        own, rate, frames = self.config, 1, 0.0
        reach = own.kernel_size // 2
        for depth, ratio in zip(own.depths, (1, *own.upsampling), strict=True):
            rate *= ratio
            frames += depth * reach / rate
        # The first waveform reaches its spectra before the last stage.
        spectra = own.linear_kernel // 2 + own.depths[-1] * reach / rate + own.overlap / 2 / rate
        return math.ceil(max(reach + frames, spectra) + own.overlap / 2 / rate)

    def forward(self, raw: Tensor) -> Tensor:
        own = self.config
        rate = math.prod(own.upsampling)
        hop, margin = own.hop_length // rate, math.ceil((own.overlap - 1) / 2 / rate)
        latents = F.pad((raw - own.latent_mean) / own.latent_std, (margin, margin), "replicate")
        with torch.autocast(raw.device.type, enabled=False):  # its errors would be a noise floor
            first = rearrange(self.linear(latents), "b (c n) t -> b c (t n)", n=own.hop_length)
        around = (own.window - hop) // 2
        frames = F.pad(first, (around, around)).unfold(-1, own.window, hop)
        spectrum = torch.fft.rfft(frames * self.window, norm="ortho")
        waves = torch.fft.irfft(self._corrected(spectrum, latents), own.window, norm="ortho")
        waves = waves * (self.window * (2 / own.overlap))
        waves = rearrange(waves, "b c t (overlap hop) -> overlap b c t hop", hop=hop)
        count = waves.shape[3]
        total = waves.new_zeros(*waves.shape[1:3], count + own.overlap - 1, hop)
        for k, part in enumerate(waves):
            total[:, :, k : k + count] += part
        start = margin * own.hop_length + around
        return total.flatten(2)[..., start : start + raw.shape[-1] * own.hop_length]

    def _corrected(self, spectrum: Tensor, latents: Tensor) -> Tensor:
        """Corrected spectra (B, channels, frames, bins) for the normalised latents (B, D, T)."""
        x = self.norm(rearrange(self.embed(latents), "b c t -> b t c"))
        for ratio, widen, stage in zip(
            self.config.upsampling, self.upsampling, self.stages, strict=False
        ):
            x = rearrange(widen(stage(x)), "b t (r c) -> b (t r) c", r=ratio)
        parts = torch.view_as_real(spectrum)
        real, imag = parts.unbind(-1)
        level = (torch.addcmul(real.square(), imag, imag) + _FLOOR**2).log()
        x = self.stages[-1](x + self.spectrum(rearrange(level, "b c t f -> b t (c f)")))
        head = self.head(self.last_norm(x)).float()
        head = rearrange(head, "b t (c f) -> b c t f", c=self.config.audio_channels)
        bins = spectrum.shape[-1]
        factor, residual = head.split([bins, 2 * bins], dim=-1)
        residual = rearrange(residual, "b c t (f k) -> b c t f k", k=2)
        factor = factor.clamp(max=_MAX_LOG_FACTOR).exp()
        return torch.view_as_complex((parts + residual) * factor[..., None])

    def stream(
        self, blocks: Blocks, values: int = 2**19, steps: int = sys.maxsize
    ) -> Iterator[Tensor]:
        """Blocks of the waveform for successive blocks (B, D, T) of raw latents.

        Args:
            blocks: successive blocks of any lengths.
            values: ignored; memory is bounded by blocks of 500 frames.
            steps: most latent frames of a block; each is computed with its context, which takes
                most of the time where blocks are short.
        """
        context, hop = self.context, self.config.hop_length
        held: Tensor | None = None
        left = 0
        for block, last in marked_last(regrouped(blocks, sys.maxsize, most=min(steps, _BLOCK))):
            held = block if held is None else torch.cat([held, block], dim=-1)
            stop = held.shape[-1] - (0 if last else context)
            if stop <= left:
                continue
            yield self(held)[..., left * hop : stop * hop]
            start = max(stop - context, 0)
            held, left = held[..., start:], stop - start

    def save(self, folder: Path) -> None:
        """Write the decoder to a folder that ``pretrained`` names."""
        save_part(folder, self, "FourierDecoder")
