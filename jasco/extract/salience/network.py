"""Convolutional network of deep salience (Bittner et al., ISMIR 2017, sec. 3.2).

Six layers, each a batch norm, a convolution with zero padding and a ReLU, the last a sigmoid; the
fifth spans 70 bins, a little more than an octave. The output is the salience of every pitch.

Tensors are (B, channels, bins, T) to the outside. Inside, memory runs over frames, then bins, then
channels: with the channels last the convolutions are up to nine times as fast on a CPU.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from jasco.extract.salience.hcqt import BINS, HARMONICS

# Channels in and out, and the kernel's bins and frames.
_LAYERS = (
    (len(HARMONICS), 128, 5, 5),
    (128, 64, 5, 5),
    (64, 64, 3, 3),
    (64, 64, 3, 3),
    (64, 8, 70, 3),
    (8, 1, 1, 1),
)

# Frames on each side that an output depends on, and bins below it.
CONTEXT = sum(frames // 2 for _, _, _, frames in _LAYERS)
REACH_BELOW = sum((bins - 1) // 2 for _, _, bins, _ in _LAYERS)

# Neighbouring bins that a tall convolution computes as channels of one output.
_NEIGHBOURS = 8


class SalienceNetwork(nn.Module):
    """Network from a harmonic constant-Q transform to pitch salience."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        """Build the network without its weights, see `load_network`.

        Args:
            dtype: of the convolutions; float32 or bfloat16. Batch norms and the last layer, which
                decides about the threshold, are float32 either way.
        """
        super().__init__()
        *hidden, last = _LAYERS
        self.hidden = nn.ModuleList(_Layer(*layer, dtype=dtype) for layer in hidden)
        self.last = _Layer(*last, dtype=torch.float32)

    def forward(self, hcqt: torch.Tensor) -> torch.Tensor:
        """Salience of every pitch at every frame.

        Args:
            hcqt: (B, 6, bins, T) levels in [0, 1]. All 360 bins, or the highest of them: then the
                lowest ``REACH_BELOW`` bins given are context, and have no salience of their own.

        Returns:
            (B, 360, T) or (B, bins - REACH_BELOW, T), float32 in [0, 1].
        """
        pad_below = hcqt.shape[-2] == BINS
        x = hcqt.transpose(-1, -2).float().contiguous(memory_format=torch.channels_last)
        for layer in self.hidden:
            x = layer(x, pad_below).relu_()
        salience = self.last(x.float(), pad_below).sigmoid()
        return salience.squeeze(1).transpose(-1, -2)


class _Layer(nn.Module):
    """Batch norm, then a convolution over (T, bins) that keeps the number of frames.

    The norm acts before the zero padding, so it cannot be folded into the convolution.
    """

    def __init__(self, channels: int, out: int, bins: int, frames: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, eps=1e-3)
        self.convolution = nn.Conv2d(channels, out, (frames, bins), dtype=dtype)

    def forward(self, x: torch.Tensor, pad_below: bool) -> torch.Tensor:
        """Convolve (B, channels, T, bins); without ``pad_below`` the lowest bins are lost."""
        weight, bias = self.convolution.weight, self.convolution.bias
        frames, bins = weight.shape[-2:]
        below, above = ((bins - 1) // 2 if pad_below else 0), bins // 2
        x = self.norm(x).to(weight.dtype)
        if bins > _NEIGHBOURS:
            return _tall_convolution(x, weight, bias, below, above)
        return F.conv2d(F.pad(x, (below, above, frames // 2, frames // 2)), weight, bias)


def _tall_convolution(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, below: int, above: int
) -> torch.Tensor:
    """Convolution over many bins to few channels, computed as a strided one to many channels.

    ``_NEIGHBOURS`` outputs in a row read nearly the same bins. As channels of one strided
    convolution they fill the vector registers that eight channels leave mostly empty.

    Args:
        x: (B, channels, T, bins).
        weight: (out, channels, frames, size).
        bias: (out,) or None.
        below: zeros to add under the lowest bin.
        above: zeros to add over the highest bin.

    Returns:
        (B, out, T, below + bins + above - size + 1).
    """
    out, channels, frames, size = weight.shape
    bins = below + x.shape[-1] + above - size + 1
    groups = -(-bins // _NEIGHBOURS)
    x = F.pad(x, (below, above + groups * _NEIGHBOURS - bins, frames // 2, frames // 2))
    shifts = [F.pad(weight, (shift, _NEIGHBOURS - 1 - shift)) for shift in range(_NEIGHBOURS)]
    wide = torch.cat(shifts).contiguous(memory_format=torch.channels_last)
    wide_bias = None if bias is None else bias.repeat(_NEIGHBOURS)
    y = F.conv2d(x, wide, wide_bias, stride=(1, _NEIGHBOURS))
    # With the channels last in memory this is a view.
    y = rearrange(y, "b (n out) t groups -> b out t (groups n)", out=out)
    return y[..., :bins]
