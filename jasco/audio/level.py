"""Loudness after ITU-R BS.1770: measure it, and bring audio to a target without clipping."""

from __future__ import annotations

import math
import warnings
from typing import Literal

from jasco.audio.filters import high_pass
from jasco.audio.limiter import limit
from jasco.audio.signal import Audio
from jasco.errors import AudioError, JascoWarning, SettingError

Limiter = Literal["soft"] | None

CEILING = 10 ** (-1 / 20)
"""Highest peak left by `normalize_loudness`, -1 dBFS: the usual room for what lossy codecs add."""
MAX_DRIVE = 10 ** (12 / 20)
"""How much further than the plain gain the signal may be driven into the limiter (12 dB)."""
BLOCK = 0.4
"""Length in seconds of the blocks in which BS.1770 measures."""
MAX_CHANNELS = 5
"""BS.1770 gives weights to left, right, centre and two surrounds."""


def loudness(audio: Audio) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770-4, by pyloudnorm).

    Three to five channels are taken as left, right, centre and the surrounds.

    Returns:
        LUFS; ``-inf`` for silence (nothing above the gate of -70 LUFS); ``nan`` for less than one
        block of 0.4 s, for which the standard defines no loudness.

    Raises:
        AudioError: more than five channels, whose weights would depend on where they stand.
    """
    channels, length = audio.samples.shape
    if channels > MAX_CHANNELS:
        raise AudioError(
            f"loudness is defined for up to {MAX_CHANNELS} channels, the audio has {channels}: "
            "mix it down, or save it with loudness=None"
        )
    if length < BLOCK * audio.sample_rate:
        return math.nan
    import pyloudnorm  # pulls scipy.signal, which takes a second

    meter = pyloudnorm.Meter(audio.sample_rate, block_size=BLOCK)
    return float(meter.integrated_loudness(audio.samples.T.double().numpy()))


def normalize_loudness(audio: Audio, target: float = -14.0, *, limiter: Limiter = "soft") -> Audio:
    """Bring audio to ``target`` LUFS with no peak above -1 dBFS and no DC offset.

    First `high_pass` takes away what is below 20 Hz. The weighting of BS.1770 hardly counts it, so
    a gain that raises quiet audio to its loudness would raise a DC offset to a part of full scale.
    Where a plain gain then keeps the peaks below -1 dBFS, the result is the input times that gain
    and its loudness is the target exactly. Where it would not:

    - ``limiter="soft"``: the level goes down for some milliseconds around what would be above (the
      original bends all samples with y = tanh(x), which flattens the tops of waves), and the gain
      is raised, by 12 dB at most, until the loudness behind the limiter is the target;
    - ``limiter=None``: the gain is lowered until the highest peak is at -1 dBFS.

    A result more than 0.5 LU off the target comes with a warning that says how loud it is. Silence
    and audio of less than 0.4 s have no loudness and are returned as they are.

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
    if not math.isfinite(measured):  # all of it lay below 20 Hz
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
    """Raise the gain before the limiter until the loudness behind it is the target."""
    most = gain * MAX_DRIVE
    while True:
        result = limit(audio._replace(samples=audio.samples * gain), CEILING)
        missing = target - loudness(result)
        if missing < 0.05 or gain >= most:
            return result
        # It takes part of each step away, so a step is at least 0.05 dB and nears from below.
        gain = min(gain * 10 ** (missing / 20), most)
