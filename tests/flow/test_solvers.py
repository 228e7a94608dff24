"""Solvers against ordinary differential equations whose solutions are known."""

from __future__ import annotations

import math

import pytest
import torch
from torchdiffeq import odeint

from jasco.errors import SettingError
from jasco.flow import RK4, SOLVERS, Dopri5, Euler, Heun, Midpoint


def linear(t, z):
    """dz/dt = z cos(t): z(t) = z_0 exp(sin t)."""
    return z * torch.cos(t.to(z.dtype))


def logistic(t, z):
    """dz/dt = z (1 - z), autonomous and not linear."""
    return z * (1 - z)


PROBLEMS = [
    (linear, lambda z_0: z_0 * math.exp(math.sin(1.0))),
    (logistic, lambda z_0: z_0 * math.e / (1 - z_0 + z_0 * math.e)),
]


@pytest.mark.parametrize("problem", PROBLEMS, ids=["linear", "logistic"])
@pytest.mark.parametrize(
    ("solver", "order", "steps"),
    [(Euler, 1, 256), (Midpoint, 2, 64), (Heun, 2, 64), (RK4, 4, 16)],
)
def test_order_of_convergence(problem, solver, order, steps):
    field, solution = problem
    z_0 = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)

    def error(n):
        # Times are float32 in use: the error of a fine RK4 would drown in their rounding.
        default = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            return (solver(n).solve(field, z_0) - solution(z_0)).abs().max().item()
        finally:
            torch.set_default_dtype(default)

    measured = math.log2(error(steps) / error(2 * steps))
    assert measured == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize(
    ("solver", "evaluations"), [(Euler, 1), (Midpoint, 2), (Heun, 2), (RK4, 4)]
)
def test_evaluations_and_callback(solver, evaluations):
    times, steps = [], []
    solver(3).solve(
        lambda t, z: times.append(float(t)) or z * 0,
        torch.zeros(1),
        lambda step, total: steps.append((step, total)),
    )
    assert len(times) == 3 * evaluations
    assert min(times) == 0 and max(times) <= 1
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_euler_is_exact_on_a_constant_field():
    z = Euler(7).solve(lambda t, z: torch.full_like(z, 3.0), torch.zeros(2, 3, 4))
    torch.testing.assert_close(z, torch.full((2, 3, 4), 3.0))


def test_dopri5_equals_torchdiffeq():
    z_0 = torch.randn(2, 5, generator=torch.Generator().manual_seed(0))
    expected = odeint(
        linear, z_0, torch.tensor([0.0, 1 - 1e-5]), rtol=1e-5, atol=1e-5, method="dopri5"
    )[-1]
    seen = []
    found = Dopri5().solve(linear, z_0, lambda step, total: seen.append((step, total)))
    assert torch.equal(found, expected)
    assert seen == sorted(seen) and seen[-1] == (100, 100)


@pytest.mark.parametrize("name", sorted(SOLVERS))
def test_a_callback_that_raises_stops_the_run(name):
    calls = []

    def stop(step, total):
        calls.append(step)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SOLVERS[name]().solve(linear, torch.ones(2), stop)
    assert len(calls) == 1


@pytest.mark.parametrize("steps", [0, -1, 2.5, True, math.nan, "10"])
def test_steps_must_be_a_positive_whole_number(steps):
    with pytest.raises(SettingError, match="steps"):
        Euler(steps)


@pytest.mark.parametrize("tolerance", [0.0, -1e-5, math.nan, math.inf])
def test_tolerances_must_be_positive(tolerance):
    with pytest.raises(SettingError, match="tolerance"):
        Dopri5(rtol=tolerance)


@pytest.mark.parametrize("name", sorted(SOLVERS))
def test_settings_build_the_same_solver(name):
    solver = SOLVERS[name]()
    settings = dict(solver.settings())
    assert SOLVERS[settings.pop("name")](**settings) == solver
