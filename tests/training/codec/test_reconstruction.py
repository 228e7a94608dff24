"""Reconstruction losses on signals of known distance."""

from __future__ import annotations

import math

import pytest
import torch

from jasco.errors import SettingError
from jasco.training.codec.reconstruction import ReconstructionLoss, Spectrogram, mel_filters, si_sdr

RATE = 32000


@pytest.fixture(scope="module")
def loss():
    return ReconstructionLoss(RATE)


@pytest.fixture
def noise():
    return 0.1 * torch.randn(3, 1, RATE // 2, generator=torch.Generator().manual_seed(0))


def test_equal_signals_have_no_distance(loss, noise):
    assert all(value == 0 for value in loss(noise, noise.clone()).values())


def test_silence_equals_silence_and_differs_from_noise(loss, noise):
    silence = torch.zeros_like(noise)
    assert all(value == 0 for value in loss(silence, silence).values())
    assert all(0 < value < math.inf for value in loss(silence, noise).values())


def test_the_gradient_at_silence_is_finite(loss, noise):
    silence = torch.zeros_like(noise, requires_grad=True)
    sum(loss(silence, noise).values()).backward()
    assert silence.grad.isfinite().all()


@pytest.mark.parametrize("gain", [0.5, 2.0])
def test_a_gain_is_measured_as_such(loss, noise, gain):
    found = loss(gain * noise, noise)
    assert found["waveform"] == pytest.approx(abs(gain - 1) * noise.abs().mean().item(), rel=1e-5)
    # Noise is far above the floor, so its logarithm moves by that of the gain.
    assert found["mel"] == pytest.approx(abs(math.log(gain)), rel=0.05)
    tenfold = loss(10 * gain * noise, 10 * noise)
    for name in ("waveform", "stft"):
        assert tenfold[name] == pytest.approx(10 * found[name].item(), rel=1e-4)


def test_what_lies_below_the_floor_hardly_counts(noise):
    loss = ReconstructionLoss(RATE, floor=1e-3)
    quiet = 1e-5 * noise  # 60 dB below the floor
    assert loss(quiet, torch.zeros_like(noise))["mel"] < 1e-2
    assert loss(noise, torch.zeros_like(noise))["mel"] > 3


@pytest.mark.parametrize("n_fft", [128, 512, 2048])
def test_white_noise_has_its_own_level_at_every_resolution(n_fft, noise):
    level = Spectrogram(n_fft)(noise).abs().square()[..., 4:-4].mean().sqrt()
    assert level == pytest.approx(0.1, rel=0.03)


def test_spectra_are_float32_under_autocast(noise):
    with torch.autocast("cpu", torch.bfloat16):
        spectrum = Spectrogram(512)(noise.bfloat16())
    assert spectrum.dtype == torch.complex64


@pytest.mark.parametrize("n_fft", [128, 512, 2048])
def test_mel_bands_are_means_of_all_bins(n_fft):
    filters = mel_filters(RATE, n_fft, n_fft // 16)
    torch.testing.assert_close(filters.sum(1), torch.ones(n_fft // 16))
    assert (filters >= 0).all()
    peaks = filters.argmax(1)
    # 700 Hz is half way from 0 Hz to 2100 Hz on the mel scale.
    mels = torch.linspace(0, 2595 * math.log10(1 + 16000 / 700), n_fft // 16 + 2)[1:-1]
    centres = 700 * (10 ** (mels / 2595) - 1)
    expected = (centres / (RATE / n_fft)).round()
    assert (peaks - expected).abs().max() <= 1


def test_si_sdr_ignores_scale_and_offset():
    generator = torch.Generator().manual_seed(1)
    target = torch.randn(2, 1, 4000, generator=generator)
    target -= target.mean(-1, keepdim=True)
    other = torch.randn(2, 1, 4000, generator=generator)
    other -= other.mean(-1, keepdim=True)
    other -= (other * target).sum(-1, keepdim=True) / target.square().sum(-1, keepdim=True) * target
    other *= 0.1 * target.norm(dim=-1, keepdim=True) / other.norm(dim=-1, keepdim=True)
    found = si_sdr(3 * (target + other) + 5, target)
    torch.testing.assert_close(found, torch.full((2,), 20.0), atol=1e-3, rtol=0)


def test_si_sdr_of_silence_is_finite():
    silence, signal = torch.zeros(1, 1, 100), torch.ones(1, 1, 100).cumsum(-1)
    assert si_sdr(silence, signal).isfinite() and si_sdr(signal, silence).isfinite()


def test_a_floor_of_zero_is_refused():
    with pytest.raises(SettingError, match="floor"):
        ReconstructionLoss(RATE, floor=0.0)


def test_an_attack_that_is_smeared_shows_in_the_flux_and_a_gain_does_not(loss, noise):
    time = torch.arange(noise.shape[-1]) / RATE
    sharp = noise * (time > 0.25)
    smeared = noise * ((time - 0.2) / 0.1).clamp(0, 1)
    assert loss(smeared, sharp)["flux"] > 100 * loss(2 * noise, noise)["flux"]
