"""Solvers against ordinary differential equations whose solutions are known."""

from __future__ import annotations

import math

import pytest
import torch
from torchdiffeq import odeint

from jasco.errors import SettingError
from jasco.flow import (
    AB2,
    ABM2,
    RK4,
    SOLVERS,
    Dopri5,
    Euler,
    FixedStep,
    Heun,
    Midpoint,
    make_solver,
    shift_timesteps,
)


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
    [
        (Euler, 1, 256),
        (Midpoint, 2, 64),
        (Heun, 2, 64),
        (RK4, 4, 64),
        (AB2, 2, 512),
        (ABM2, 2, 2048),
    ],
)
@pytest.mark.parametrize("shift", [1.0, 3.0, 0.5])
def test_order_of_convergence(problem, solver, order, steps, shift):
    field, solution = problem
    z_0 = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)

    def error(n):
        # Times are float32 in use: the error of a fine RK4 would drown in their rounding.
        default = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            return (solver(n, shift).solve(field, z_0) - solution(z_0)).abs().max().item()
        finally:
            torch.set_default_dtype(default)

    measured = math.log2(error(steps) / error(2 * steps))
    assert measured == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize(
    ("solver", "evaluations"),
    [(Euler, 1), (Midpoint, 2), (Heun, 2), (RK4, 4), (AB2, 1), (ABM2, 1)],
)
@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_evaluations_and_callback(solver, evaluations, shift):
    times, steps = [], []
    solver(3, shift).solve(
        lambda t, z: times.append(float(t)) or z * 0,
        torch.zeros(1),
        lambda step, total: steps.append((step, total)),
    )
    assert len(times) == 3 * evaluations
    assert min(times) == 0 and max(times) <= 1
    assert times[::evaluations] == pytest.approx(
        [0, (1 / 3) / (shift - (shift - 1) / 3), (2 / 3) / (shift - 2 * (shift - 1) / 3)]
    )
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_a_shift_makes_steps_shorter_near_noise():
    starts, lengths = zip(*AB2(8, shift=3.0).grid(), strict=True)
    uniform = torch.arange(8) / 8
    assert starts == pytest.approx((uniform / (3 - 2 * uniform)).tolist())
    assert starts == pytest.approx(shift_timesteps(uniform, 3.0).tolist())
    assert sorted(lengths) == list(lengths) and sum(lengths) == pytest.approx(1)
    assert AB2(64, shift=3.0).grid()[0][1] == pytest.approx(1 / 3 / 64, rel=0.05)


@pytest.mark.parametrize("steps", [1, 7, 50])
def test_without_a_shift_steps_are_equal(steps):
    assert Euler(steps).grid() == [(step / steps, 1 / steps) for step in range(steps)]


def test_two_steps_of_adams_bashforth_are_those_of_the_textbook():
    """On dz/dt = t: Euler's step, then the line through both slopes, exact for this field."""
    times = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    shifted = (times / (3 - 2 * times)).tolist()
    z = 0.0
    for step, (start, end) in enumerate(zip(shifted, shifted[1:], strict=False)):
        z += (end**2 - start**2) / 2 if step else 0.0  # the first slope is 0
    found = AB2(4, shift=3.0).solve(lambda t, z: t.expand(2), torch.zeros(2))
    assert found.tolist() == pytest.approx([z, z])


def test_the_corrector_mends_the_first_step():
    """The trapezoid rule is exact for dz/dt = t, as is extrapolation from two slopes."""
    found = ABM2(4, shift=3.0).solve(lambda t, z: t.expand(2), torch.zeros(2))
    assert found.tolist() == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("shift", [0.0, -1, math.nan, math.inf, 1e3, True, "3"])
def test_a_shift_must_be_a_positive_number(shift):
    with pytest.raises(SettingError, match="ab2 shift=.* give a number from 0.01 to 100"):
        AB2(8, shift=shift)


def test_solvers_are_made_of_a_name_steps_and_a_shift():
    assert make_solver("AB2", 8, 3) == AB2(8, 3.0) != AB2(8)
    assert make_solver(shift=2.0) == Euler(shift=2.0)
    assert make_solver(Heun(9), shift=2.0) == Heun(9, 2.0)
    assert make_solver(steps=4, default=ABM2(9, 3.0)) == ABM2(4, 3.0)
    assert make_solver(steps=4, default=Dopri5()) == Euler(4)
    assert make_solver("euler", default=ABM2(9, 3.0)) == Euler()
    with pytest.raises(SettingError, match="dopri5 .* leave steps and shift out"):
        make_solver("dopri5", 8, 3.0)


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
    if isinstance(solver, FixedStep):
        assert settings == {"steps": 50}  # as recipes were before there was a shift
        shifted = type(solver)(9, shift=2.5)
        assert shifted.settings() == {"name": name, "steps": 9, "shift": 2.5}
        assert SOLVERS[name](steps=9, shift=2.5) == shifted


def test_the_table_is_found_where_it_stood():
    from jasco.flow import registry, solvers

    assert solvers.SOLVERS is registry.SOLVERS is SOLVERS
    assert solvers.make_solver is registry.make_solver is make_solver
    with pytest.raises(AttributeError, match="attribute .SOLVER.$"):
        _ = solvers.SOLVER
