"""Loudness by ITU-R BS.1770: measurement, and normalization to a target without clipping."""

from __future__ import annotations

import math
import warnings
from typing import Literal

import numpy as np

from jasco.audio.biquads import Section, apply_sections, high_pass_section, high_shelf_section
from jasco.audio.filters import high_pass
from jasco.audio.limiter import limit
from jasco.audio.signal import Audio
from jasco.errors import AudioError, JascoWarning, SettingError

Limiter = Literal["soft"] | None

CEILING = 10 ** (-1 / 20)
"""Highest peak left by `normalize_loudness`, -1 dBFS: the usual headroom for lossy codecs."""
MAX_DRIVE = 10 ** (12 / 20)
"""Largest additional gain before the limiter (12 dB)."""
BLOCK = 0.4
"""Length of the measuring blocks of BS.1770 (s)."""
_STEP = 0.25  # of a block, between the starts of two
_WEIGHTS = (1.0, 1.0, 1.0, 1.41, 1.41)
MAX_CHANNELS = len(_WEIGHTS)
"""Number of channels with a weight in BS.1770: left, right, centre and two surrounds."""


def loudness(audio: Audio) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770-4).

    The K-weighting is that of pyloudnorm (Steinmetz and Reiss, AES 2021) at any sample rate.

    Three to five channels are read as left, right, centre and the surrounds.

    Returns:
        LUFS; ``-inf`` for silence (nothing above the gate of -70 LUFS); ``nan`` for less than one
        block of 0.4 s, for which the standard defines no loudness.

    Raises:
        AudioError: more than five channels, whose weights depend on the speakers' positions.
    """
    channels, length = audio.samples.shape
    if channels > MAX_CHANNELS:
        raise AudioError(
            f"loudness is defined for up to {MAX_CHANNELS} channels, the audio has {channels}: "
            "mix it down, or save it with loudness=None"
        )
    if length < BLOCK * audio.sample_rate:
        return math.nan
    rate = audio.sample_rate
    weighting: tuple[Section, ...] = (high_pass_section(38.0, 0.5, rate),)
    if rate >= 4000:  # signals of lower rates end below the shelf
        weighting = (high_shelf_section(1500.0, 0.5**0.5, 4.0, rate), *weighting)
    count = round((length / rate - BLOCK) / (BLOCK * _STEP)) + 1
    starts = (BLOCK * _STEP * np.arange(count) * rate).astype(int)
    ends = (BLOCK * (_STEP * np.arange(count) + 1) * rate).astype(int)
    power = np.zeros(count)
    for weight, samples in zip(_WEIGHTS, audio.samples, strict=False):
        squares = np.square(apply_sections(samples.double().numpy(), weighting))
        total = np.concatenate([[0.0], np.cumsum(squares)])
        power += weight * (total[np.minimum(ends, length)] - total[starts]) / (BLOCK * rate)
    power = power[power >= _power_of(-70.0)]
    if len(power):
        power = power[power > power.mean() / 10]  # 10 LU below the mean of the blocks
    return -0.691 + 10 * math.log10(power.mean()) if len(power) else -math.inf


def _power_of(level: float) -> float:
    """Weighted mean square of a loudness (LUFS)."""
    return float(10 ** ((level + 0.691) / 10))


def normalize_loudness(audio: Audio, target: float = -14.0, *, limiter: Limiter = "soft") -> Audio:
    """Normalize audio to ``target`` LUFS with no peak above -1 dBFS and no DC offset.

    `high_pass` first removes frequencies below 20 Hz: BS.1770 hardly weighs them, so the gain for
    quiet audio would amplify a DC offset to a part of full scale. Where a gain then keeps the peaks
    below -1 dBFS, the result is the input times that gain and has exactly the target loudness.
    Otherwise:

    - ``limiter="soft"``: the gain is reduced for some milliseconds around such peaks (the original
      applies y = tanh(x) to all samples, which distorts the waveform), and raised elsewhere, by
      12 dB at most, until the limited audio has the target loudness;
    - ``limiter=None``: the gain is lowered until the highest peak is at -1 dBFS.

    A warning gives the loudness of a result more than 0.5 LU off the target. Silence and audio of
    less than 0.4 s have no loudness and are returned unchanged.

    Raises:
        SettingError: ``target`` is not within -70 to 0 LUFS, or the limiter is unknown.
        AudioError: more than five channels.
    """
    if not -70 <= target <= 0:
        raise SettingError(f"a loudness of {target} LUFS is out of range: give -70 to 0, say -14")
    if limiter not in ("soft", None):
        raise SettingError(f"unknown limiter {limiter!r}: give 'soft' or None")
    if not math.isfinite(loudness(audio)):
        return audio
    audio = high_pass(audio)
    measured = loudness(audio)
    if not math.isfinite(measured):  # no energy above 20 Hz
        return audio
    gain = 10 ** ((target - measured) / 20)
    highest = CEILING / float(audio.samples.abs().max())
    if gain <= highest:
        return audio._replace(samples=audio.samples * gain)
    result = (
        _limit(audio, gain, target) if limiter else audio._replace(samples=audio.samples * highest)
    )
    reached = loudness(result)
    if abs(reached - target) > 0.5:
        advice = "" if limiter else "; limiter='soft' comes closer"
        warnings.warn(
            f"the audio has {reached:.1f} LUFS instead of {target:.1f}, because its peaks are kept "
            f"below -1 dBFS{advice}",
            JascoWarning,
            stacklevel=2,
        )
    return result


def _limit(audio: Audio, gain: float, target: float) -> Audio:
    """Raise the gain before the limiter until the limited audio has the target loudness."""
    most = gain * MAX_DRIVE
    while True:
        result = limit(audio._replace(samples=audio.samples * gain), CEILING)
        missing = target - loudness(result)
        if missing < 0.05 or gain >= most:
            return result
        # The limiter absorbs a part of each step: steps of at least 0.05 dB converge from below.
        gain = min(gain * 10 ** (missing / 20), most)
