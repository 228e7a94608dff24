"""Windows of a song: overlapping parts of the length of the training clips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from jasco.conditions import Conditions
from jasco.song.bars import bars_of

OVERLAP = 0.15
"""Least part of a window that it shares with the next: 60 s are seven windows of 10 s."""
FADE = 100
"""Frames over which the text of one section goes over into the next, around their border."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of one song, and the weights that blend them.

    Attributes:
        frames: (N, W) int64, frame of the song at each frame of each window.
        weights: (N, W), of which those at the same frame of the song sum to one. They are those of
            a Hann window before this normalisation, so that a window counts least at its edges,
            where it has the least context.
        texts: (N,) index of the text of each window among those of the songs; ``None`` where each
            has the text of its song.
        padding: frames at the end of each window that are none of the song.
    """

    frames: Tensor
    weights: Tensor
    texts: Tensor | None = None
    padding: int = 0

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def of(cls, starts: Sequence[int], size: int, total: int) -> Windows:
        """Windows of ``size`` frames from ``starts`` on; those beyond ``total`` wrap around."""
        frames = (torch.tensor(starts)[:, None] + torch.arange(size)) % total
        hann = torch.hann_window(size + 2, periodic=False, dtype=torch.float64)[1:-1]
        weights = hann.expand(len(starts), -1)
        sums = torch.zeros(total, dtype=torch.float64).index_put_((frames,), weights, True)
        return cls(frames, (weights / sums[frames]).float())

    @classmethod
    def line(
        cls, total: int, size: int, bars: Sequence[float] = (), overlap: float = OVERLAP
    ) -> Windows:
        """Windows of a song of ``total`` frames.

        Each begins at a bar where one lies in the second half of the window before it; the last one
        ends with the song.

        Args:
            total: frames T of the song.
            size: frames of the model's window; a shorter song is one window.
            bars: onsets of bars (frames).
            overlap: least part of a window that it shares with the next.
        """
        starts, hop = [0], size - math.ceil(overlap * size)
        while starts[-1] + size < total:
            least, most = starts[-1] + size // 2, starts[-1] + hop
            at_bar = [round(bar) for bar in bars if least <= round(bar) <= most]
            starts.append(min(max(at_bar, default=most), total - size))
        return cls.of(starts, min(size, total), total)

    @classmethod
    def circle(cls, total: int, size: int) -> Windows:
        """Windows on a circle of ``total`` frames, at equal distances.

        Windows longer than the circle go around it more than once.
        """
        hop = size - math.ceil(OVERLAP * size)
        count = max(math.ceil(total / hop), 2)
        return cls.of([round(index * total / count) for index in range(count)], size, total)

    def padded(self, size: int) -> Windows:
        """Windows of ``size`` frames, at the end of which frames beyond the song have no weight."""
        padding = size - self.frames.shape[1]
        further = self.frames[:, -1:] + torch.arange(1, padding + 1)
        weights = nn.functional.pad(self.weights, (0, padding))
        frames = torch.cat([self.frames, further], 1)
        return replace(self, frames=frames, weights=weights, padding=padding)

    def with_texts(self, spans: Sequence[tuple[int, int]], first: int) -> Windows:
        """Windows with the texts of sections, between which they fade over `FADE` frames.

        A window has one part for each text that it touches.

        Args:
            spans: first frame, and frame after the last, of each section.
            first: index of the text of the song, for frames in no section; those of the sections
                follow it.
        """
        section = torch.zeros(int(self.frames.max()) + 1, dtype=torch.int64)
        for number, (start, stop) in enumerate(spans, 1):
            section[start:stop] = number
        shares = nn.functional.one_hot(section, len(spans) + 1).T[:, None].double()
        kernel = torch.hann_window(2 * (FADE // 2) + 3, periodic=False, dtype=torch.float64)[1:-1]
        padded = nn.functional.pad(shares, (FADE // 2, FADE // 2), mode="replicate")
        shares = nn.functional.conv1d(padded, (kernel / kernel.sum())[None, None])[:, 0]
        parts = self.weights.double() * shares[:, self.frames]  # (sections, N, W)
        text, window = (parts.amax(2) > 0).nonzero().unbind(1)
        weights = parts[text, window].float()
        return Windows(self.frames[window], weights, text + first)


def windows_of(
    clip: Conditions, total: int, size: int, frame_rate: float, overlap: float = OVERLAP
) -> Windows:
    """Windows of a clip of ``total`` frames, at its bars where its chords have any."""
    bars = [bar * frame_rate for bar in bars_of(clip, total / frame_rate)]
    return Windows.line(total, size, bars, overlap)
