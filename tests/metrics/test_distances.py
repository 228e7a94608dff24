from __future__ import annotations

import math

import numpy as np
import pytest

from jasco.embeddings.latents import Embeddings
from jasco.errors import SettingError
from jasco.metrics import frechet, kernel


def gaussian(dim: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    mix = generator.normal(size=(dim, dim)) / math.sqrt(dim)
    return generator.normal(size=dim), mix @ mix.T


def test_frechet_distance_of_gaussians_that_commute() -> None:
    # With diagonal covariances it is |m_1 - m_2|^2 + sum (s_1 - s_2)^2.
    means = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 0.0])
    deviations = np.array([1.0, 2.0, 3.0]), np.array([1.5, 0.0, 3.5])
    distance = frechet.between_gaussians(
        means[0], np.diag(deviations[0] ** 2), means[1], np.diag(deviations[1] ** 2)
    )
    assert distance == pytest.approx(5 + 0.25 + 4 + 0.25, abs=1e-10)


def test_frechet_distance_of_any_two_gaussians() -> None:
    linalg = pytest.importorskip("scipy.linalg")
    for seed in range(3):
        (mean_1, cov_1), (mean_2, cov_2) = gaussian(16, seed), gaussian(16, seed + 10)
        root = linalg.sqrtm(cov_1 @ cov_2).real
        expected = ((mean_1 - mean_2) ** 2).sum() + np.trace(cov_1 + cov_2 - 2 * root)
        assert frechet.between_gaussians(mean_1, cov_1, mean_2, cov_2) == pytest.approx(
            expected, abs=1e-4
        )
        # Turning and scaling one Gaussian into another: S_2 = 4 S_1 has the distance tr S_1.
        assert frechet.between_gaussians(mean_1, cov_1, mean_1, 4 * cov_1) == pytest.approx(
            np.trace(cov_1), abs=1e-4
        )


def test_frechet_distance_of_sets_with_exact_moments() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(size=(50, 4))
    values -= values.mean(axis=0)
    white = values @ np.linalg.inv(np.linalg.cholesky(np.cov(values, rowvar=False))).T
    assert frechet.compute(white, 2 * white + 3) == pytest.approx(4 * 9 + 4 * 1, abs=1e-8)
    assert frechet.compute(white, white) == pytest.approx(0, abs=1e-8)


def test_fewer_items_than_dimensions() -> None:
    generator = np.random.default_rng(0)
    few = generator.normal(size=(5, 40))
    assert frechet.compute(few, few) == pytest.approx(0, abs=1e-5)
    assert frechet.compute(few, few + 1) == pytest.approx(40, abs=1e-4)
    assert frechet.compute(np.array([[1.0], [3.0]]), np.array([[2.0], [4.0]])) == pytest.approx(1)


@pytest.mark.parametrize("equal", [True, False])
def test_fad_infinity_is_unbiased_and_its_interval_holds_the_truth(equal: bool) -> None:
    dim, count = 8, 200
    (mean_1, cov_1), (mean_2, cov_2) = gaussian(dim, 1), gaussian(dim, 1 if equal else 2)
    truth = frechet.between_gaussians(mean_1, cov_1, mean_2, cov_2)
    generator = np.random.default_rng(0)
    found, plain, held = [], [], 0
    for seed in range(40):
        reference = generator.multivariate_normal(mean_1, cov_1, size=count)
        estimate = generator.multivariate_normal(mean_2, cov_2, size=count)
        plain.append(frechet.compute(reference, estimate))
        interval = frechet.extrapolate(reference, estimate, seed=seed)
        found.append(interval.mean)
        held += interval.low <= truth <= interval.high
    error = np.std(found, ddof=1) / math.sqrt(len(found))
    assert abs(np.mean(found) - truth) <= 3 * error
    assert held >= 36  # of 40; a true 95 % falls below this once in thirty
    if equal:  # where the plain distance is plainly too large
        assert np.mean(plain) > truth + 10 * error


def test_fad_infinity_is_unbiased_for_sets_of_other_sizes() -> None:
    generator = np.random.default_rng(0)
    found = [
        frechet.extrapolate(generator.normal(size=(80, 6)), generator.normal(size=(300, 6))).mean
        for _ in range(40)
    ]
    assert abs(np.mean(found)) <= 3 * np.std(found, ddof=1) / math.sqrt(len(found))


