"""Squared error of velocities, at single frames and of means over windows of frames."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import pad


def squared_error(
    error: Tensor, mask: Tensor | None = None, windows: Mapping[int, float] | None = None
) -> Tensor:
    """Mean square (B,) of velocity errors, and the weighted mean squares of their window means.

    The further terms are larger weights of slow errors, such as those of the timbre and level of a
    whole clip, of which single frames tell little. The velocity of least loss is the same.

    Args:
        error: errors (B, T, D).
        mask: (B, T) true at the frames that count, at least one per item; all where absent.
        windows: weight of the mean square of errors averaged over windows, by their length in
            frames, from the first frame on; a window longer than a clip is the whole clip.
    """
    frames = error.new_ones(error.shape[:2]) if mask is None else mask.to(error.dtype)
    total = frames.sum(1)
    squares = (error.square().mean(2) * frames).sum(1) / total
    for length, weight in (windows or {}).items():
        length = min(length, error.shape[1])
        missing = -error.shape[1] % length
        parts = rearrange(
            pad(error * frames[..., None], (0, 0, 0, missing)), "b (n w) d -> b n w d", w=length
        )
        counts = rearrange(pad(frames, (0, missing)), "b (n w) -> b n w", w=length).sum(2)
        means = parts.sum(2) / torch.clamp(counts, min=1)[..., None]
        squares = squares + weight * (means.square().mean(2) * counts).sum(1) / total
    return squares
