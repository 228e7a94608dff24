from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from jasco.extract.salience.hcqt import (
    HARMONICS,
    HarmonicCQT,
    bin_frequencies,
    log_level,
    num_frames,
    pyramid,
)


@pytest.fixture(scope="module")
def hcqt() -> HarmonicCQT:
    return HarmonicCQT()


def tone(frequency: float, seconds: float) -> torch.Tensor:
    return torch.sin(2 * math.pi * frequency * torch.arange(int(22050 * seconds)) / 22050)


@pytest.mark.parametrize("bin_", [3, 95, 200, 300, 345])
@pytest.mark.parametrize("harmonic", range(len(HARMONICS)))
def test_a_tone_stands_in_its_bin(hcqt: HarmonicCQT, harmonic: int, bin_: int) -> None:
    frequency = float(bin_frequencies()[bin_]) * HARMONICS[harmonic]
    power = hcqt.power(pyramid(tone(frequency, 4.0)), 150, 200)[harmonic]
    assert (power.argmax(dim=0) == bin_).all()


def test_columns_do_not_depend_on_where_a_stretch_is_cut(hcqt: HarmonicCQT) -> None:
    signals = pyramid(torch.randn(22050 * 8))
    frames = num_frames(22050 * 8)
    whole = hcqt.power(signals, 0, frames)
    parts = [hcqt.power(signals, i, min(i + 97, frames), 56) for i in range(0, frames, 97)]
    torch.testing.assert_close(torch.cat(parts, -1), whole[:, 56:], rtol=1e-4, atol=1e-6)


def test_tracks_of_a_batch_do_not_mix(hcqt: HarmonicCQT) -> None:
    tracks = torch.randn(2, 30001)
    both = hcqt.power(pyramid(tracks), 0, 118)
    assert both.shape == (2, 6, 360, 118)
    for track, power in zip(tracks, both, strict=True):
        torch.testing.assert_close(hcqt.power(pyramid(track), 0, 118), power)


@pytest.mark.parametrize("samples", [1, 2, 100, 5000])
def test_signals_shorter_than_a_kernel(hcqt: HarmonicCQT, samples: int) -> None:
    power = hcqt.power(pyramid(torch.randn(samples)), 0, num_frames(samples))
    assert power.shape == (6, 360, 1 + samples // 256)
    assert torch.isfinite(power).all()


def test_levels_are_relative_to_the_loudest_and_end_80_db_below() -> None:
    power = torch.tensor([1.0, 10**-4, 10**-8, 10**-9, 0.0]).view(1, 1, 5)
    level = log_level(power, torch.tensor(1.0)).flatten()
    torch.testing.assert_close(level, torch.tensor([1.0, 0.5, 0.0, 0.0, 0.0]))
    silence = log_level(torch.zeros(6, 360, 4), torch.tensor(0.0))
    assert (silence == 1).all()


def test_golden_transform(shared: Path, hcqt: HarmonicCQT) -> None:
    waveform = torch.from_numpy(np.load(shared / "salience" / "synth_audio.npz")["y22050"])
    golden = np.load(shared / "salience" / "synth_out.npz")
    np.testing.assert_allclose(bin_frequencies().numpy(), golden["freqs"], rtol=1e-12)
    power = hcqt.power(pyramid(waveform), 0, num_frames(len(waveform)))
    assert power.shape[-1] == golden["multif0"].shape[-1]
    np.testing.assert_allclose(power.max().sqrt().item(), golden["mag_max"], rtol=1e-3)
    level = log_level(power, power.max()).numpy()
    start = int(golden["slice_start"])
    piece = level[..., start : start + golden["hcqt_slice"].shape[-1]]
    np.testing.assert_allclose(piece, golden["hcqt_slice"], atol=3e-3, rtol=0)
    np.testing.assert_allclose(level.mean(-1), golden["hcqt_mean_per_h_bin"], atol=1e-3, rtol=0)
