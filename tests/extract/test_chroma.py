from __future__ import annotations

import numpy as np
import pytest
import torch

from jasco.audio import Audio
from jasco.extract.chroma import SAMPLE_RATE, chroma_filters, chromagram, strongest_classes


def tone(notes: list[int], seconds: float = 1.0, rate: int = SAMPLE_RATE) -> Audio:
    t = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    sound = sum(torch.sin(2 * torch.pi * 440 * 2 ** ((note - 69) / 12) * t) for note in notes)
    return Audio((sound / len(notes))[None].float(), rate)


@pytest.mark.parametrize("note", range(60, 72))
def test_a_tone_has_its_pitch_class_in_every_octave(note: int) -> None:
    for octave in (-1, 0, 1, 2):
        classes = strongest_classes(tone([note + 12 * octave]))
        assert (classes[2:-1] == note - 60).all()


def test_a_chord_has_its_three() -> None:
    chroma = chromagram(tone([60, 64, 67]))[:, 4]
    assert set(chroma.argsort(descending=True)[:3].tolist()) == {0, 4, 7}


def test_other_rates_and_columns() -> None:
    audio = tone([69], rate=44100)
    assert (strongest_classes(audio, window=4096, hop=640) == 9).all()
    assert chromagram(audio, window=4096, hop=640).shape == (12, 50)
    assert chromagram(tone([69], seconds=0.1)).shape == (12, 1)


def test_silence_has_no_strongest_class() -> None:
    assert (strongest_classes(Audio(torch.zeros(1, 64000), SAMPLE_RATE)) == -1).all()
    half = torch.cat([tone([69]).samples, torch.zeros(1, SAMPLE_RATE)], dim=1)
    classes = strongest_classes(Audio(half, SAMPLE_RATE), window=4096, hop=640)
    assert (classes[:48] == 9).all() and (classes[54:] == -1).all()


def test_filters_have_unit_norm_but_for_the_octaves() -> None:
    filters = chroma_filters(4096).double().numpy()
    octave = np.log2(np.arange(1, 2049) * SAMPLE_RATE / 4096 / 27.5)
    expected = np.exp(-(((octave - 5) / 2) ** 2) / 2)
    np.testing.assert_allclose(np.linalg.norm(filters, axis=0)[1:], expected, rtol=1e-5)
