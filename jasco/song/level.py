"""Level of a take for the model.

New frames come out at the level of the training data, whatever that of the frames beside them is:
beside a demo take saved at -14 LUFS, they are 17 dB too quiet. So a take whose latents are far
beyond the unit variance of training is made quieter for the model, and new samples are made louder
by as much again.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from jasco.audio import Audio
from jasco.audio.filters import high_pass
from jasco.audio.level import CEILING
from jasco.audio.limiter import limit
from jasco.codec import EnCodec
from jasco.song.take import Take

LOUDEST = 1.2
"""Highest root mean square of a take's latents that is left as it is."""
TYPICAL = 0.75
"""Root mean square of louder ones after the gain: that of takes of the demo (.72 to .81)."""
_ROUNDS = 4
_SLOPE = 0.5  # dB of latents for one dB of audio, from -12 to -32 dBFS


def level_gain(take: Take, codec: EnCodec, start: float, length: float) -> float:
    """Gain (dB, at most 0) that brings a take to the level of the training data.

    Args:
        take: take; one whose latents are known was generated at that level and is left.
        codec: codec of the model.
        start, length: seconds of the take that are measured, nearest to its end at the latest.
    """
    if take.latents is not None:
        return 0.0
    rate = take.audio.sample_rate
    first = round(max(min(start, take.duration - length), 0.0) * rate)
    part = take.audio.samples[:, first : first + round(length * rate)]
    gain = 0.0
    for turn in range(_ROUNDS):
        level = _rms(Take(Audio(part * _factor(gain), rate)).encode(codec))
        if turn == 0 and level <= LOUDEST:
            break
        gain = min(gain + 20 / _SLOPE * math.log10(TYPICAL / level), 0.0)
    else:
        if level > LOUDEST:  # latents that do not follow the level, even of silence
            return 0.0
    return round(gain, 2)


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


def _rms(latents: Tensor) -> float:
    return float(latents.square().mean().sqrt())
