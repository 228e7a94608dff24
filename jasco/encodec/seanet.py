"""SEANet encoder and decoder of EnCodec (arXiv 2210.13438, section 3.1), whole or in blocks.

A layer maps an iterable of successive blocks (B, C, T) of a signal to an iterator of blocks; a
whole signal is one block. Convolutions hold the samples that reach into the next block and the
LSTM its state, so that any blocks give the whole result, without recomputing overlaps. Blocks that
fit in the processor's cache take a fraction of the memory, and less time where memory limits it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from jasco.encodec.config import EncodecConfig

Blocks = Iterable[Tensor]


class Layer(nn.Module):
    """Map of blocks (B, C, T) to blocks.

    Attributes:
        least: smallest number of steps of a block, unless the signal has fewer.
    """

    least = 1

    def stream(self, blocks: Blocks) -> Iterator[Tensor]:
        """Blocks of the result for successive blocks of a signal."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Result for a whole signal (B, C, T)."""
        (result,) = self.stream([x])
        return result


_NARROW = 32
"""Channels below which oneDNN computes strided convolutions in bfloat16 wrongly on CPUs with AMX.

Of torch 2.13.0 with strides of 4 and more, from 8 to 24 channels: errors as large as the output,
forward, and backward through the transposed ones.
"""


class Convolution(Layer):
    """Convolution with weight normalisation, or with a group norm over channels and time.

    Args:
        config: configuration of the model.
        conv: the convolution without normalisation.
        extent: number of steps that one output depends on.
    """

    def __init__(
        self, config: EncodecConfig, conv: nn.Conv1d | nn.ConvTranspose1d, extent: int
    ) -> None:
        super().__init__()
        by_weight = config.norm_type == "weight_norm"
        self.conv: Any = weight_norm(conv) if by_weight else conv
        self.norm = None if by_weight else nn.GroupNorm(1, conv.out_channels)
        self.causal, self.stride, self.extent = config.use_causal_conv, conv.stride[0], extent
        self.least = 2 * extent if by_weight else sys.maxsize

    def operation(self) -> Callable[[Tensor], Tensor]:
        """The convolution without padding, with its weight normalised once."""
        conv = self.conv
        convolve = F.conv_transpose1d if isinstance(conv, nn.ConvTranspose1d) else F.conv1d
        options: dict[str, Any] = {"stride": conv.stride, "dilation": conv.dilation}
        call: Callable[[Tensor], Tensor]
        if self.stride > 1 and min(conv.in_channels, conv.out_channels) < _NARROW:
            call = partial(_in_float32, convolve, conv.weight, conv.bias, options)
        else:
            call = partial(convolve, weight=conv.weight, bias=conv.bias, **options)
        norm = self.norm
        return call if norm is None else lambda x: norm(call(x))


def _in_float32(
    convolve: Callable[..., Tensor],
    weight: Tensor,
    bias: Tensor | None,
    options: dict[str, Any],
    x: Tensor,
) -> Tensor:
    """Convolution that a CPU computes in float32, whatever the precision around it."""
    if x.device.type != "cpu":
        return convolve(x, weight=weight, bias=bias, **options)
    with torch.autocast("cpu", enabled=False):
        bias = None if bias is None else bias.float()
        return convolve(x.float(), weight=weight.float(), bias=bias, **options).to(x.dtype)


class Conv(Convolution):
    """Convolution, padded so that T samples give ceil(T / stride) frames."""

    def __init__(
        self,
        config: EncodecConfig,
        channels: int,
        out: int,
        kernel: int,
        stride: int = 1,
        dilation: int = 1,
    ) -> None:
        conv = nn.Conv1d(channels, out, kernel, stride, dilation=dilation)
        super().__init__(config, conv, (kernel - 1) * dilation + 1)
        self.right = 0 if self.causal else (self.extent - stride) // 2
        self.left = self.extent - stride - self.right
        self.pad_mode = config.pad_mode

    def stream(self, blocks: Blocks) -> Iterator[Tensor]:
        return map(self.operation(), self.windows(blocks))

    def windows(self, blocks: Blocks) -> Iterator[Tensor]:
        """Blocks extended by the samples that the convolution needs, padded at both ends."""
        held, length = None, 0
        for block, last in marked_last(blocks):
            length += block.shape[-1]
            left = self.left if held is None else 0
            right = self.right + -length % self.stride if last else 0
            window = block if held is None else torch.cat([held, block], dim=-1)
            window = pad(window, left, right, self.pad_mode)
            frames = (window.shape[-1] - self.extent) // self.stride + 1
            held = window[..., frames * self.stride :]
            yield window


