from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from jasco.extract.salience.resampling import KAISER_BEST, KAISER_FAST, decimate, resample


@pytest.mark.parametrize("rate", [8000, 16000, 32000, 44100, 48000, 192000, 44099])
def test_a_tone_stays_the_same_tone(rate: int) -> None:
    frequency, seconds = 440.0, 0.6
    tone = torch.sin(2 * math.pi * frequency * torch.arange(int(rate * seconds)) / rate)
    resampled = resample(tone, rate, 22050)
    assert resampled.shape[-1] == math.ceil(len(tone) * 22050 / rate)
    expected = torch.sin(2 * math.pi * frequency * torch.arange(len(resampled)) / 22050)
    inside = slice(2000, -2000)  # the ends feel the zeros around the signal
    torch.testing.assert_close(resampled[inside], expected[inside], atol=2e-4, rtol=0)


def test_what_lies_above_the_new_nyquist_frequency_is_gone() -> None:
    tone = torch.sin(2 * math.pi * 12000 / 32000 * torch.arange(32000, dtype=torch.float64))
    assert resample(tone, 32000, 22050)[500:-500].abs().max() < 1e-4


@pytest.mark.parametrize("factor", [2, 4])
def test_decimation_by_the_sum_of_its_definition(factor: int) -> None:
    signal = np.random.default_rng(0).normal(size=331)
    taps = np.arange(-24 * factor + 1, 24 * factor)
    position = taps / factor
    kaiser = np.i0(KAISER_FAST.beta * np.sqrt(1 - (position / 24) ** 2)) / np.i0(KAISER_FAST.beta)
    response = KAISER_FAST.rolloff * np.sinc(KAISER_FAST.rolloff * position) * kaiser / factor
    filtered = np.convolve(signal, response)[24 * factor - 1 :][: len(signal)]
    expected = np.zeros(math.ceil(331 / factor))
    expected[: 331 // factor] = filtered[::factor][: 331 // factor] * math.sqrt(factor)
    decimated = decimate(torch.from_numpy(signal), factor)
    np.testing.assert_allclose(decimated.numpy(), expected, rtol=1e-10)


def test_long_signals_are_resampled_in_pieces_that_fit() -> None:
    # More than 4096 periods of the filter bank, and a place far inside to compare with.
    signal = torch.randn(3_000_000, dtype=torch.float64)
    whole = resample(signal, 32000, 22050)
    piece = resample(signal[640 * 4000 : 640 * 4300], 32000, 22050)
    torch.testing.assert_close(whole[441 * 4100 : 441 * 4200], piece[441 * 100 : 441 * 200])


def test_channels_do_not_mix_and_equal_rates_change_nothing() -> None:
    signal = torch.randn(2, 3000)
    both = resample(signal, 44100, 22050)
    torch.testing.assert_close(both[1], resample(signal[1], 44100, 22050))
    assert resample(signal, 22050, 22050) is signal
    assert resample(torch.zeros(0), 32000, 22050).shape == (0,)


def test_the_response_is_zero_beyond_its_last_zero_crossing() -> None:
    response = KAISER_BEST.response(torch.tensor([0.0, 49.9, 50.0, 60.0]), 1.0)
    assert response[0].item() == pytest.approx(KAISER_BEST.rolloff)
    assert response[1] != 0
    assert (response[2:] == 0).all()


def test_golden_resampled_signal(shared: Path) -> None:
    golden = np.load(shared / "salience" / "synth_audio.npz")
    audio = torch.from_numpy(golden["audio_i16"].astype(np.float32) / 32768)
    resampled = resample(audio, int(golden["sr"]), 22050)
    np.testing.assert_allclose(resampled.numpy(), golden["y22050"], atol=2e-4, rtol=0)
