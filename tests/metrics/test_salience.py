from __future__ import annotations

import math

import mir_eval
import numpy as np
import pytest

from jasco.errors import MelodyError
from jasco.metrics.salience import compute


def roll(rows: list[int], value: float = 1.0) -> np.ndarray:
    matrix = np.zeros((53, len(rows)))
    for frame, row in enumerate(rows):
        if row >= 0:
            matrix[row, frame] = value
    return matrix


TUNE = [20, 20, 24, 24, -1, -1]


def test_closed_form() -> None:
    same = compute(roll(TUNE), roll(TUNE))
    assert same == {
        "rpa": 1,
        "rca": 1,
        "voicing_recall": 1,
        "voicing_false_alarm": 0,
        "cosine": 1,
    }
    octave = compute(roll(TUNE), roll([32, 32, 36, 36, -1, -1]))
    assert (octave["rpa"], octave["rca"], octave["cosine"]) == (0, 1, 0)
    half = compute(roll(TUNE), roll([20, 20, 25, 25, 3, -1]))
    assert (half["rpa"], half["rca"], half["voicing_false_alarm"]) == (0.5, 0.5, 0.5)
    silent = compute(roll(TUNE), np.zeros((53, 6)))
    assert set(silent.values()) == {0}
    unasked = compute(np.zeros((53, 6)), roll(TUNE))
    assert math.isnan(unasked["rpa"]) and unasked["voicing_false_alarm"] == pytest.approx(4 / 6)
    assert compute(roll([7]), roll([7]))["rpa"] == 1
    assert all(map(math.isnan, compute(roll([]), roll([])).values()))


def test_a_pitch_counts_though_it_is_below_the_threshold() -> None:
    faint = compute(roll(TUNE), roll(TUNE, 0.2))
    assert (faint["rpa"], faint["voicing_recall"], faint["cosine"]) == (1, 0, pytest.approx(1))


def test_the_cosine_is_that_of_the_frames() -> None:
    estimate = roll([20]) + roll([30], 0.75)
    assert compute(roll([20]), estimate)["cosine"] == pytest.approx(0.8)


def test_it_equals_mir_eval_called_by_hand() -> None:
    generator = np.random.default_rng(0)
    reference = roll(list(generator.integers(-1, 53, size=300)))
    estimate = np.where(
        generator.random(300) < 0.5, reference, np.roll(reference, 12, axis=0)
    ) * generator.uniform(0.1, 1, size=300) + generator.uniform(0, 0.3, size=(53, 300))
    times = np.arange(300) / 50
    hertz = mir_eval.util.midi_to_hz(43.0 + estimate.argmax(axis=0))
    asked = mir_eval.util.midi_to_hz(43.0 + reference.argmax(axis=0))
    expected = mir_eval.melody.evaluate(
        times,
        np.where(reference.max(axis=0) > 0, asked, 0),
        times,
        np.where(estimate.max(axis=0) >= 0.5, hertz, -hertz),  # a guess, said to be silent
    )
    scores = compute(reference, estimate)
    assert scores["rpa"] == pytest.approx(expected["Raw Pitch Accuracy"])
    assert scores["rca"] == pytest.approx(expected["Raw Chroma Accuracy"])
    assert scores["voicing_recall"] == pytest.approx(expected["Voicing Recall"])
    assert scores["voicing_false_alarm"] == pytest.approx(expected["Voicing False Alarm"])


def test_other_shapes_are_refused() -> None:
    with pytest.raises(MelodyError, match="equal"):
        compute(roll(TUNE), roll(TUNE[:3]))