class TransposedConv(Convolution):
    """Transposed convolution, trimmed so that T frames give T * stride samples."""

    def __init__(self, config: EncodecConfig, channels: int, out: int, stride: int) -> None:
        super().__init__(config, nn.ConvTranspose1d(channels, out, 2 * stride, stride), 2)
        right = math.ceil(stride * config.trim_right_ratio) if self.causal else stride // 2
        self.left = stride - right

    def stream(self, blocks: Blocks) -> Iterator[Tensor]:
        convolve, held = self.operation(), None
        for block, last in marked_last(blocks):
            # The kernel spans two frames: the first stride of samples lacks the frame before it.
            frames = block if held is None else torch.cat([held, block], dim=-1)
            start = self.left if held is None else self.stride
            end = frames.shape[-1] * self.stride + (self.left if last else 0)
            held = frames[..., -1:]
            yield convolve(frames)[..., start:end]


class LSTM(Layer):
    """LSTM with a residual connection."""

    def __init__(self, config: EncodecConfig, channels: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, channels, config.num_lstm_layers)
        for name, parameter in self.lstm.named_parameters():
            if name.startswith("weight"):
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)

    def stream(self, blocks: Blocks) -> Iterator[Tensor]:
        state = None
        for block in blocks:
            x = rearrange(block, "b c t -> t b c")
            y, state = self.lstm(x, state)
            yield rearrange(y + x, "t b c -> b c t")


class ELU(Layer):
    """Exponential linear unit, in place where no gradient is asked for."""

    def stream(self, blocks: Blocks) -> Iterator[Tensor]:
        for block in blocks:
            yield F.elu(block, inplace=not torch.is_grad_enabled())


class ResidualBlock(Layer):
    """Two convolutions with a residual connection."""

    def __init__(self, config: EncodecConfig, channels: int, dilation: int) -> None:
        super().__init__()
        hidden = channels // config.compress
        first = Conv(config, channels, hidden, config.residual_kernel_size, dilation=dilation)
        self.block = nn.ModuleList([ELU(), first, ELU(), Conv(config, hidden, channels, 1)])
        self.shortcut = Conv(config, channels, channels, 1) if config.use_conv_shortcut else None
        self.least = first.least

    def forward(self, x: Tensor) -> Tensor:
        """Result for a whole signal; without gradients each buffer is freed once it is used."""
        if torch.is_grad_enabled():
            return super().forward(x)
        first: Any = self.block[1]
        last: Any = self.block[3]
        (window,) = first.windows([F.elu(x)])
        hidden = first.operation()(window)
        del window
        out: Tensor = last.operation()(F.elu(hidden, inplace=True))
        return out.add_(x if self.shortcut is None else self.shortcut(x))

    def stream(self, blocks: Blocks) -> Iterator[Tensor]:
        first: Any = self.block[1]
        last: Any = self.block[3]
        reduce, expand = first.operation(), last.operation()
        shortcut = None if self.shortcut is None else self.shortcut.operation()
        waiting: list[Tensor] = []

        def activated(block: Tensor) -> Tensor:
            waiting.append(block)
            return F.elu(block)

        for window in first.windows(map(activated, blocks)):
            out = expand(F.elu(reduce(window), inplace=True))
            held = _joined(waiting)
            waiting[:] = [held[..., out.shape[-1] :]]
            kept = held[..., : out.shape[-1]]
            yield out.add_(kept if shortcut is None else shortcut(kept))


