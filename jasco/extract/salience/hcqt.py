"""Harmonic constant-Q transform, input of deep salience (Bittner et al., ISMIR 2017, 3.1).

Six constant-Q transforms of one signal, whose lowest bins lie at 32.7 h Hz for the harmonics
h = 1/2, 1, 2, 3, 4, 5, stacked so that a pitch and its harmonics share a bin. Each has six octaves
of 60 bins, and one column every 256 samples of 22050 Hz.

The network was trained on one particular transform, the recursive one of Schörkhuber and Klapuri
(SMC 2010). The kernel of the top octave serves every octave, each on the
signal decimated once more; the transforms with low tops start on a decimated signal. Kernels lack
the smallest 1 % of their spectrum and all negative frequencies; signals are mirrored at both ends.
A kernel is used in the time domain here, where its product with a frame is one real matrix product,
and equal kernels on equal signals (five octaves of h = 1 and h = 2) are computed once.

Levels are in dB below the loudest bin of the whole track, over all harmonics: 0 dB is 1, and -80 dB
and less is 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch

from jasco.extract.salience.framing import frame_product, reflected
from jasco.extract.salience.resampling import decimate

SAMPLE_RATE = 22050
HOP = 256
FRAME_RATE = SAMPLE_RATE / HOP  # 86.1328 Hz

HARMONICS = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
F_MIN = 32.7  # the original's rounding of C1, 32.7032 Hz
OCTAVES = 6
BINS_PER_OCTAVE = 60
BINS = OCTAVES * BINS_PER_OCTAVE
Q = 1 / (2 ** (1 / BINS_PER_OCTAVE) - 1)

SPARSITY = 0.01  # fraction of a kernel's spectral magnitude that is dropped
MINIMUM = 1e-5  # smallest magnitude that counts
DYNAMIC_RANGE = 80.0  # dB

# Decimations of the signal that the transforms read: halved six times, and, for h = 1/2, divided
# by four at once and then halved five times.
_HALVED = tuple(2**i for i in range(7))
_QUARTERED = tuple(4 * 2**i for i in range(6))


def bin_frequencies() -> torch.Tensor:
    """Centre frequencies (360,) of the bins in Hz, float64, as the fundamental h = 1 has them."""
    return F_MIN * 2 ** (torch.arange(BINS, dtype=torch.float64) / BINS_PER_OCTAVE)


def num_frames(num_samples: int) -> int:
    """Columns of the transform of ``num_samples`` samples at 22050 Hz."""
    return 1 + num_samples // HOP


def pyramid(waveform: torch.Tensor) -> list[torch.Tensor]:
    """Signal at every sample rate that the transforms use.

    Args:
        waveform: (..., N) at 22050 Hz.

    Returns:
        13 signals: N decimated by 1, 2, ..., 64, then, through another filter, by 4, 8, ..., 128.
        Together they hold 2.5 N samples.
    """
    signals = [waveform]
    while len(signals) < len(_HALVED):
        signals.append(decimate(signals[-1], 2))
    signals.append(decimate(waveform, 4))
    while len(signals) < len(_HALVED) + len(_QUARTERED):
        signals.append(decimate(signals[-1], 2))
    return signals


@dataclass(frozen=True)
class _Octave:
    """Source of one octave of one harmonic.

    Attributes:
        harmonic: index into ``HARMONICS``.
        first_bin: its lowest bin.
        signal: index into the pyramid.
        top: lowest frequency (Hz) of the octave whose kernel serves it.
        rate: sample rate (Hz) that the kernel is made for.
    """

    harmonic: int
    first_bin: int
    signal: int
    top: float
    rate: float

    @property
    def kernel(self) -> tuple[int, float]:
        """Signal and relative frequency; octaves with equal ones have equal values."""
        return self.signal, self.top / self.rate


def _octaves() -> list[_Octave]:
    octaves = []
    for index, harmonic in enumerate(HARMONICS):
        early = {0.5: 4, 1.0: 2}.get(harmonic, 1)
        start = len(_HALVED) if early == 4 else _HALVED.index(early)
        for below in range(OCTAVES):
            top, halvings = F_MIN * harmonic * 2 ** (OCTAVES - 1), below
            if harmonic == 5.0 and below > 0:
                # Too close to the Nyquist frequency to be decimated after the first octave: the
                # second has a kernel of its own at the full rate.
                top, halvings = top / 2, below - 1
            first_bin = (OCTAVES - 1 - below) * BINS_PER_OCTAVE
            octaves.append(_Octave(index, first_bin, start + halvings, top, SAMPLE_RATE / early))
    return octaves


@lru_cache
def _kernel(top: float, rate: float) -> torch.Tensor:
    """Kernel (window, 60) of one octave in the time domain, complex128, to multiply frames with.

    The coefficients are divided by the root of their atom's length. In lower octaves the original
    counts the atoms as longer, and raises the kernel by the root of two each: the two cancel.
    """
    frequencies = top * 2 ** (torch.arange(BINS_PER_OCTAVE, dtype=torch.float64) / BINS_PER_OCTAVE)
    lengths = Q * rate / frequencies
    window = 2 ** math.ceil(math.log2(lengths.max().item()))
    atoms = torch.zeros(BINS_PER_OCTAVE, window, dtype=torch.complex128)
    for atom, frequency, length in zip(atoms, frequencies.tolist(), lengths.tolist(), strict=True):
        time = torch.arange(math.floor(-length / 2), math.floor(length / 2), dtype=torch.float64)
        hann = torch.hann_window(len(time), periodic=True, dtype=torch.float64)
        values = torch.polar(hann, 2 * math.pi * frequency / rate * time)
        begin = (window - len(time)) // 2
        atom[begin : begin + len(time)] = values / values.abs().sum() * (length / window)
    spectrum = torch.fft.fft(atoms)[:, : window // 2 + 1]
    magnitude = spectrum.abs()
    ranked = magnitude.sort(dim=1).values
    share = ranked.cumsum(1) / ranked.sum(1, keepdim=True)
    threshold = ranked.gather(1, (share >= SPARSITY).int().argmax(1, keepdim=True))
    spectrum = torch.where(magnitude >= threshold, spectrum, 0)
    # The transform is K D, with D the Fourier transform of a frame. D is symmetric, so the product
    # of the two matrices is the Fourier transform of the rows of K.
    return torch.fft.fft(spectrum, n=window).T / lengths.sqrt()


@dataclass(frozen=True)
class _Band:
    """Octaves of one signal with windows of one length.

    Attributes:
        signal: index into the pyramid.
        hop: distance between frames in samples of that signal.
        basis: (window, 2 columns): real parts of the kernels, then imaginary parts.
        places: (first column, harmonic, first bin) of each octave.
    """

    signal: int
    hop: int
    basis: torch.Tensor
    places: Sequence[tuple[int, int, int]]


def _bands(device: torch.device) -> list[_Band]:
    kernels: dict[tuple[int, int], dict[tuple[int, float], torch.Tensor]] = {}
    places: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    for octave in _octaves():
        kernel = _kernel(octave.top, octave.rate)
        key = octave.signal, kernel.shape[0]
        known = kernels.setdefault(key, {})
        known.setdefault(octave.kernel, kernel)
        column = list(known).index(octave.kernel) * BINS_PER_OCTAVE
        places.setdefault(key, []).append((column, octave.harmonic, octave.first_bin))
    bands = []
    for (signal, _), known in kernels.items():
        kernel = torch.cat(list(known.values()), dim=1)
        basis = torch.cat([kernel.real, kernel.imag], dim=1).to(device, torch.float32)
        hop = HOP // (_HALVED + _QUARTERED)[signal]
        bands.append(_Band(signal, hop, basis, places[signal, kernel.shape[0]]))
    return bands


class HarmonicCQT:
    """Harmonic constant-Q transform, with its kernels on one device.

    A range of columns is computed from the `pyramid` of the whole track, and does not depend on the
    limits of the range.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self._bands = _bands(torch.device(device))

    def power(
        self, signals: Sequence[torch.Tensor], start: int, stop: int, first_bin: int = 0
    ) -> torch.Tensor:
        """Squared magnitudes of the columns ``start`` to ``stop``.

        Args:
            signals: the `pyramid` of (..., N) samples.
            start: first column.
            stop: one past the last column.
            first_bin: lowest bin wanted.

        Returns:
            (..., 6, 360 - first_bin, stop - start), in memory with time first and harmonics last,
            as the network reads it.
        """
        batch = signals[0].shape[:-1]
        result = signals[0].new_empty(*batch, stop - start, BINS - first_bin, len(HARMONICS))
        for band in self._bands:
            window = band.basis.shape[0]
            piece = reflected(
                signals[band.signal],
                start * band.hop - window // 2,
                (stop - 1) * band.hop + window // 2,
            )
            real, imaginary = frame_product(piece, band.basis, band.hop).square_().chunk(2, dim=-1)
            power = real.add_(imaginary)
            for column, harmonic, lowest in band.places:
                skipped = min(max(first_bin - lowest, 0), BINS_PER_OCTAVE)
                octave = power[..., column + skipped : column + BINS_PER_OCTAVE]
                begin = lowest + skipped - first_bin
                result[..., begin : begin + octave.shape[-1], harmonic] = octave
        return result.movedim(-1, -3).transpose(-1, -2)


def log_level(power: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Levels relative to the loudest bin of the track, from 0 (-80 dB) to 1.

    Args:
        power: (..., 6, bins, T) squared magnitudes; overwritten.
        reference: (...) the largest power in the track. In a silent track all bins equal
            the reference, level 1, for which the network gives no salience.
    """
    floor = MINIMUM**2
    scale = 10 / DYNAMIC_RANGE
    level = power.clamp_(min=floor).log10_().mul_(scale)
    level += 1 - scale * reference[..., None, None, None].clamp(min=floor).log10()
    return level.clamp_(min=0)
