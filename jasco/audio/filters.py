"""Filters of whole signals."""

from __future__ import annotations

import torch

from jasco.audio.signal import Audio

CUTOFF = 20.0
"""Frequency (Hz) at which `high_pass` has 3 dB of attenuation: the lower end of hearing."""
_ORDER = 4  # of one pass; two passes make 48 dB per octave
_SECONDS = 0.25  # of mirrored signal before and after, in which the filter settles


def high_pass(audio: Audio, cutoff: float = CUTOFF) -> Audio:
    """Remove what is below ``cutoff``, a DC offset above all, from each channel.

    A Butterworth filter runs forwards and backwards, so no phase is shifted, peaks stay where they
    are, and 41 Hz, the lowest string of a bass, loses .01 dB. The signal is continued by its
    mirror image at both ends, so one that lies about an offset begins and ends without a step.

    Args:
        audio: any number of channels; of a sample rate too low for the filter it is returned as is.
        cutoff: frequency (Hz) of 3 dB attenuation.
    """
    from scipy import signal  # here, as pyloudnorm is: scipy would slow every start

    # Two passes attenuate twice, so one may have 1.5 dB at the cutoff.
    corner = cutoff * (2**0.5 - 1) ** (1 / (2 * _ORDER))
    length = audio.samples.shape[1]
    if corner >= audio.sample_rate / 4 or length < 2:
        return audio
    sections = signal.butter(_ORDER, corner, "highpass", fs=audio.sample_rate, output="sos")
    mirrored = min(round(_SECONDS * audio.sample_rate), length - 1)
    filtered = torch.empty_like(audio.samples)
    for channel, samples in zip(filtered, audio.samples, strict=True):  # doubles of one at a time
        passed = signal.sosfiltfilt(
            sections, samples.double().numpy(), padtype="even", padlen=mirrored
        )
        channel.copy_(torch.from_numpy(passed.copy()))
    return audio._replace(samples=filtered)
