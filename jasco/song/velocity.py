"""Velocity of a song: a blend of the velocities of its windows.

All windows of a solver step see the same latents of the whole song, so that neighbours agree on the
frames that they share (MultiDiffusion, Bar-Tal et al., arXiv 2302.08113, eq. 5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from jasco.conditions import ConditionBatch
from jasco.device import to_device
from jasco.flow import Guidance
from jasco.flow.solvers import Velocity
from jasco.song.curves import cut
from jasco.song.windows import Windows


class SongVelocity:
    """Velocity v(t, z) of B songs.

    Args:
        guided: velocity field of encoded conditions and their guidance, for latents (n, W, D).
        conditions: encoded conditions of the songs, B items of T frames.
        windows: windows of each song; shorter ones are padded to the longest, and masked.
        batch: most windows that run together.
        guidance: guidance of each song.
        texts: encoded texts of the sections, which the windows name.
    """

    def __init__(
        self,
        guided: Callable[[ConditionBatch, Sequence[Guidance]], Velocity],
        conditions: ConditionBatch,
        windows: Sequence[Windows],
        batch: int,
        guidance: Sequence[Guidance],
        texts: ConditionBatch | None = None,
    ) -> None:
        self.guided, self.conditions, self.batch = guided, conditions, batch
        size = max(one.frames.shape[1] for one in windows)
        windows = [one.padded(size) if one.frames.shape[1] < size else one for one in windows]
        self.songs = [song for song, one in enumerate(windows) for _ in range(len(one))]
        device = next(iter(conditions.controls.values())).values.device
        self.items = to_device(torch.tensor(self.songs)[:, None], device)
        self.frames = to_device(torch.cat([one.frames for one in windows]), device)
        self.weights = to_device(torch.cat([one.weights for one in windows])[..., None], device)
        self.guidance = [
            cut(own, frames[: size - one.padding].numpy(), one.padding)
            for own, one in zip(guidance, windows, strict=True)
            for frames in one.frames
        ]
        lengths = torch.tensor([size - windows[song].padding for song in self.songs])
        mask = torch.arange(size) < lengths[:, None]
        self.mask = None if mask.all() else to_device(mask, device)
        self.texts = texts
        named = [one.texts for one in windows if one.texts is not None]
        self.text_of = torch.cat(named).tolist() if texts is not None else []

    def __call__(self, t: Tensor, z: Tensor) -> Tensor:
        """Velocity (B, T, D) at latents z (B, T, D) and a scalar time t."""
        blended = torch.zeros_like(z, dtype=torch.float32)
        for first in range(0, len(self.items), self.batch):
            rows = slice(first, first + self.batch)
            place = self.items[rows], self.frames[rows]
            conditions = self.conditions.at(self.songs[rows], self.frames[rows])
            if self.texts is not None:
                conditions = conditions.with_controls(self.texts.select(self.text_of[rows]))
            if self.mask is not None:
                conditions = replace(conditions, mask=self.mask[rows])
            velocity = self.guided(conditions, self.guidance[rows])(t, z[place])
            _add(blended, place, self.weights[rows] * velocity)
        return blended


def _add(total: Tensor, place: tuple[Tensor, Tensor], values: Tensor) -> None:
    """Add values (n, W, D) at items (n, 1) and frames (n, W) of ``total`` (B, T, D), in order.

    `index_put_` adds in any order on several CPU threads, and `index_add_` does on GPUs.
    """
    if total.device.type != "cpu":
        total.index_put_(place, values, accumulate=True)
        return
    items, frames = place
    rows = (items * total.shape[1] + frames).flatten()
    total.view(-1, total.shape[2]).index_add_(0, rows, values.flatten(0, 1))
