from __future__ import annotations

import math

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jasco.errors import SettingError
from jasco.metrics.drums import compute

BEAT = [0.5 * beat for beat in range(20)]


def test_equal_onsets_score_one() -> None:
    assert compute(BEAT, BEAT) == {"f1": 1.0, "precision": 1.0, "recall": 1.0}


@pytest.mark.parametrize("shift, f1", [(0.03, 1.0), (0.05, 1.0), (0.051, 0.0), (0.1, 0.0)])
def test_the_window_is_50_ms(shift: float, f1: float) -> None:
    assert compute(BEAT, [time + shift for time in BEAT])["f1"] == f1


def test_half_of_them_score_two_thirds() -> None:
    scores = compute(BEAT, BEAT[::2])
    assert scores == {"f1": pytest.approx(2 / 3), "precision": 1.0, "recall": 0.5}


def test_each_onset_counts_once() -> None:
    assert compute([1.0], [0.97, 1.0, 1.03])["f1"] == pytest.approx(0.5)


def test_silence_and_nothing_asked_for() -> None:
    silent = compute(BEAT, [])
    assert silent["f1"] == silent["recall"] == 0 and math.isnan(silent["precision"])
    unasked = compute([], BEAT)
    assert unasked["precision"] == 0
    assert math.isnan(unasked["f1"]) and math.isnan(unasked["recall"])
    assert all(map(math.isnan, compute([], []).values()))


times = st.lists(st.integers(0, 2000).map(lambda step: step * 0.0031), min_size=1, max_size=40)


@given(times, times)
def test_it_equals_mir_eval_called_by_hand(reference: list[float], estimate: list[float]) -> None:
    reference, estimate = sorted(reference), sorted(estimate)
    f1, precision, recall = mir_eval.onset.f_measure(np.array(reference), np.array(estimate))
    assert compute(reference, estimate) == pytest.approx(
        {"f1": f1, "precision": precision, "recall": recall}
    )


def test_what_is_no_time_is_refused() -> None:
    for wrong in ([-0.1], [math.nan], [math.inf]):
        with pytest.raises(SettingError, match="finite"):
            compute(BEAT, wrong)
