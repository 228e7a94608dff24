"""SwiftF0: tunes sung by sines, with their tuning and octave."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from jasco.audio import Audio
from jasco.errors import MissingPartError
from jasco.extract.swift_f0 import extract_melody
from jasco.melody import Melody
from jasco.metrics import melody as metric

pytest.importorskip("swift_f0", reason="needs pip install 'jasco[melody]'")

RATE = 44100
TUNE = ((60, 0.5), (62, 0.5), (64, 1.0), (67, 0.75), (65, 0.5), (69, 0.75), (60, 1.0))


def sing(notes: Sequence[tuple[float, float]], up: float = 0.0, level: float = 0.2) -> Audio:
    """A sine with vibrato, a third of a semitone wide, over notes (MIDI pitch, length in s)."""
    pieces, phase = [], 0.0
    for pitch, length in notes:
        time = np.arange(round(length * RATE)) / RATE
        key = pitch + up - 69 + 0.35 * np.sin(2 * np.pi * 5.5 * time)
        turns = phase + np.cumsum(440 * 2 ** (key / 12)) / RATE
        edges = np.minimum(time / 0.03, (length - time) / 0.05).clip(max=1)
        pieces.append(np.sin(2 * np.pi * turns) * edges)
        phase = float(turns[-1])
    return Audio(torch.from_numpy(np.concatenate(pieces) * level).float()[None], RATE)


def row_share(found: Melody, up: int = 0) -> float:
    """Part of the voiced frames with the right row."""
    ends = np.cumsum([length for _, length in TUNE])
    notes = [(p + up, end - d, end) for (p, d), end in zip(TUNE, ends, strict=True)]
    true = Melody.from_notes(notes, duration=float(ends[-1])).rows().numpy()
    return metric.compute(true, found.rows().numpy())["row"]


@pytest.mark.parametrize("level", [0.9, 0.2, 0.002])
def test_a_tune_is_extracted_at_any_level(level: float) -> None:
    audio = sing(TUNE, level=level)
    found = extract_melody(audio)
    assert row_share(found) >= 0.9 and found.notices == ()
    assert found.frame_rate == 50.0 and found.roll.shape[1] == round(audio.duration * 50)


@pytest.mark.parametrize("cents, word", [(30, "sharp"), (-35, "flat")])
def test_the_tuning_of_a_voice_is_corrected_and_reported(cents: int, word: str) -> None:
    found = extract_melody(sing(TUNE, cents / 100))
    assert row_share(found) >= 0.9
    (notice,) = found.notices
    assert notice.endswith(f"cents {word}: its notes are tuned")
    assert abs(int(notice.split()[3]) - abs(cents)) <= 8


@pytest.mark.parametrize(
    "octaves, moved, words", [(-2, 1, "an octave up"), (2, 0, ""), (-1, 0, ""), (1, 0, "")]
)
def test_a_tune_outside_of_the_rows_is_moved_as_a_whole(
    octaves: int, moved: int, words: str
) -> None:
    found = extract_melody(sing(TUNE, 12 * octaves))
    assert row_share(found, 12 * (octaves + moved)) >= 0.7  # short low notes are lost in part
    assert [n for n in found.notices if n.startswith("the tune")] == (
        [f"the tune is moved {words}, to G2 to B6"] if moved else []
    )


def test_silence_and_noise_have_no_melody() -> None:
    noise = torch.randn(1, RATE, generator=torch.Generator().manual_seed(0)) * 0.1
    for samples in (torch.zeros(2, RATE), noise, torch.zeros(1, 1)):
        assert float(extract_melody(Audio(samples, RATE)).roll.sum()) == 0


def test_without_the_package_one_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "swift_f0", None)
    with pytest.raises(MissingPartError, match=r"pip install 'jasco\[melody\]'"):
        extract_melody(Audio(torch.zeros(1, RATE), RATE))
