"""Level of a take for the model.

New frames come out near the level at which the model plays their conditions, whatever that of the
frames beside them is. For takes of the demo it lies between -33 LUFS for a text alone and -21 LUFS
for all controls, while files are saved at -14 LUFS. So a take without known latents is brought to
that level for the model, and new samples get the level of the take again.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from jasco.audio import Audio, loudness
from jasco.audio.filters import high_pass
from jasco.audio.level import CEILING
from jasco.audio.limiter import limit
from jasco.song.take import Take

LARGEST = 40.0
"""Largest gain (dB); what differs by more, such as silence, has no level to follow."""


def level_gain(take: Audio, played: Audio) -> float:
    """Gain (dB) that brings a part of a take to the level of what the model plays for it."""
    measured = [
        loudness(Audio(a.samples.mean(0, keepdim=True), a.sample_rate)) for a in (take, played)
    ]
    gain = round(measured[1] - measured[0], 2)
    return gain if abs(gain) <= LARGEST else 0.0  # also where a part is too short to be measured


def with_gain(take: Take, gain: float) -> Take:
    """Take with its samples at another level (dB)."""
    if gain == 0:
        return take
    return replace(take, audio=take.audio._replace(samples=take.audio.samples * _factor(gain)))


def restored(samples: Tensor, rate: int, gain: float) -> Tensor:
    """New samples (B, C, n) without a gain (dB).

    As in `normalize_loudness`, they have no DC offset and no peaks above -1 dBFS.
    """
    if gain == 0:
        return samples
    louder = [high_pass(Audio(item / _factor(gain), rate)) for item in samples]
    return torch.stack([limit(item, CEILING).samples for item in louder])


def _factor(gain: float) -> float:
    return float(10 ** (gain / 20))
