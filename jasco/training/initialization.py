"""First weights of an EnCodec that is trained from scratch: the best linear codec of pink noise."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import EncodecModel
from transformers.models.encodec.modeling_encodec import (
    EncodecConv1d,
    EncodecConvTranspose1d,
    EncodecResnetBlock,
)

Convolution = nn.Conv1d | nn.ConvTranspose1d
_LEVEL = 0.1  # RMS of music, full scale 1
_SHIFT = 2.0  # standard deviations by which signals are lifted above the bend of the ELU
_BRANCH = 0.1  # gain of a residual branch


@torch.no_grad()
def initialize(model: EncodecModel, seconds: float = 40.0) -> None:
    """Make encoder and decoder a linear codec that keeps what is strongest in pink noise.

    From transformers' own random weights the latents hardly depend on the signal, nor the output on
    the latents, and training stands still, or ends in silence. Here pink noise, which has the
    spectrum of music at large, passes the encoder once. Each convolution in turn becomes the
    Karhunen-Loeve transform of the blocks that it meets: as many of their principal components as
    it has channels, turned at random where more channels follow, so that all are used alike. Each
    of the decoder's is the transpose of its counterpart. Signals are of unit variance and lifted to
    where the ELU is nearly straight, and residual branches begin small; so what the latents hold of
    a signal comes out again, and training goes on from there.

    Args:
        model: of random weights.
        seconds: of noise.
    """
    config = model.config
    noise = pink_noise(config.audio_channels, round(seconds * config.sampling_rate))[None]
    signal, transforms = noise, []
    encoder, decoder = list(model.encoder.layers), list(model.decoder.layers)
    for layer in encoder:
        _calm(layer)
        if isinstance(layer, EncodecConv1d):
            last = layer is encoder[-1]
            transforms.append(_analyse(layer, signal, shift=0.0 if last else _SHIFT, turn=not last))
        signal = layer(signal)
    for layer in decoder:
        _calm(layer)
        if isinstance(layer, EncodecConv1d | EncodecConvTranspose1d):
            _synthesise(layer, transforms.pop())
            last = layer is decoder[-1]
            out = layer(signal)
            _rescale(layer.conv, out, _LEVEL / out.std() if last else 1 / out.std(), last)
        signal = layer(signal)


def _analyse(layer: EncodecConv1d, signal: Tensor, *, shift: float, turn: bool) -> Tensor:
    """Give a convolution the transform of its input (1, C, T); returns it (out, C, block)."""
    conv = layer.conv
    (stride,), (kernel,), out = conv.stride, conv.kernel_size, conv.out_channels
    blocks = signal[0, :, : signal.shape[2] // stride * stride].unfold(1, stride, stride)
    blocks = blocks.permute(1, 0, 2).flatten(1)  # (frames, C x block)
    mean = blocks.mean(0)
    blocks = blocks - mean
    power, components = torch.linalg.eigh((blocks.T @ blocks).double() / len(blocks))
    kept = components[:, power > 1e-6 * power[-1]].flip(1).T.float()  # strongest first
    if turn or len(kept) < out:
        # Orthogonal to the shift, which so is lost on the way back.
        kept = kept[: out - 1]
        turned = torch.randn(out, len(kept))
        kept = torch.linalg.qr(turned - turned.mean(0))[0] @ kept
    kept = kept[:out]
    kept = kept / (blocks @ kept.T).std()
    transform = kept.unflatten(1, (conv.in_channels, stride))
    weight = torch.zeros(out, conv.in_channels, kernel)
    start = _padding_left(layer, kernel - stride)
    weight[:, :, start : start + stride] = transform
    _set_weight(conv, weight)
    _set_bias(conv, shift - kept @ mean)
    return transform


def _synthesise(layer: EncodecConv1d | EncodecConvTranspose1d, transform: Tensor) -> None:
    """Give a convolution of the decoder the transpose of a transform (out, C, block)."""
    conv = layer.conv
    (stride,), (kernel,) = conv.stride, conv.kernel_size
    weight = torch.zeros_like(conv.weight)
    start = _padding_left(layer, kernel - stride)
    if isinstance(layer, EncodecConvTranspose1d):
        weight[:, :, start : start + stride] = transform
    else:
        weight[:, :, start : start + stride] = transform.transpose(0, 1)
    _set_weight(conv, weight)
    _set_bias(conv, torch.zeros(conv.out_channels))


def _rescale(conv: Convolution, out: Tensor, gain: Tensor, last: bool) -> None:
    """Scale a convolution, and shift its output (1, C, T) to where the next ELU is straight."""
    _set_weight(conv, conv.weight * gain)
    _set_bias(conv, (0.0 if last else _SHIFT) - gain * out.mean(dim=(0, 2)))


def _padding_left(layer: EncodecConv1d | EncodecConvTranspose1d, total: int) -> int:
    """Samples that a convolution is padded with on the left, or trims there."""
    if layer.causal:
        return total if isinstance(layer, EncodecConv1d) else 0
    return total - total // 2


def _calm(layer: nn.Module) -> None:
    """Let a residual block begin close to the identity."""
    if not isinstance(layer, EncodecResnetBlock):
        return
    final: Any = layer.block[-1]
    final = final.conv
    _set_weight(final, final.weight * _BRANCH)
    _set_bias(final, torch.zeros(final.out_channels))
    if isinstance(layer.shortcut, EncodecConv1d):
        conv = layer.shortcut.conv
        _set_weight(conv, torch.eye(conv.out_channels)[:, :, None])
        _set_bias(conv, torch.zeros(conv.out_channels))


def _set_weight(conv: Convolution, weight: Tensor) -> None:
    """Set the weight of a convolution, through the parametrization if it has one."""
    rows = weight.flatten(1).norm(dim=1) > 0
    # Of a row of zeros there would be no direction.
    weight = torch.where(rows[:, None, None], weight, 1e-6 * torch.randn_like(weight))
    if hasattr(conv, "parametrizations"):
        conv.weight = weight
    else:
        conv.weight.copy_(weight)


def _set_bias(conv: Convolution, bias: Tensor) -> None:
    if conv.bias is not None:
        conv.bias.copy_(bias)


def pink_noise(channels: int, samples: int) -> Tensor:
    """Noise (channels, samples) whose power falls as one over frequency, at the level of music."""
    spectrum = torch.randn(channels, samples // 2 + 1, dtype=torch.complex64)
    spectrum /= torch.arange(samples // 2 + 1).clamp(min=1).sqrt()
    noise = torch.fft.irfft(spectrum, samples)
    return noise * (_LEVEL / noise.std())
