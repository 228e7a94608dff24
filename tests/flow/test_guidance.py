"""Guidance as a weighted sum: linearity, merging of terms, and what is never computed."""

from __future__ import annotations

import math

import pytest
import torch

from jasco.errors import ConditionError, SettingError
from jasco.flow import Guidance

CONTROLS = ("text", "chords", "drums")


def weights(guidance, controls=CONTROLS):
    return {"+".join(sorted(t.controls)): round(t.weight, 9) for t in guidance.terms(controls)}


def test_the_published_form():
    assert weights(Guidance(all=1.5, text=0.5)) == {"chords+drums+text": 1.5, "text": 0.5, "": -1.0}


def test_terms_of_weight_zero_are_left_out():
    assert weights(Guidance(all=1.0)) == {"chords+drums+text": 1.0}
    assert weights(Guidance(all=5.0, text=0.0)) == {"chords+drums+text": 5.0, "": -4.0}
    assert weights(Guidance(all=0.7, text=0.2, chords=0.1)).keys() == {
        "chords+drums+text",
        "text",
        "chords",
    }
    assert weights(Guidance(all=0.0)) == {"": 1.0}


def test_any_subset_is_one_more_keyword():
    found = weights(Guidance(all=1.0, **{"chords+drums": 0.5}))
    assert found == {"chords+drums+text": 1.0, "chords+drums": 0.5, "": -0.5}


def test_equal_subsets_are_merged():
    assert weights(Guidance(all=1.0, text=2.0), controls=("text",)) == {"text": 3.0, "": -2.0}


def test_terms_that_differ_in_what_a_clip_lacks_are_one():
    terms = Guidance(all=1.5, text=3.0).terms(CONTROLS, {"text"})
    assert {tuple(t.controls): t.weight for t in terms} == {("text",): 4.5, (): -3.5}
    terms = Guidance(all=1.0, text=3.0).terms(CONTROLS, {"chords", "drums"})
    assert [(t.controls, t.weight) for t in terms] == [({"chords", "drums"}, 1.0)]
    assert [t.weight for t in Guidance(all=1.5, text=3.0).terms(CONTROLS, ())] == [1.0]


def factors(terms, items=2):
    return torch.tensor([[term.weight] * items for term in terms])


def test_combine_is_the_weighted_sum():
    terms = Guidance(all=1.5, text=0.5).terms(CONTROLS)
    velocities = torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(0))
    a, b, none = velocities
    torch.testing.assert_close(
        Guidance.combine(factors(terms), velocities), 1.5 * a + 0.5 * b - none
    )


def test_equal_velocities_are_left_as_they_are():
    """The weights sum to one, so guidance between equal velocities changes nothing."""
    terms = Guidance(all=3.0, text=-2.5, drums=1.25).terms(CONTROLS)
    v = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(Guidance.combine(factors(terms), v.repeat(len(terms), 1, 1, 1)), v)


@pytest.mark.parametrize("weight", [math.nan, math.inf, "3", None])
def test_weights_must_be_finite_numbers(weight):
    with pytest.raises(SettingError, match="finite"):
        Guidance(all=weight)


def test_no_weight_at_all():
    with pytest.raises(SettingError):
        Guidance()


@pytest.mark.parametrize("name", ["melody", "chords+melody", "", "chords+"])
def test_a_control_that_the_model_has_not(name):
    with pytest.raises(ConditionError, match="text, chords, drums"):
        Guidance(**{name: 1.0}).terms(CONTROLS)


def test_an_interval_of_flow_time() -> None:
    guidance = Guidance(all=2.5, chords=1.0, start=0.2, end=0.7)
    assert weights(guidance) == weights(Guidance(all=2.5, chords=1.0))
    assert dict(guidance) == {"all": 2.5, "chords": 1.0, "start": 0.2, "end": 0.7}
    assert Guidance.of("all=2.5,chords=1,start=0.2,end=0.7") == guidance
    assert [guidance.acts_at(t) for t in (0.0, 0.2, 0.5, 0.7, 1.0)] == [0, 1, 1, 0, 0]
    assert Guidance(all=2.0, end=0.5).interval == (0.0, 0.5)


@pytest.mark.parametrize(
    "bounds",
    [{"start": 0.5, "end": 0.5}, {"start": -0.1}, {"end": 1.5}, {"start": 0.8, "end": 0.2}],
)
def test_bounds_that_are_no_interval(bounds: dict[str, float]) -> None:
    with pytest.raises(SettingError, match="0 <= start < end <= 1"):
        Guidance(all=2.0, **bounds)


def test_bounds_alone_are_no_guidance() -> None:
    with pytest.raises(SettingError, match="at least one weight"):
        Guidance(start=0.2)
