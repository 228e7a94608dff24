from __future__ import annotations

import math

import numpy as np
import pytest

from jasco.errors import SettingError
from jasco.metrics.bootstrap import bootstrap
from jasco.metrics.scores import Scores
from jasco.metrics.shuffle import derangement


def test_the_interval_of_coins_is_that_of_the_binomial() -> None:
    mean, low, high, items = bootstrap([0.0, 1.0] * 200)
    assert (mean, items) == (0.5, 400)
    # 1.96 sqrt(.25 / 400) = .049; means lie .0025 apart.
    assert low == pytest.approx(0.451, abs=0.005) and high == pytest.approx(0.549, abs=0.005)


def test_it_holds_the_true_mean_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    held = 0
    for draw in range(200):
        _, low, high, _ = bootstrap(generator.normal(3, 1, size=40), resamples=300, seed=draw)
        held += low <= 3 <= high
    assert 0.89 <= held / 200 <= 0.985


def test_seeds_that_differ_widen_the_interval() -> None:
    generator = np.random.default_rng(0)
    items, seeds = generator.normal(size=(50, 1)), generator.normal(size=(1, 5))
    over_both = bootstrap(items + seeds)
    over_items = bootstrap((items + seeds).mean(axis=1))
    assert over_both.mean == pytest.approx(over_items.mean)
    assert over_both.high - over_both.low > 1.5 * (over_items.high - over_items.low)


def test_it_equals_drawing_one_by_one() -> None:
    generator = np.random.default_rng(0)
    table = generator.normal(size=(12, 8)) + generator.normal(size=8)
    table[2, 1:] = math.nan
    means = []
    for _ in range(8000):
        drawn = table[generator.integers(12, size=12)][:, generator.integers(8, size=8)]
        # An item without a value under the seeds drawn is left out.
        kept = drawn[~np.isnan(drawn).all(axis=1)]
        means.append(np.nanmean(kept, axis=1).mean())
    found = bootstrap(table, resamples=8000, level=0.9)
    expected = np.quantile(means, [0.05, 0.95])
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.1 * np.std(means))


def test_one_seed_is_no_seed() -> None:
    values = np.random.default_rng(0).normal(size=30)
    assert bootstrap(values) == bootstrap(values[:, None])


def test_undefined_items_are_left_out() -> None:
    assert bootstrap([1.0, math.nan, 3.0, math.nan]).items == 2
    assert bootstrap([1.0, math.nan, 3.0, -math.inf]) == bootstrap([1.0, 3.0])
    mixed = bootstrap([[1.0, math.nan], [2.0, 4.0], [math.nan, math.nan]])
    assert (mixed.mean, mixed.items) == (2.0, 2)


def test_one_item_and_none() -> None:
    mean, low, high, items = bootstrap([0.4])
    assert (mean, items) == (0.4, 1) and math.isnan(low) and math.isnan(high)
    assert str(bootstrap([0.4])) == "0.400 (n = 1)"
    mean, low, high, items = bootstrap([])
    assert items == 0 and math.isnan(mean)
    assert str(bootstrap([0.25, 0.25])) == "0.250 [0.250, 0.250] (n = 2)"


def test_equal_seeds_draw_equally() -> None:
    values = np.random.default_rng(0).normal(size=30)
    assert bootstrap(values, seed=3) == bootstrap(values, seed=3) != bootstrap(values, seed=4)


def test_what_makes_no_interval_is_refused() -> None:
    for values, level in ((np.zeros((2, 2, 2)), 0.95), ([1.0, 2.0], 1.0)):
        with pytest.raises(SettingError):
            bootstrap(values, level=level)


def test_a_derangement_leaves_nothing_in_its_place() -> None:
    for count in (2, 3, 10, 101):
        for seed in range(20):
            order = derangement(count, seed)
            assert sorted(order) == list(range(count))
            assert all(index != item for index, item in enumerate(order))
    assert derangement(50, 1) == derangement(50, 1) != derangement(50, 2)


def test_all_derangements_are_equally_likely() -> None:
    drawn = [tuple(derangement(4, seed)) for seed in range(1800)]
    counts = np.array([drawn.count(order) for order in set(drawn)])
    assert len(counts) == 9  # of four things
    assert ((counts - 200) ** 2 / 200).sum() < 26.1  # chi squared, 8 degrees of freedom, p = .001


def test_one_item_cannot_be_shuffled() -> None:
    with pytest.raises(SettingError, match="two or more"):
        derangement(1)


def test_scores_gather_items_seeds_and_metrics() -> None:
    scores = Scores()
    scores.add("a", {"f1": 0.5, "row": 0.1})
    scores.add("a", {"f1": 0.7}, seed=1)
    scores.add("b", {"f1": 1.0})
    scores.add("b", {"row": 0.3})
    assert (scores.items, scores.seeds, scores.names) == (["a", "b"], [0, 1], ["f1", "row"])
    np.testing.assert_equal(scores.values("f1"), [[0.5, 0.7], [1.0, math.nan]])
    summary = scores.summary()
    assert summary["f1"].mean == pytest.approx(0.8)
    assert summary["row"].mean == pytest.approx(0.2) and summary["row"].items == 2
    assert len(scores) == 3 and Scores().summary() == {}
