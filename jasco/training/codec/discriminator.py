"""Multi-scale STFT discriminator and its hinge losses.

Défossez et al., arXiv 2210.13438, section 3.4 and figure 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from jasco.training.codec.reconstruction import Spectrogram


class DiscriminatorOutput(NamedTuple):
    """Output of the discriminator of one scale.

    Attributes:
        logits: (B, 1, frames, bins), positive for real audio.
        features: feature maps (B, filters, frames, bins) of the inner layers.
    """

    logits: Tensor
    features: list[Tensor]


class STFTDiscriminator(nn.Module):
    """Discriminator of complex spectrograms at one resolution.

    Args:
        n_fft: window length (samples).
        channels: number of audio channels.
        filters: number of channels of the inner layers.
    """

    def __init__(self, n_fft: int, channels: int, filters: int) -> None:
        super().__init__()
        self.spectrogram = Spectrogram(n_fft)
        layers = [nn.Conv2d(2 * channels, filters, (3, 9), padding=(1, 4))]
        for dilation in (1, 2, 4):  # dilated in time, strided in frequency
            layers.append(
                nn.Conv2d(
                    filters,
                    filters,
                    (3, 9),
                    stride=(1, 2),
                    dilation=(dilation, 1),
                    padding=(dilation, 4),
                )
            )
        layers.append(nn.Conv2d(filters, filters, (3, 3), padding=1))
        self.layers = nn.ModuleList(weight_norm(layer) for layer in layers)
        self.last = weight_norm(nn.Conv2d(filters, 1, (3, 3), padding=1))

    def forward(self, wav: Tensor) -> DiscriminatorOutput:
        """Logits and feature maps of waveforms (B, channels, N)."""
        spectrum = rearrange(self.spectrogram(wav), "b c f t -> b c t f")
        hidden = torch.cat([spectrum.real, spectrum.imag], dim=1)
        features = []
        for layer in self.layers:
            hidden = F.leaky_relu(layer(hidden), 0.2)
            features.append(hidden)
        return DiscriminatorOutput(self.last(hidden), features)


class MultiScaleSTFTDiscriminator(nn.Module):
    """Discriminators at several resolutions (MS-STFT discriminator).

    Args:
        channels: number of audio channels.
        filters: number of channels of the inner layers.
        n_ffts: window lengths (samples).
    """

    def __init__(
        self,
        channels: int = 1,
        filters: int = 32,
        n_ffts: Sequence[int] = (2048, 1024, 512, 256, 128),
    ) -> None:
        super().__init__()
        self.scales = nn.ModuleList(STFTDiscriminator(n_fft, channels, filters) for n_fft in n_ffts)

    def forward(self, wav: Tensor) -> list[DiscriminatorOutput]:
        """Outputs of all scales for waveforms (B, channels, N)."""
        return [scale(wav) for scale in self.scales]


def discriminator_loss(
    real: Sequence[DiscriminatorOutput], fake: Sequence[DiscriminatorOutput]
) -> Tensor:
    """Hinge loss of the discriminator: real above 1, fake below -1; mean over the scales."""
    return torch.stack(
        [
            F.relu(1 - r.logits.float()).mean() + F.relu(1 + f.logits.float()).mean()
            for r, f in zip(real, fake, strict=True)
        ]
    ).mean()


def adversarial_loss(fake: Sequence[DiscriminatorOutput]) -> Tensor:
    """Hinge loss of the generator: fake above 1; mean over the scales."""
    return torch.stack([F.relu(1 - f.logits.float()).mean() for f in fake]).mean()


def feature_loss(
    real: Sequence[DiscriminatorOutput], fake: Sequence[DiscriminatorOutput]
) -> Tensor:
    """Feature matching loss: relative L1 distance of feature maps; mean over scales and layers."""
    return torch.stack(
        [
            (a.float().detach() - b.float()).abs().mean() / a.float().detach().abs().mean()
            for r, f in zip(real, fake, strict=True)
            for a, b in zip(r.features, f.features, strict=True)
        ]
    ).mean()
