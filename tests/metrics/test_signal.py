from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from jasco.audio import Audio, loudness
from jasco.metrics.signal import NAMES, compute, measure

RATE = 32000


def audio(samples: np.ndarray, rate: int = RATE) -> Audio:
    return Audio(torch.from_numpy(np.atleast_2d(samples).astype(np.float32)), rate)


def sine(hertz: float, seconds: float = 2.0, rate: int = RATE, phase: float = 0.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate + phase)


def test_a_tone_of_a_kilohertz() -> None:
    found = measure(audio(sine(997), 32000))
    # A full-scale sine of 997 Hz in one channel has -3.01 LUFS by definition.
    assert found["loudness"] == pytest.approx(-3.01, abs=0.05)
    assert found["true_peak"] == pytest.approx(0, abs=0.05)
    assert found["clipping"] == found["silence"] == 0
    assert found["bandwidth"] == pytest.approx(997, abs=2 * RATE / 2048)


def test_the_true_peak_lies_between_samples() -> None:
    # Samples at 45, 135, ... degrees of a quarter of the rate reach .707 of its height.
    tone = 0.5 * sine(8000, phase=np.pi / 4)
    assert np.abs(tone).max() == pytest.approx(0.5 / math.sqrt(2), abs=1e-6)
    fade = np.clip(np.minimum(np.arange(64000), np.arange(64000)[::-1]) / 3200, 0, 1)
    assert measure(audio(fade * tone))["true_peak"] == pytest.approx(20 * math.log10(0.5), abs=0.05)


@pytest.mark.parametrize("drive", [1.5, 2.0, 10.0])
@pytest.mark.parametrize("level", [1.0, 0.5])
def test_clipping_is_the_part_on_flat_tops(drive: float, level: float) -> None:
    clipped = level * np.clip(drive * sine(100), -1, 1)
    expected = 1 - 2 / np.pi * math.asin(1 / drive)
    assert measure(audio(clipped))["clipping"] == pytest.approx(expected, abs=0.01)


def test_what_is_quiet_or_round_is_not_clipped() -> None:
    assert measure(audio(0.05 * np.clip(2 * sine(100), -1, 1)))["clipping"] == 0
    noise = np.random.default_rng(0).normal(size=RATE) / 5
    assert measure(audio(noise))["clipping"] == 0


def test_silence_is_a_part_of_the_time() -> None:
    half = np.concatenate([sine(440, 1.0), np.zeros(RATE), 1e-4 * sine(440, 2.0)])
    assert measure(audio(half))["silence"] == pytest.approx(0.75)
    # It has to be silent in both channels.
    stereo = np.stack([half, 0.1 * sine(440, 4.0)])
    assert measure(audio(stereo))["silence"] == 0


def test_bandwidth_of_noise() -> None:
    noise = np.random.default_rng(0).normal(size=10 * RATE) / 10
    assert measure(audio(noise))["bandwidth"] == pytest.approx(0.99 * RATE / 2, rel=0.005)
    spectrum = np.fft.rfft(noise)
    spectrum[round(4000 * 10) :] = 0
    low = np.fft.irfft(spectrum)
    assert measure(audio(low))["bandwidth"] == pytest.approx(0.99 * 4000, rel=0.01)


def test_silent_audio_and_audio_of_a_sample() -> None:
    found = measure(audio(np.zeros(RATE)))
    assert found["loudness"] == found["true_peak"] == -math.inf
    assert (found["clipping"], found["silence"], found["dc"]) == (0, 1, 0) and math.isnan(
        found["bandwidth"]
    )
    one = measure(audio(np.array([0.5])))
    assert one["silence"] == 0 and math.isnan(one["loudness"])
    assert tuple(one) == NAMES


def test_it_compares_with_a_reference() -> None:
    reference = audio(0.5 * sine(440))
    assert compute(reference, reference) == dict.fromkeys(NAMES, 0.0)
    louder = compute(reference, audio(sine(440)))
    assert louder["loudness"] == pytest.approx(6.02, abs=0.01)
    assert louder["true_peak"] == pytest.approx(6.02, abs=0.01)
    assert measure(reference)["loudness"] == loudness(reference)
    silent = audio(np.zeros(RATE))
    assert compute(silent, silent)["loudness"] == 0


def test_an_offset_is_measured_and_a_wave_has_none() -> None:
    assert measure(audio(0.5 * sine(440)))["dc"] == pytest.approx(0, abs=1e-4)
    assert measure(audio(0.5 * sine(440) - 0.25))["dc"] == pytest.approx(0.25, abs=1e-4)
    two = np.stack([0.1 * sine(440) + 0.01, 0.1 * sine(440) - 0.2])
    assert measure(audio(two))["dc"] == pytest.approx(0.2, abs=1e-4)  # channels do not cancel
