"""First weights of an EnCodec that is trained from scratch."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from transformers import EncodecModel

_LEVEL = 0.1  # RMS of music, full scale 1


@torch.no_grad()
def initialize(model: EncodecModel, seconds: float = 2.0) -> None:
    """Scale and shift every convolution so that signals keep their size through the codec.

    transformers leaves its convolutions at a third of the variance that they need (a sixth or
    less where they upsample), with random biases: the latents hardly depend on the signal, nor the
    output on the latents, and training stands still for hundreds of steps. Here pink noise, which
    has the spectrum of music at large, passes once, and each convolution in turn is given the gain
    and biases that make its output of unit variance and zero mean in every channel (Salimans and
    Kingma, arXiv 1602.07868, section 3); the last one is given the level of the noise.

    Args:
        model: of random weights.
        seconds: of noise.
    """
    config = model.config
    noise = pink_noise(config.audio_channels, round(seconds * config.sampling_rate))[None]
    convolutions = [
        module
        for part in (model.encoder, model.decoder)
        for module in part.modules()
        if isinstance(module, nn.Conv1d | nn.ConvTranspose1d)
    ]
    last = convolutions[-1]
    hooks = [
        conv.register_forward_hook(partial(_normalize, level=_LEVEL if conv is last else 1.0))
        for conv in convolutions
    ]
    try:
        model.decoder(model.encoder(noise))
    finally:
        for hook in hooks:
            hook.remove()


def _normalize(conv: nn.Conv1d, _: tuple[Tensor], out: Tensor, level: float) -> Tensor:
    """Forward hook that makes the output (B, C, T) of unit variance times ``level``."""
    mean = out.mean(dim=(0, 2), keepdim=True)
    gain = level / (out - mean).std().clamp(min=1e-6)
    scale = getattr(conv, "parametrizations", None)
    (conv.weight if scale is None else scale.weight.original0).mul_(gain)
    bias = conv.bias
    if bias is None:
        return out * gain
    bias.sub_(mean.flatten()).mul_(gain)
    return (out - mean) * gain


def pink_noise(channels: int, samples: int) -> Tensor:
    """Noise (channels, samples) whose power falls as one over frequency, at the level of music."""
    spectrum = torch.randn(channels, samples // 2 + 1, dtype=torch.complex64)
    spectrum /= torch.arange(samples // 2 + 1).clamp(min=1).sqrt()
    noise = torch.fft.irfft(spectrum, samples)
    return noise * (_LEVEL / noise.std())
