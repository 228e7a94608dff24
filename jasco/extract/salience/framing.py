"""Framing: ranges of a padded signal, and products of its frames with a matrix.

Signals have shape (..., samples). Windowed sinc resampling and the constant-Q transform both apply
one matrix to overlapping frames; the product is computed in pieces, without a copy of the signal.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F


def zero_extended(signal: torch.Tensor, start: int, stop: int) -> torch.Tensor:
    """Samples ``start`` to ``stop`` of a signal that is zero outside itself.

    Args:
        signal: (..., N).
        start: first sample; may be negative.
        stop: one past the last sample; may exceed N.

    Returns:
        (..., stop - start); a view where the range lies inside the signal.
    """
    length = signal.shape[-1]
    first, last = min(max(start, 0), length), min(max(stop, 0), length)
    inside = signal[..., first:last]
    if last - first == stop - start:
        return inside
    before = min(max(-start, 0), stop - start)
    return F.pad(inside, (before, stop - start - before - (last - first)))


def reflected(signal: torch.Tensor, start: int, stop: int) -> torch.Tensor:
    """Samples ``start`` to ``stop`` of a signal mirrored about its first and last sample.

    Args:
        signal: (..., N) with N > 0; mirrored as often as the range asks for.
        start: first sample; may be negative.
        stop: one past the last sample; may exceed N.

    Returns:
        (..., stop - start); a view where the range lies inside the signal.
    """
    length = signal.shape[-1]
    if start >= 0 and stop <= length:
        return signal[..., start:stop]
    index = torch.arange(start, stop, device=signal.device)
    if length == 1:
        return signal[..., torch.zeros_like(index)]
    index = index.remainder(2 * (length - 1))
    return signal[..., torch.minimum(index, 2 * (length - 1) - index)]


def frame_product(signal: torch.Tensor, matrix: torch.Tensor, hop: int) -> torch.Tensor:
    """Multiply every frame of a signal with a matrix.

    Args:
        signal: (..., N).
        matrix: (window, columns); frames are as long as its rows are many.
        hop: distance between frames in samples.

    Returns:
        (..., 1 + (N - window) // hop, columns).
    """
    return signal.unfold(-1, matrix.shape[0], hop) @ matrix
