"""Filters of whole signals."""

from __future__ import annotations

import math

import numpy as np
import torch

from jasco.audio.biquads import Section, apply_sections, high_pass_section
from jasco.audio.signal import Audio

CUTOFF = 20.0
"""Frequency (Hz) at which `high_pass` has 3 dB of attenuation: the lowest audible one."""
_ORDER = 4  # per pass; two passes attenuate by 48 dB per octave
_SECONDS = 0.25  # length of the mirrored signal at each end, in which the filter settles


def high_pass(audio: Audio, cutoff: float = CUTOFF) -> Audio:
    """Remove frequencies below ``cutoff`` and any DC offset from each channel.

    A Butterworth filter runs forwards and backwards, so it has zero phase, peaks keep their
    positions, and 41 Hz, the lowest string of a bass, loses .01 dB. Both ends are extended by the
    mirrored signal, so that a DC offset causes no step.

    Args:
        audio: signal of any number of channels; unchanged where its rate is too low for the filter.
        cutoff: frequency (Hz) of 3 dB attenuation.
    """
    # Two passes double the attenuation, so one pass has 1.5 dB at the cutoff.
    corner = cutoff * (2**0.5 - 1) ** (1 / (2 * _ORDER))
    length = audio.samples.shape[1]
    if corner >= audio.sample_rate / 4 or length < 2:
        return audio
    sections = butterworth(corner, audio.sample_rate)
    mirrored = min(round(_SECONDS * audio.sample_rate), length - 1)
    filtered = torch.empty_like(audio.samples)
    for channel, samples in zip(filtered, audio.samples, strict=True):  # float64 per channel
        passed = np.pad(samples.double().numpy(), mirrored, mode="reflect")
        for _ in range(2):
            # A high-pass filter at rest in a constant signal has the output zero.
            passed = apply_sections(passed - passed[0], sections)[::-1]
        channel.copy_(torch.from_numpy(passed[mirrored : mirrored + length].copy()))
    return audio._replace(samples=filtered)


def butterworth(cutoff: float, rate: int) -> tuple[Section, ...]:
    """Sections of a Butterworth high-pass filter of order 4."""
    angles = math.pi / (2 * _ORDER) * np.arange(1, _ORDER, 2)
    return tuple(high_pass_section(cutoff, 1 / (2 * math.cos(w)), rate) for w in angles)
