"""Cascades of second-order filters, applied by FFT.

The output is that of the recursive filter to about 1e-12: its impulse response is used until it has
decayed below double precision. numpy is enough for it; scipy.signal takes most of a second to load.
Sections are those of Bristow-Johnson's "Cookbook formulae for audio equalizer biquad filter
coefficients".
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_DECAYED = -43.0  # natural logarithm of the impulse response where it ends


class Section(NamedTuple):
    """Numerator and denominator of a second-order filter in powers of 1/z, three numbers each."""

    b: tuple[float, float, float]
    a: tuple[float, float, float]


def high_pass_section(frequency: float, q: float, rate: int) -> Section:
    """High-pass filter of a cutoff frequency (Hz) and quality ``q`` at a sample rate (Hz)."""
    w = 2 * math.pi * frequency / rate
    cos, alpha = math.cos(w), math.sin(w) / (2 * q)
    return Section(((1 + cos) / 2, -1 - cos, (1 + cos) / 2), (1 + alpha, -2 * cos, 1 - alpha))


def high_shelf_section(frequency: float, q: float, gain: float, rate: int) -> Section:
    """High shelf of a ``gain`` (dB) above a frequency (Hz) at a sample rate (Hz)."""
    w, a = 2 * math.pi * frequency / rate, 10 ** (gain / 40)
    cos, slope = math.cos(w), 2 * math.sqrt(a) * math.sin(w) / (2 * q)
    more, less = a + 1, a - 1
    return Section(
        (
            a * (more + less * cos + slope),
            -2 * a * (less + more * cos),
            a * (more + less * cos - slope),
        ),
        (more - less * cos + slope, 2 * (less - more * cos), more - less * cos - slope),
    )


def apply_sections(x: NDArray[np.float64], sections: tuple[Section, ...]) -> NDArray[np.float64]:
    """Signal (samples,) filtered from rest by a cascade, in blocks that fit into caches."""
    response, tail = _response(sections)
    size = 2 * (len(response) - 1)
    step = size - tail
    filtered = np.zeros(len(x) + tail)
    for start in range(0, len(x), step):
        block = x[start : start + step]
        part = np.fft.irfft(np.fft.rfft(block, size) * response, size)
        filtered[start : start + len(block) + tail] += part[: len(block) + tail]
    return filtered[: len(x)]


class StreamedSections:
    """Cascade that filters the blocks of a signal (samples,) from rest, as `apply_sections`."""

    def __init__(self, sections: tuple[Section, ...]) -> None:
        self.sections = sections
        self._rest = np.zeros(_response(sections)[1])  # response to what came before

    def __call__(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        """Next block, filtered."""
        filtered = apply_sections(np.pad(block, (0, len(self._rest))), self.sections)
        filtered[: len(self._rest)] += self._rest
        self._rest = filtered[len(block) :]
        return filtered[: len(block)]


@lru_cache(maxsize=8)
def _response(sections: tuple[Section, ...]) -> tuple[NDArray[np.complex128], int]:
    """Frequency response of a cascade, and the samples in which its impulse response decays."""
    radii = [np.abs(np.roots(section.a)).max() for section in sections]
    tail = sum(math.ceil(_DECAYED / math.log(radius)) for radius in radii)
    size = 1 << (4 * tail).bit_length()
    z = np.exp(-2j * np.pi / size * np.arange(size // 2 + 1))
    stages = [(b[0] + z * (b[1] + z * b[2])) / (a[0] + z * (a[1] + z * a[2])) for b, a in sections]
    return np.prod(stages, axis=0), tail
