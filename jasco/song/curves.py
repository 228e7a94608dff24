"""Guidance weights of the frames of a song."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from jasco.flow import Guidance
from jasco.flow.curve import Curve
from jasco.song.ranges import bar_ranges, checked_ranges

if TYPE_CHECKING:
    from jasco.flow.guidance import FrameWeights

FADE = 0.5
"""Time (s) over which a weight goes over into the next, around their border."""


def guidance_over(
    guidance: Guidance, frames: int, rate: float, bars: Sequence[float] = (), *, loop: bool = False
) -> Guidance:
    """Guidance whose curves are the weights of the frames of a song.

    Args:
        guidance: guidance.
        frames: latent frames T.
        rate: their rate (Hz).
        bars: onset of each bar (s).
        loop: the end of the song goes over into its begin.

    Raises:
        SettingError: parts beyond the song, or bars of a song without a tempo.
    """
    if guidance.is_constant:
        return guidance

    def weights(curve: Curve) -> FrameWeights:
        spans = []
        for part in curve.parts:
            if part.seconds is None:
                first, last = part.bars or (1, 1)
                (span,) = bar_ranges(f"{first}-{last}", bars, frames / rate, "song")
            else:
                span = part.seconds
            spans.append((span, part.weight))
        spans.sort()
        checked_ranges([span for span, _ in spans], frames / rate, "song")
        steps = np.full(frames, spans[0][1] if curve.base is None else curve.base)
        for (start, stop), weight in spans:
            end = frames if curve.base is None else round(stop * rate)
            steps[round(start * rate) : end] = weight
        return smoothed(steps, round(FADE * rate), loop=loop)

    return guidance.at_frames(weights)


def smoothed(steps: FrameWeights, width: int, *, loop: bool = False) -> FrameWeights:
    """Weights whose steps are ramps of about ``width`` frames; others are unchanged bit for bit."""
    half = width // 2
    padded = np.pad(steps, half, mode="wrap" if loop else "edge")
    near = sliding_window_view(padded, 2 * half + 1)
    kernel = np.hanning(2 * half + 3)[1:-1]
    level = near.min(1) == near.max(1)
    return np.where(level, steps, near @ (kernel / kernel.sum()))


def cut(guidance: Guidance, frames: np.ndarray | slice, padding: int = 0) -> Guidance:
    """Guidance of some frames of a song, and of further ones as of the last."""
    if guidance.is_constant:
        return guidance
    return guidance.at_frames(lambda own: np.pad(own[frames], (0, padding), mode="edge"))
