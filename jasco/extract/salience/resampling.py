"""Band-limited resampling with a Kaiser-windowed sinc (Smith, "Digital audio resampling").

An output sample n lies at input position n from_rate / to_rate. It is the sum of the input samples
around it, weighted by the low-pass impulse response

    h(t) = c rolloff sinc(c rolloff t) kaiser(c t / zeros),    |c t| < zeros,    t in input samples,

with c = min(1, to_rate / from_rate), so that going down the cut-off follows the lower rate. The
input is zero outside itself. ``KAISER_BEST`` and ``KAISER_FAST`` are the two filters that deep
salience was trained on: the first brings recordings to 22050 Hz, the second halves the rate between
the octaves of the constant-Q transform.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from jasco.extract.salience.framing import frame_product, zero_extended

# Neighbouring output samples that share a frame of the input: with more there are fewer and larger
# matrix products, and more zeros in each matrix.
_SHARED = 64

# Periods of the filter bank in one product: bounds the copy of overlapping frames to a few MB.
_PERIODS = 4096


@dataclass(frozen=True)
class SincFilter:
    """Kaiser-windowed sinc low-pass.

    Attributes:
        zeros: zero crossings of the sinc on each side.
        rolloff: cut-off as a fraction of the Nyquist frequency.
        beta: shape of the Kaiser window.
    """

    zeros: int
    rolloff: float
    beta: float

    def response(self, time: torch.Tensor, cutoff: float) -> torch.Tensor:
        """Impulse response at ``time`` (input samples) for c = ``cutoff``, in float64."""
        position = time.double() * cutoff
        inside = position.abs() < self.zeros
        window = (1 - (position / self.zeros).square()).clamp(min=0).sqrt()
        kaiser = torch.special.i0(self.beta * window)
        kaiser = kaiser / torch.special.i0(torch.tensor(self.beta, dtype=torch.float64))
        return cutoff * self.rolloff * torch.sinc(self.rolloff * position) * kaiser * inside


KAISER_BEST = SincFilter(zeros=50, rolloff=0.9173473712608761, beta=12.984585375521394)
KAISER_FAST = SincFilter(zeros=24, rolloff=0.8682120388377784, beta=9.90322434392809)


def resample(
    signal: torch.Tensor, from_rate: int, to_rate: int, low_pass: SincFilter = KAISER_BEST
) -> torch.Tensor:
    """Change the sample rate of a signal.

    Args:
        signal: (..., N) floating point.
        from_rate: its sample rate in Hz.
        to_rate: the sample rate asked for, in Hz.
        low_pass: the filter.

    Returns:
        (..., ceil(N to_rate / from_rate)); zero where that is rounded up. The signal itself where
        the rates are equal.
    """
    divisor = math.gcd(from_rate, to_rate)
    step, phases = from_rate // divisor, to_rate // divisor
    if step == phases:
        return signal
    length = signal.shape[-1]
    inside, asked = length * phases // step, -(-length * phases // step)
    # One period of the filter bank turns `step` samples into `phases`; repeated where that is too
    # few to share a frame.
    repeat = -(-_SHARED // phases)
    step, phases = step * repeat, phases * repeat
    periods = -(-asked // phases)
    cutoff = min(1.0, phases / step)
    reach = math.ceil(low_pass.zeros / cutoff)
    result = signal.new_empty(*signal.shape[:-1], periods, phases)
    for phase in range(0, phases, _SHARED):
        count = min(_SHARED, phases - phase)
        first = phase * step // phases - reach
        last = -(-(phase + count - 1) * step // phases) + reach
        taps = torch.arange(first, last + 1, dtype=torch.float64)
        positions = torch.arange(phase, phase + count, dtype=torch.float64) * step / phases
        bank = low_pass.response(taps[:, None] - positions, cutoff)
        bank = bank.to(signal.dtype).to(signal.device)
        for start in range(0, periods, _PERIODS):
            stop = min(start + _PERIODS, periods)
            piece = zero_extended(signal, start * step + first, (stop - 1) * step + last + 1)
            outputs = frame_product(piece, bank, step)
            result[..., start:stop, phase : phase + count] = outputs
    result = result.flatten(-2)[..., :asked]
    result[..., inside:] = 0
    return result


def decimate(signal: torch.Tensor, factor: int) -> torch.Tensor:
    """Divide the sample rate by ``factor`` and keep the energy: amplitudes grow by its root.

    Args:
        signal: (..., N).
        factor: 2 or 4 in the constant-Q transform.

    Returns:
        (..., ceil(N / factor)).
    """
    return resample(signal, factor, 1, KAISER_FAST).mul_(math.sqrt(factor))
