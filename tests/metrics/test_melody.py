from __future__ import annotations

import math

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jasco.errors import MelodyError
from jasco.metrics.melody import compute, compute_pitch_classes

TUNE = np.array([20] * 10 + [-1] * 5 + [24] * 10)


def test_an_equal_melody() -> None:
    assert compute(TUNE, TUNE) == {
        "row": 1.0,
        "pitch_class": 1.0,
        "voicing_recall": 1.0,
        "voicing_false_alarm": 0.0,
        "overall": 1.0,
    }


def test_an_octave_above_only_the_pitch_class_is_right() -> None:
    scores = compute(TUNE, np.where(TUNE < 0, -1, TUNE + 12))
    assert scores["row"] == 0 and scores["pitch_class"] == 1
    assert scores["overall"] == pytest.approx(5 / 25)


def test_a_semitone_above_nothing_is_right_but_the_voicing() -> None:
    scores = compute(TUNE, np.where(TUNE < 0, -1, TUNE + 1))
    assert scores["row"] == scores["pitch_class"] == 0 and scores["voicing_recall"] == 1


def test_a_shift_costs_the_frames_it_moves() -> None:
    scores = compute(TUNE, np.concatenate([[-1, -1], TUNE[:-2]]))
    assert scores["row"] == pytest.approx(16 / 20)
    assert scores["voicing_false_alarm"] == pytest.approx(2 / 5)


def test_half_right() -> None:
    half = TUNE.copy()
    half[:10] = 30
    assert compute(TUNE, half)["row"] == 0.5


def test_silence_and_nothing_asked_for() -> None:
    silence = np.full(25, -1)
    scores = compute(TUNE, silence)
    assert scores["row"] == scores["pitch_class"] == scores["voicing_recall"] == 0
    scores = compute(silence, TUNE)
    assert math.isnan(scores["row"]) and scores["voicing_false_alarm"] == pytest.approx(20 / 25)
    assert all(map(math.isnan, compute([], []).values()))
    assert compute([7], [7])["row"] == 1


def test_silence_has_no_pitch_class() -> None:
    # -1 and 11 differ by an octave.
    assert compute([11], [-1])["pitch_class"] == 0


def test_pitch_classes_alone() -> None:
    scores = compute_pitch_classes([0, 4, 7, -1], [0, 4, 11, 7])
    assert scores == {
        "pitch_class": pytest.approx(2 / 3),
        "voicing_recall": 1.0,
        "voicing_false_alarm": 1.0,
    }


rows = st.lists(st.tuples(st.integers(-1, 52), st.integers(-1, 52)), min_size=2, max_size=40)


@pytest.mark.filterwarnings("ignore:.*melody has no voiced frames")
@given(rows)
def test_it_equals_mir_eval_called_by_hand(pairs: list[tuple[int, int]]) -> None:
    reference, estimate = np.array(pairs).T
    times = np.arange(len(reference)) / 50

    def hertz(melody: np.ndarray) -> np.ndarray:
        return np.where(melody < 0, 0, mir_eval.util.midi_to_hz(melody + 43.0))

    # mir_eval's tolerance of 50 cents takes two notes a semitone apart for different.
    expected = mir_eval.melody.evaluate(times, hertz(reference), times, hertz(estimate))
    scores = compute(reference, estimate)
    if (reference >= 0).any():
        assert scores["row"] == pytest.approx(expected["Raw Pitch Accuracy"])
        assert scores["pitch_class"] == pytest.approx(expected["Raw Chroma Accuracy"])
        assert scores["voicing_recall"] == pytest.approx(expected["Voicing Recall"])
    if (reference < 0).any():
        assert scores["voicing_false_alarm"] == pytest.approx(expected["Voicing False Alarm"])
    if (reference >= 0).any() or (estimate >= 0).any():
        assert scores["overall"] == pytest.approx(expected["Overall Accuracy"])


@pytest.mark.parametrize("wrong", [[0.5] * 25, [[1, 2]], [-2] * 25, [53] * 25, [1]])
def test_what_is_no_melody_of_the_same_length_is_refused(wrong: list) -> None:
    with pytest.raises(MelodyError):
        compute(TUNE, wrong)
