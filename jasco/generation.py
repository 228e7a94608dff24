"""What generation gives back, and the noise it starts from."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from jasco.errors import ConditionError, SettingError


@dataclass(frozen=True, eq=False)
class Generation:
    """What `Jasco.generate` returns, one item per clip and sample.

    Attributes:
        audio: (B, channels, samples) float32 on the CPU, as decoded (not loudness-normalised).
        latents: (B, T, D) normalised latents, float32 on the CPU.
        sample_rate: of the audio (Hz).
        recipe: per item, all that is needed to make it again, as plain JSON data.
        report: per item, what had to be changed to fit the conditions to the model.
    """

    audio: Tensor
    latents: Tensor
    sample_rate: int
    recipe: list[dict[str, Any]]
    report: list[tuple[str, ...]]


def item_seeds(seed: int | Sequence[int] | None, clips: int, num_samples: int) -> list[int]:
    """One seed per item, clip by clip."""
    if seed is None:
        seeds = [secrets.randbelow(2**31) for _ in range(clips)]
    elif isinstance(seed, int):
        seeds = [seed] * clips
    else:
        seeds = [int(s) for s in seed]
    if len(seeds) != clips:
        raise ConditionError(f"{len(seeds)} seeds for {clips} clips: give one, or one per clip")
    if min(seeds) < 0 or max(seeds) >= 2**62:
        raise SettingError(f"seed {seeds}: seeds are whole numbers from 0 to 2^62")
    return [s + j for s in seeds for j in range(num_samples)]


def draw_noise(seeds: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Standard normal noise, each item from a generator of its own."""
    return torch.stack(
        [torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    )


def check_noise(noise: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The caller's noise, if it is finite and of this shape."""
    if tuple(noise.shape) != shape or not bool(noise.isfinite().all()):
        raise ConditionError(
            f"noise of shape {tuple(noise.shape)}: give finite noise of shape {shape}"
        )
    return noise.float()


def report_to(bar: tqdm, callback: Callable[[int, int], None] | None) -> Callable[[int, int], None]:
    """Solver callback that moves the bar, then calls the user's."""

    def report(step: int, total: int) -> None:
        bar.total = total
        bar.update(step - bar.n)
        if callback is not None:
            callback(step, total)

    return report
