"""Ranges of distilled guidance: weights by term, and what is refused."""

from __future__ import annotations

import pytest

from jasco.errors import ConditionError, SettingError
from jasco.flow import Guidance, GuidanceRanges

CONTROLS = ("text", "chords", "drums")
RANGES = GuidanceRanges({"all": [1, 4], "chords": [0, 2]})


def test_weights_are_in_the_order_of_the_ranges():
    assert RANGES.weights(Guidance(chords=0.5, all=3), CONTROLS) == [3.0, 0.5]
    assert RANGES.weights(Guidance(all=1), CONTROLS) == [1.0, 0.0]
    assert RANGES.weights(Guidance(**{"drums+chords+text": 2}), CONTROLS) == [2.0, 0.0]
    assert RANGES.subsets(CONTROLS) == [frozenset(CONTROLS), frozenset({"chords"})]


@pytest.mark.parametrize(
    ("guidance", "message"),
    [
        ({"all": 4.5}, r"guidance all=4.5: .* all from 1 to 4, chords from 0 to 2"),
        ({"all": 2, "chords": -0.1}, "guidance all=2,chords=-0.1: "),
        ({"chords": 1}, "guidance chords=1: "),  # all=0 is outside
        ({"all": 2, "text": 1}, "guidance all=2,text=1: "),
    ],
)
def test_weights_outside_are_refused(guidance, message):
    with pytest.raises(SettingError, match=message):
        RANGES.weights(Guidance(**guidance), CONTROLS)


def test_a_term_of_a_control_that_is_not_there():
    with pytest.raises(ConditionError, match="flute"):
        RANGES.weights(Guidance(all=2, flute=1), CONTROLS)
    with pytest.raises(ConditionError, match="chords"):
        RANGES.subsets(("text", "drums"))


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({}, "name no term"),
        ({"all": [2, 2]}, r"guidance range all=\[2, 2\]: give its lowest and highest"),
        ({"all": [3, 1]}, r"all=\[3, 1\]"),
        ({"all": 4}, r"all=\[4\]"),
        (3, "ranges are 3"),
        ({"all": [1]}, r"all=\[1\]"),
        ({"all": []}, r"all=\[\]"),
        ({"all": [1, 2, 3]}, r"all=\[1, 2, 3\]"),
        ({"all": [1, float("inf")]}, "finite"),
    ],
)
def test_ranges_that_are_none(ranges, message):
    with pytest.raises(SettingError, match=message):
        GuidanceRanges(ranges)


def test_two_names_of_one_subset():
    with pytest.raises(SettingError, match="equal controls"):
        GuidanceRanges({"all": [1, 2], "text+chords": [0, 1]}).subsets(("text", "chords"))


def test_ranges_around_a_guidance():
    ranges = GuidanceRanges.around(Guidance(all=2.5, chords=-1, text=0))
    assert dict(ranges) == {"all": (0.0, 5.0), "chords": (-2.0, 0.0)}