class Stack(Layer):
    """Sequence of layers.

    Args:
        layers: layers of the stack.
    """

    def __init__(self, layers: Iterable[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x

    def stream(
        self, blocks: Blocks, values: int = 2**19, steps: int = sys.maxsize
    ) -> Iterator[Tensor]:
        """Blocks of the result for successive blocks of a signal.

        Args:
            blocks: successive blocks (B, C, T) of any lengths.
            values: number of values of a block between two layers; see `regrouped`.
            steps: most steps of a block of the first layer, and as much time in the others, each of
                which lags behind by about two blocks.
        """
        stream: Any = blocks
        for layer in self.layers:
            part: Any = layer
            if not isinstance(part, ELU):
                stream = regrouped(stream, values, part.least, steps)
            if isinstance(part, TransposedConv):
                steps *= part.stride
            stream = part.stream(stream)
        return stream


class Encoder(Stack):
    """Waveform (B, channels, N) to latents (B, D, N / hop_length)."""

    def __init__(self, config: EncodecConfig) -> None:
        channels = config.num_filters
        layers: list[nn.Module] = [
            Conv(config, config.audio_channels, channels, config.kernel_size)
        ]
        for ratio in reversed(config.upsampling_ratios):
            layers += _residual_blocks(config, channels)
            layers += [ELU(), Conv(config, channels, 2 * channels, 2 * ratio, ratio)]
            channels *= 2
        layers += [LSTM(config, channels), ELU()]
        layers += [Conv(config, channels, config.hidden_size, config.last_kernel_size)]
        super().__init__(layers)


class Decoder(Stack):
    """Latents (B, D, T) to waveform (B, channels, T * hop_length)."""

    def __init__(self, config: EncodecConfig) -> None:
        channels = config.num_filters * 2 ** len(config.upsampling_ratios)
        layers: list[nn.Module] = [Conv(config, config.hidden_size, channels, config.kernel_size)]
        layers += [LSTM(config, channels)]
        for ratio in config.upsampling_ratios:
            layers += [ELU(), TransposedConv(config, channels, channels // 2, ratio)]
            channels //= 2
            layers += _residual_blocks(config, channels)
        layers += [ELU(), Conv(config, channels, config.audio_channels, config.last_kernel_size)]
        super().__init__(layers)


def _residual_blocks(config: EncodecConfig, channels: int) -> list[nn.Module]:
    growth = config.dilation_growth_rate
    return [
        ResidualBlock(config, channels, growth**level)
        for level in range(config.num_residual_layers)
    ]


def pad(x: Tensor, left: int, right: int, mode: str) -> Tensor:
    """Pad a signal (B, C, T) in time; reflections of a signal that is too short include zeros."""
    if not left and not right:
        return x
    missing = max(left, right) - x.shape[-1] + 1 if mode == "reflect" else 0
    if missing <= 0:
        return F.pad(x, (left, right), mode)
    return F.pad(F.pad(x, (0, missing)), (left, right), mode)[..., :-missing]


def regrouped(
    blocks: Blocks, values: int, least: int = 1, most: int = sys.maxsize
) -> Iterator[Tensor]:
    """Blocks of ``values`` values in up to ``most`` steps, and of ``least``, also the last one.

    The last block is up to ``least`` steps longer. A shorter signal is one block.
    """
    held: list[Tensor] = []
    for block in blocks:
        held.append(block)
        steps = max(min(values // block[..., 0].numel(), most), least)
        if sum(part.shape[-1] for part in held) >= steps + least:
            *ready, rest = _joined(held).split(steps, dim=-1)
            if rest.shape[-1] < least:  # too short to be the last block
                rest = torch.cat([ready.pop(), rest], dim=-1)
            yield from ready
            held = [rest]
    if held:
        yield _joined(held)


def _joined(blocks: list[Tensor]) -> Tensor:
    return blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=-1)


def marked_last(blocks: Blocks) -> Iterator[tuple[Tensor, bool]]:
    """Each block, and true for the last one."""
    block: Tensor | None = None
    for after in blocks:
        if block is not None:
            yield block, False
        block = after
    if block is not None:
        yield block, True