def test_few_items_have_no_interval_and_fewer_no_value() -> None:
    values = np.random.default_rng(0).normal(size=(39, 2))
    interval = frechet.extrapolate(values, values + 1)
    assert math.isfinite(interval.mean) and math.isnan(interval.low) and interval.items == 39
    with pytest.raises(SettingError, match="four"):
        frechet.extrapolate(values[:3], values)


def test_equal_seeds_draw_equal_subsets() -> None:
    values = np.random.default_rng(0).normal(size=(60, 3))
    one, same, other = (frechet.extrapolate(values, values[::-1] + 1, seed=s) for s in (1, 1, 2))
    assert one == same != other


def test_kad_by_hand() -> None:
    reference, estimate = np.array([[0.0], [2.0]]), np.array([[0.0], [1.0], [3.0]])

    def k(distance: float) -> float:
        return math.exp(-(distance**2) / 8)  # the only distance in the reference is 2

    across = [k(abs(a - b)) for a in (0, 2) for b in (0, 1, 3)]
    expected = 100 * (k(2) + (k(1) + k(3) + k(2)) / 3 - 2 * sum(across) / 6)
    assert kernel.compute(reference, estimate) == pytest.approx(expected)
    assert kernel.compute(reference, estimate, bandwidth=2) == pytest.approx(expected)


def test_kad_in_closed_form() -> None:
    # Two points whose distance is the bandwidth, so that their kernel is e^(-1/2).
    pair, kernel_of_pair = np.array([[0.0, 0.0], [0.0, 3.0]]), math.exp(-0.5)
    far = pair + [1e6, 0.0]
    equal, half, shifted = (
        100 * (kernel_of_pair - 1),
        50 * (kernel_of_pair - 1),
        200 * kernel_of_pair,
    )
    assert kernel.compute(pair, pair) == pytest.approx(equal)
    assert kernel.compute(pair, np.stack([pair[0], far[1]])) == pytest.approx(half)
    assert kernel.compute(pair, far) == pytest.approx(shifted)


def test_kad_has_mean_zero_for_equal_distributions_and_rises_with_their_distance() -> None:
    generator = np.random.default_rng(0)
    draws = [
        kernel.compute(generator.normal(size=(40, 8)), generator.normal(size=(60, 8)))
        for _ in range(300)
    ]
    assert abs(np.mean(draws)) <= 3 * np.std(draws, ddof=1) / math.sqrt(len(draws))
    assert min(draws) < 0 < max(draws)
    reference = generator.normal(size=(200, 8))
    rising = [kernel.compute(reference, generator.normal(d, 1, (200, 8))) for d in (0, 0.3, 0.6, 3)]
    assert rising == sorted(rising) and rising[-1] > 10 * rising[1]


@pytest.mark.parametrize("distance", [frechet.compute, frechet.extrapolate, kernel.compute])
def test_what_makes_no_sets_is_refused(distance: object) -> None:
    assert callable(distance)
    good = np.random.default_rng(0).normal(size=(10, 3))
    for wrong in (good[:1], good[:, :2], good[0], np.full((10, 3), np.nan)):
        with pytest.raises(SettingError):
            distance(good, wrong)


def test_a_reference_of_one_point_has_no_bandwidth() -> None:
    with pytest.raises(SettingError, match="differ"):
        kernel.compute(np.ones((4, 2)), np.eye(2))


def test_embeddings_gather_both_sets() -> None:
    generator = np.random.default_rng(0)
    reference, estimate = generator.normal(size=(50, 3)), generator.normal(1, 1, size=(44, 3))
    gathered = Embeddings()
    with pytest.raises(SettingError, match="no embeddings of any reference"):
        gathered.summary()
    gathered.add(reference=reference[:20], estimate=estimate)
    gathered.add(reference=reference[20:-1])
    gathered.add(reference=reference[-1])
    np.testing.assert_array_equal(gathered.reference, reference)
    np.testing.assert_array_equal(gathered.estimate, estimate)
    assert gathered.summary() == {
        "fad": frechet.compute(reference, estimate),
        "fad_infinity": frechet.extrapolate(reference, estimate),
        "kad": kernel.compute(reference, estimate),
    }
