"""PCA initialisation of an EnCodec: the optimal linear codec of pink noise as first weights."""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from jasco.encodec import EncodecModel
from jasco.encodec.seanet import Conv, ResidualBlock, TransposedConv

Convolution = nn.Conv1d | nn.ConvTranspose1d
_LEVEL = 0.1  # RMS of music, full scale 1
_SHIFT = 2.0  # standard deviations added to activations, where the ELU is close to linear
_BRANCH = 0.1  # gain of a residual branch


@torch.no_grad()
def init_pca(model: EncodecModel, seconds: float = 40.0) -> None:
    """Initialise encoder and decoder as a linear codec by principal component analysis.

    With the random weights of transformers, latents hardly depend on the signal and the output
    hardly on the latents, so that training stalls or converges to silence. Here each convolution of
    the encoder becomes the Karhunen-Loeve transform of its input blocks, computed from pink noise,
    whose spectrum is close to that of music: it projects to as many principal components as it has
    channels, rotated at random where more channels follow, so that all channels have equal
    variance. Each convolution of the decoder is the transpose of its counterpart. Activations have
    unit variance and a mean where the ELU is close to linear, and residual branches start small, so
    that the initial codec reconstructs its input up to the discarded components.

    Args:
        model: EnCodec of random weights, changed in place.
        seconds: length of the noise (s).
    """
    config = model.config
    noise = pink_noise(config.audio_channels, round(seconds * config.sampling_rate))[None]
    signal, transforms = noise, []
    encoder, decoder = list(model.encoder.layers), list(model.decoder.layers)
    for layer in encoder:
        damp_residual(layer)
        if isinstance(layer, Conv):
            last = layer is encoder[-1]
            transforms.append(
                _analyse(layer, signal, shift=0.0 if last else _SHIFT, rotate=not last)
            )
        signal = layer(signal)
    for layer in decoder:
        damp_residual(layer)
        if isinstance(layer, Conv | TransposedConv):
            _synthesise(layer, transforms.pop())
            last = layer is decoder[-1]
            out = layer(signal)
            _rescale(layer.conv, out, _LEVEL / out.std() if last else 1 / out.std(), last)
        signal = layer(signal)


def _analyse(layer: Conv, signal: Tensor, *, shift: float, rotate: bool) -> Tensor:
    """Set a convolution to the PCA (out, C, block) of its input (1, C, T), and return it."""
    conv = layer.conv
    (stride,), (kernel,), out = conv.stride, conv.kernel_size, conv.out_channels
    blocks = signal[0, :, : signal.shape[2] // stride * stride].unfold(1, stride, stride)
    blocks = rearrange(blocks, "c frames block -> frames (c block)")
    mean = blocks.mean(0)
    blocks = blocks - mean
    power, components = torch.linalg.eigh((blocks.T @ blocks).double() / len(blocks))
    kept = components[:, power > 1e-6 * power[-1]].flip(1).T.float()  # strongest first
    if rotate or len(kept) < out:
        # Rows orthogonal to the constant shift, so that the transpose removes it again.
        kept = kept[: out - 1]
        rotation = torch.randn(out, len(kept))
        kept = torch.linalg.qr(rotation - rotation.mean(0))[0] @ kept
    kept = kept[:out]
    kept = kept / (blocks @ kept.T).std()
    transform = rearrange(kept, "out (c block) -> out c block", block=stride)
    weight = torch.zeros(out, conv.in_channels, kernel)
    start = _padding_left(layer, kernel - stride)
    weight[:, :, start : start + stride] = transform
    _set_weight(conv, weight)
    _set_bias(conv, shift - kept @ mean)
    return transform


def _synthesise(layer: Conv | TransposedConv, transform: Tensor) -> None:
    """Set a convolution of the decoder to the transpose of a transform (out, C, block)."""
    conv = layer.conv
    (stride,), (kernel,) = conv.stride, conv.kernel_size
    weight = torch.zeros_like(conv.weight)
    start = _padding_left(layer, kernel - stride)
    if isinstance(layer, TransposedConv):
        weight[:, :, start : start + stride] = transform
    else:
        weight[:, :, start : start + stride] = rearrange(transform, "out c block -> c out block")
    _set_weight(conv, weight)
    _set_bias(conv, torch.zeros(conv.out_channels))


def _rescale(conv: Convolution, out: Tensor, gain: Tensor, last: bool) -> None:
    """Scale a convolution, and shift its output (1, C, T) to the linear range of the next ELU."""
    _set_weight(conv, conv.weight * gain)
    _set_bias(conv, (0.0 if last else _SHIFT) - gain * out.mean(dim=(0, 2)))


def _padding_left(layer: Conv | TransposedConv, total: int) -> int:
    """Samples of padding on the left of a convolution, or of trimming where it is transposed."""
    if layer.causal:
        return total if isinstance(layer, Conv) else 0
    return total - total // 2


def damp_residual(layer: nn.Module) -> None:
    """Scale down the residual branch of a block, so that the block starts close to the identity.

    Args:
        layer: layer of an EnCodec; layers other than residual blocks are left as they are.
    """
    if not isinstance(layer, ResidualBlock):
        return
    final: Any = layer.block[-1]
    final = final.conv
    _set_weight(final, final.weight * _BRANCH)
    _set_bias(final, torch.zeros(final.out_channels))
    if isinstance(layer.shortcut, Conv):
        conv = layer.shortcut.conv
        _set_weight(conv, torch.eye(conv.out_channels)[:, :, None])
        _set_bias(conv, torch.zeros(conv.out_channels))


def _set_weight(conv: Convolution, weight: Tensor) -> None:
    rows = weight.flatten(1).norm(dim=1) > 0
    # Weight normalisation divides by the norm of a row, which must not be zero.
    weight = torch.where(rows[:, None, None], weight, 1e-6 * torch.randn_like(weight))
    if hasattr(conv, "parametrizations"):
        conv.weight = weight
    else:
        conv.weight.copy_(weight)


def _set_bias(conv: Convolution, bias: Tensor) -> None:
    if conv.bias is not None:
        conv.bias.copy_(bias)


def pink_noise(channels: int, samples: int) -> Tensor:
    """Pink noise (channels, samples): power density 1/f, at the RMS of music."""
    spectrum = torch.randn(channels, samples // 2 + 1, dtype=torch.complex64)
    spectrum /= torch.arange(samples // 2 + 1).clamp(min=1).sqrt()
    noise = torch.fft.irfft(spectrum, samples)
    return noise * (_LEVEL / noise.std())
