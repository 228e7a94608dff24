from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from jasco.audio import Audio
from jasco.errors import MelodyError
from jasco.extract.chroma import chromagram
from jasco.metrics.chroma import compute

RATE = 32000


def published(reference: np.ndarray, estimate: np.ndarray) -> float:
    """The published definition, step by step and frame by frame, in float64.

    Reflected at both ends, a Hann window of 2^14, power, a filter bank whose weights are worked out
    one at a time, scaled by the largest, one-hot, cosine similarity of the first
    ceil(samples / hop) frames.
    """
    size, hop = 2**14, 2**12
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)

    def octaves(number: int) -> float:
        return math.log2(number * RATE / size / (440 / 16))

    bank = np.zeros((12, size // 2 + 1))
    for number in range(size // 2 + 1):
        place = 12 * octaves(number) if number else 12 * octaves(1) - 18
        following = 12 * octaves(number + 1)
        width = max(following - place, 1.0)
        weights = []
        for semitone in range(12):  # from A up
            distance = (place - semitone + 126) % 12 - 6
            weights.append(math.exp(-0.5 * (2 * distance / width) ** 2))
        scale = math.exp(-0.5 * ((place / 12 - 5) / 2) ** 2) / math.sqrt(
            sum(w * w for w in weights)
        )
        for semitone in range(12):
            bank[(semitone - 3) % 12, number] = weights[semitone] * scale

    def quantised(samples: np.ndarray) -> np.ndarray:
        padded = np.pad(samples.astype(float), size // 2, "reflect")
        frames = []
        for start in range(0, len(padded) - size + 1, hop):
            power = np.abs(np.fft.rfft(window * padded[start : start + size])) ** 2
            chroma = bank @ (power / (window**2).sum())
            chroma /= max(chroma.max(), 1e-6)
            frames.append(np.eye(12)[chroma.argmax()])
        return np.array(frames)

    count = math.ceil(len(reference) / hop)
    a, b = quantised(reference)[:count], quantised(estimate)[:count]
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(axis=1) / norms).mean())


def tones(notes: list[int], seconds: float) -> np.ndarray:
    each = np.arange(round(seconds * RATE / len(notes))) / RATE
    return np.concatenate(
        [np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * each) for note in notes]
    ).astype(np.float32)


def signals() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    generator = np.random.default_rng(0)
    scale, other = tones([60, 62, 64, 65, 67, 69], 4.0), tones([60, 62, 63, 65, 68, 69], 4.0)
    noise = generator.normal(size=70001).astype(np.float32) / 5
    bent = noise + 0.05 * tones([69], 70001 / RATE)[:70001]
    chord = (tones([60], 3.0) + tones([64], 3.0) + tones([67], 3.0)) / 3
    return {
        "two tunes": (scale, other),
        "noise, and a tone in it": (noise, bent),
        "a chord and its tune": (chord, tones([60, 67, 64, 60, 69], 3.0)[: len(chord)]),
    }


@pytest.mark.parametrize("name", signals())
def test_it_equals_the_published_definition(name: str) -> None:
    reference, estimate = signals()[name]
    length = min(len(reference), len(estimate))
    found = compute(
        *(
            chromagram(Audio(torch.from_numpy(part[:length])[None], RATE)).numpy()
            for part in (reference, estimate)
        )
    )["chroma_similarity"]
    expected = published(reference[:length], estimate[:length])
    assert found == pytest.approx(expected, abs=1e-9)
    assert 0 < expected < 1


def test_closed_form() -> None:
    reference = np.eye(12)[:, [0, 4, 7, 9]]
    assert compute(reference, reference) == {"chroma_similarity": 1.0}
    assert compute(reference, np.roll(reference, 1, axis=0))["chroma_similarity"] == 0
    assert compute(reference, np.eye(12)[:, [0, 4, 8, 10]])["chroma_similarity"] == 0.5
    assert compute(reference, 0.1 * reference)["chroma_similarity"] == 1
    assert compute(reference, np.zeros((12, 4)))["chroma_similarity"] == 0.25  # silence is C
    assert compute(reference[:, :1], reference[:, :1])["chroma_similarity"] == 1
    assert math.isnan(compute(np.zeros((12, 0)), np.zeros((12, 0)))["chroma_similarity"])
    with pytest.raises(MelodyError, match="equal"):
        compute(reference, reference[:, :3])
