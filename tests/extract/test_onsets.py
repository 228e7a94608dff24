from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from jasco.audio import Audio
from jasco.extract.onsets import FRAME_RATE, detect_onsets, onset_strength, pick_peaks
from jasco.metrics.drums import compute

RATE = 44100
# Sixteenths of a bar on which kick, snare, hi-hat and tom are struck.
PATTERNS = {
    "rock": ({0, 8}, {4, 12}, set(range(0, 16, 2)), set()),
    "four on the floor": ({0, 4, 8, 12}, {4, 12}, {2, 6, 10, 14}, set()),
    "bossa nova": ({0, 6, 8, 14}, {0, 3, 6, 10, 13}, set(range(0, 16, 2)), set()),
    "sixteenths": ({0, 7, 8}, {4, 12}, set(range(16)), set()),
    "half time": ({0, 10}, {8}, {0, 4, 8, 12}, set()),
    "toms": ({0, 3, 8}, {4}, set(), {10, 11, 12, 13, 14, 15}),
}


def stroke(kind: int, generator: np.random.Generator) -> np.ndarray:
    """Kick, snare, hi-hat or tom, synthesised."""
    length = (0.25, 0.18, 0.05, 0.25)[kind]
    t = np.arange(round(length * RATE)) / RATE
    noise = generator.normal(size=len(t))
    sound = (
        np.sin(2 * np.pi * (50 * t + 6 * (1 - np.exp(-t / 0.02)))),
        0.5 * np.sin(2 * np.pi * 190 * t) + 0.5 * noise,
        0.5 * np.diff(noise, prepend=0),
        np.sin(2 * np.pi * (110 * t + 2 * (1 - np.exp(-t / 0.03)))) + 0.1 * noise,
    )[kind]
    return sound * np.exp(-4 * t / length)


def drum_track(pattern: str, bpm: float, seconds: float = 10.0) -> tuple[Audio, list[float]]:
    generator = np.random.default_rng(0)
    track = np.zeros(round((seconds + 1) * RATE))
    onsets = set()
    for step in range(int(seconds * bpm / 15)):
        # Hands are not exact: 5 ms, together on a beat.
        place = round((step * 15 / bpm + generator.uniform(0.01, 0.015)) * RATE)
        for kind, steps in enumerate(PATTERNS[pattern]):
            if step % 16 in steps and place < seconds * RATE:
                sound = (
                    stroke(kind, generator) * generator.uniform(0.5, 1) * (1, 0.8, 0.45, 0.9)[kind]
                )
                track[place : place + len(sound)] += sound
                onsets.add(place / RATE)
    track = torch.from_numpy(track[: round(seconds * RATE)]).float()
    return Audio(track[None] / track.abs().max(), RATE), sorted(onsets)


def accompaniment(seconds: float = 10.0) -> torch.Tensor:
    """Held organ chords with vibrato, which begin on no stroke: (1, samples)."""
    t = np.arange(round(seconds * RATE)) / RATE
    sound = np.zeros_like(t)
    for start, notes in ((0.0, (48, 60, 64, 67)), (5.07, (53, 60, 65, 69))):
        held = np.clip((t - start) / 0.2, 0, 1) * np.clip((start + 5 - t) / 0.2, 0, 1)
        for note in notes:
            phase = 2 * np.pi * 440 * 2 ** ((note - 69) / 12) * t + 0.7 * np.sin(
                2 * np.pi * 5.5 * t
            )
            sound += held * sum(0.5**harmonic * np.sin(harmonic * phase) for harmonic in (1, 2, 3))
    return torch.from_numpy(sound / np.abs(sound).max()).float()[None]


@pytest.mark.parametrize("bpm", [80, 120, 150])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_strokes_are_found(pattern: str, bpm: float) -> None:
    audio, onsets = drum_track(pattern, bpm)
    assert compute(onsets, detect_onsets(audio))["f1"] >= 0.95
    # Most are not off by even half of the window.
    assert compute(onsets, detect_onsets(audio), window=0.02)["f1"] >= 0.9


@pytest.mark.parametrize("pattern", PATTERNS)
def test_strokes_are_found_in_a_mix(pattern: str) -> None:
    audio, onsets = drum_track(pattern, 120)
    mix = Audio(audio.samples + 0.5 * accompaniment(), RATE)
    assert compute(onsets, detect_onsets(mix))["f1"] >= 0.9


def test_a_gain_a_rate_and_a_second_channel_change_nothing() -> None:
    audio, _ = drum_track("rock", 120)
    expected = detect_onsets(audio)
    quiet = Audio(audio.samples / 100, RATE)
    np.testing.assert_array_equal(detect_onsets(quiet), expected)
    stereo = Audio(audio.samples.expand(2, -1), RATE)
    np.testing.assert_array_equal(detect_onsets(stereo), expected)
    for rate in (22050, 32000, 48000):
        assert compute(expected, detect_onsets(audio.resample(rate)), window=0.01)["f1"] > 0.98


def test_a_click_is_found_where_it_is() -> None:
    for place in (0.0, 0.5, 1.2345):
        samples = torch.zeros(1, 2 * RATE)
        samples[0, round(place * RATE) : round(place * RATE) + 50] = 0.5
        (found,) = detect_onsets(Audio(samples, RATE))
        assert found == pytest.approx(place, abs=0.016)


def test_vibrato_and_silence_have_no_onsets() -> None:
    sound = Audio(accompaniment(), RATE)
    # The two chords begin, within the 0.2 s of their attack, and nothing else does.
    assert len(detect_onsets(sound)) <= 2
    # A clip out of its middle begins with it, and its end is no event.
    np.testing.assert_array_less(detect_onsets(sound.crop(1.0, 3.5)), 0.02)
    for silence in (torch.zeros(1, RATE), 1e-6 * torch.randn(1, RATE), torch.zeros(1, 1)):
        assert detect_onsets(Audio(silence, RATE)).shape == (0,)


def test_peaks_are_the_highest_around_and_stand_apart() -> None:
    strength = np.zeros(100, dtype=np.float32)
    strength[[20, 22, 50, 60]] = 1.0, 0.8, 0.02, 0.5
    np.testing.assert_array_equal(pick_peaks(strength, 0.1), [20, 60])
    np.testing.assert_array_equal(pick_peaks(strength, 2.0), [])
    np.testing.assert_array_equal(pick_peaks(np.ones(50), 0.1), [])


def test_strength_has_a_column_every_5_ms() -> None:
    audio, _ = drum_track("rock", 120)
    assert onset_strength(audio).shape == (1 + int(9.984 * FRAME_RATE),)


def test_it_is_a_hundred_times_faster_than_the_music() -> None:
    audio, _ = drum_track("sixteenths", 120)
    detect_onsets(audio)
    began = time.process_time()
    detect_onsets(audio)
    assert time.process_time() - began < audio.duration / 100
