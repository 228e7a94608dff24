"""Reconstruction losses of a codec: waveform, short-time spectra, and mel bands.

Spectra are divided by the norm of their window, so that white noise of RMS r has the mean square
magnitude r^2 at every resolution, and levels and the floor of logarithms are comparable between
resolutions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from jasco.errors import SettingError

_OVERLAP = 4  # number of frames that contain a sample


class Spectrogram(nn.Module):
    """Complex short-time spectrum with a hop of a quarter window.

    Args:
        n_fft: window and transform length (samples).
    """

    window: Tensor

    def __init__(self, n_fft: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        window = torch.hann_window(n_fft)
        self.register_buffer("window", window / window.norm(), persistent=False)

    def forward(self, wav: Tensor) -> Tensor:
        """Spectrum (..., n_fft / 2 + 1, frames) of a waveform (..., N), complex64."""
        with torch.autocast(wav.device.type, enabled=False):
            spectrum = torch.stft(
                wav.float().flatten(0, -2),
                self.n_fft,
                self.n_fft // _OVERLAP,
                window=self.window,
                pad_mode="constant",
                return_complex=True,
            )
        return spectrum.unflatten(0, wav.shape[:-1])


class ReconstructionLoss(nn.Module):
    """Distances of waveforms and of their spectra at several resolutions.

    Args:
        sample_rate: Hz.
        n_ffts: window lengths (samples), each with n_fft / 16 mel bands.
        floor: RMS of white noise whose level is added to every band before the logarithm. Without
            it, the near-silence between notes, where the logarithm is steepest, would dominate.
    """

    def __init__(
        self, sample_rate: int, n_ffts: Sequence[int] = (2048, 512, 128), floor: float = 1e-3
    ) -> None:
        super().__init__()
        if floor <= 0:
            raise SettingError(f"floor={floor}: give an RMS above 0, 1e-3 for noise at -60 dBFS")
        self.floor = floor
        self.spectrograms = nn.ModuleList(Spectrogram(n_fft) for n_fft in n_ffts)
        for n_fft in n_ffts:
            filters = mel_filters(sample_rate, n_fft, n_fft // 16)
            self.register_buffer(f"filters_{n_fft}", filters, persistent=False)

    def forward(self, estimate: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Scalar losses of waveforms (B, channels, N); spectral ones are means over resolutions.

        - ``waveform``: mean absolute difference of samples;
        - ``stft``: mean absolute difference of magnitudes;
        - ``mel``: mean absolute difference of log mel bands;
        - ``flux``: mean squared difference of the spectral flux, the change of the log mel bands
          between adjacent windows without overlap. Squares emphasise the few frames of an attack,
          which ``mel`` alone leaves smeared.

        Args:
            estimate: (B, channels, N) reconstruction.
            target: (B, channels, N) original.
        """
        both = torch.stack([estimate.float(), target.float()])
        stft, mel, flux = [], [], []
        with torch.autocast(both.device.type, enabled=False):
            for spectrogram in self.spectrograms:
                magnitudes = spectrogram(both).abs()
                bands = self.get_buffer(f"filters_{spectrogram.n_fft}") @ magnitudes
                stft.append(_distance(magnitudes))
                levels = torch.log(bands + self.floor)
                mel.append(_distance(levels))
                changes = levels[..., _OVERLAP:] - levels[..., :-_OVERLAP]
                flux.append((changes[0] - changes[1]).square().mean())
        return {
            "waveform": _distance(both),
            "stft": torch.stack(stft).mean(),
            "mel": torch.stack(mel).mean(),
            "flux": torch.stack(flux).mean(),
        }


def _distance(pair: Tensor) -> Tensor:
    """Mean absolute difference of the two entries of a pair (2, ...)."""
    return (pair[0] - pair[1]).abs().mean()


def relative_error(estimate: Tensor, target: Tensor, floor: float) -> Tensor:
    """Logarithm of the power of the error relative to that of the target, mean over items.

    It is -0.23 times the signal-to-noise ratio (dB): quiet and loud segments weigh alike.

    Args:
        estimate: (B, channels, N) reconstruction.
        target: (B, channels, N) original.
        floor: RMS of the white noise that is added to both.
    """

    def power(wav: Tensor) -> Tensor:
        return wav.float().flatten(1).square().mean(1) + floor**2

    return (power(estimate - target) / power(target)).log().mean()


def mel_filters(sample_rate: int, n_fft: int, bands: int) -> Tensor:
    """Triangular filters (bands, n_fft / 2 + 1), evenly spaced on O'Shaughnessy's mel scale.

    Each filter sums to one: a band is the weighted mean of its bins, at their level.
    """
    top = 2595 * math.log10(1 + sample_rate / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, bands + 2, dtype=torch.float64) / 2595) - 1)
    bins = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    slopes = torch.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    filters = slopes.clamp(min=0)
    return (filters / filters.sum(dim=1, keepdim=True)).float()


def si_sdr(estimate: Tensor, target: Tensor) -> Tensor:
    """Scale-invariant signal-to-distortion ratio (dB) of each item, (B,).

    Le Roux et al., arXiv 1811.02508, equation 3, of zero-mean signals.

    Args:
        estimate: (B, channels, N) reconstruction.
        target: (B, channels, N) original.
    """
    estimate, target = (x.float().flatten(1) for x in (estimate, target))
    estimate = estimate - estimate.mean(dim=1, keepdim=True)
    target = target - target.mean(dim=1, keepdim=True)
    tiny = torch.finfo(torch.float32).tiny
    scale = (estimate * target).sum(1, keepdim=True) / target.square().sum(1, keepdim=True).clamp(
        min=tiny
    )
    signal = (scale * target).square().sum(1)
    noise = (scale * target - estimate).square().sum(1)
    return 10 * torch.log10(signal.clamp(min=tiny) / noise.clamp(min=tiny))
