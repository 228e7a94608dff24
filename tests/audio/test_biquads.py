"""Cascades of second-order filters equal the recursive filters of scipy and pyloudnorm."""

from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest
import torch
from scipy import signal

from jasco.audio import Audio, high_pass, loudness
from jasco.audio.biquads import apply_sections, high_pass_section, high_shelf_section


def noise(channels: int, length: int) -> torch.Tensor:
    """Noise of rising level with an offset and a silent part."""
    x = torch.randn(channels, length, generator=torch.Generator().manual_seed(0))
    x = x * torch.linspace(0, 1, length) ** 2 * 0.3 + 0.05
    x[:, length // 2 : length * 7 // 10] = 0
    return x


@pytest.mark.parametrize("length", [1, 100, 70_001])
def test_a_cascade_is_the_recursive_filter(length: int) -> None:
    sections = (high_shelf_section(1500, 0.7, 4, 8000), high_pass_section(40, 0.5, 8000))
    x = noise(1, length)[0].double().numpy()
    expected = x
    for b, a in sections:
        expected = signal.lfilter(b, a, expected)
    assert np.allclose(apply_sections(x, sections), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    ("channels", "length", "rate"),
    [(1, 320_000, 32_000), (2, 100_003, 44_100), (5, 19_200, 48_000), (1, 3_200, 8_000)],
)
def test_loudness_is_that_of_pyloudnorm(channels: int, length: int, rate: int) -> None:
    x = noise(channels, length)
    meter = pyloudnorm.Meter(rate, block_size=0.4)
    expected = meter.integrated_loudness(x.T.double().numpy())
    assert loudness(Audio(x, rate)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("length", "rate"), [(320_000, 32_000), (7_001, 16_000), (9, 48_000)])
def test_the_high_pass_is_a_butterworth_filter_in_both_directions(length: int, rate: int) -> None:
    x = noise(1, length)
    corner = 20 * (2**0.5 - 1) ** (1 / 8)
    sections = signal.butter(4, corner, "highpass", fs=rate, output="sos")
    pad = min(rate // 4, length - 1)
    expected = signal.sosfiltfilt(sections, x.double().numpy(), padtype="even", padlen=pad)
    passed = high_pass(Audio(x, rate)).samples.numpy()
    assert np.allclose(passed, expected, rtol=0, atol=1e-7)
