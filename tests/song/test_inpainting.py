"""Kept frames on their path: fields of known solution."""

from __future__ import annotations

import math

import pytest
import torch

from jasco.errors import SettingError
from jasco.flow import AB2, Dopri5, Euler, Heun, Midpoint
from jasco.generation import NoiseSource
from jasco.song.inpainting import Inpainting

KEPT = torch.tensor([True, True, False, False, True])


@pytest.fixture
def ends():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 5, 3, generator=generator), torch.randn(2, 5, 3, generator=generator)


def fresh():
    noise = NoiseSource([5, 6])
    return lambda: noise.draw((5, 3))


def neighbours(t, z):
    """Linear field: each frame moves by the mean of frames 0 and 4, which are kept."""
    return z[:, [0, 4]].mean(1, keepdim=True).expand_as(z)


@pytest.mark.parametrize("solver", [Midpoint(3), Heun(2), AB2(200), Dopri5()])
@pytest.mark.parametrize("strength", [1.0, 0.6])
def test_a_linear_field_keeps_the_known_frames_and_solves_the_rest(ends, solver, strength) -> None:
    z_0, z_1 = ends
    z = Inpainting(solver, z_1, KEPT, fresh(), strength).solve(neighbours, z_0)
    start = 1 - strength
    # Dopri5 ends at t = 1 - 1e-5, so within 1e-5 of the length of the path.
    tolerance = 1e-4 if solver.adaptive else 1e-5
    torch.testing.assert_close(z[:, KEPT], z_1[:, KEPT], rtol=0, atol=tolerance)
    # The integral of the mean's straight path from ``start`` to 1.
    first, last = (((1 - t) * z_0 + t * z_1)[:, [0, 4]].mean(1) for t in (start, 1.0))
    path = (strength * (first + last) / 2)[:, None]
    expected = (1 - start) * z_0[:, ~KEPT] + start * z_1[:, ~KEPT] + path
    tolerance = 5e-3 if isinstance(solver, AB2) else tolerance
    torch.testing.assert_close(z[:, ~KEPT], expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_repeats_keep_the_known_frames_and_make_each_run_again(ends, shift) -> None:
    z_0, z_1 = ends
    steps = []
    inpainting = Inpainting(
        Euler(5, shift), z_1, KEPT, fresh(), 1.0, jump_n_sample=3, jump_length=2
    )
    z = inpainting.solve(neighbours, z_0, lambda done, total: steps.append((done, total)))
    torch.testing.assert_close(z[:, KEPT], z_1[:, KEPT], rtol=0, atol=1e-5)
    assert [done for done, _ in steps] == [2, 4, 6, 8, 10, 12, 13, 14, 15]
    assert {total for _, total in steps} == {15}


def test_repeats_of_the_exact_field_of_a_gaussian_keep_its_distribution() -> None:
    """Data N(m, s^2): the marginal velocity is known, and repeats must not change the result."""
    mean, deviation = 1.5, 0.5
    noise = NoiseSource([0])
    z_0 = noise.draw((20000, 1))

    def field(t, z):
        variance = (1 - t) ** 2 + (t * deviation) ** 2
        slope = (t * deviation**2 - (1 - t)) / variance
        return mean + slope * (z - t * mean)

    kept = torch.zeros(20000, dtype=torch.bool)
    inpainting = Inpainting(
        Midpoint(20), z_0, kept, lambda: noise.draw((20000, 1)), jump_n_sample=3, jump_length=5
    )
    z = inpainting.solve(field, z_0)
    assert math.isclose(float(z.mean()), mean, abs_tol=0.02)
    assert math.isclose(float(z.std()), deviation, abs_tol=0.02)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"strength": 0}, "strength is 0"),
        ({"strength": 2}, "strength is 2"),
        ({"strength": math.nan}, "strength is nan"),
        ({"strength": True}, "strength is True"),
        ({"jump_n_sample": 0}, "jump_n_sample is 0"),
        ({"jump_length": 1.5}, "jump_length is 1.5"),
        ({"solver": Dopri5(), "jump_n_sample": 2}, "chooses its steps itself"),
    ],
)
def test_settings_out_of_range(ends, settings, message) -> None:
    with pytest.raises(SettingError, match=message):
        Inpainting(
            **{"solver": Euler(2), "z_1": ends[1], "kept": KEPT, "noise": fresh()} | settings
        )
