"""Solvers of dz/dt = v(t, z) from noise at t = 0 to data at t = 1.

A fixed-step solver is a Butcher tableau (explicit Runge-Kutta, Butcher 1963) and a number of steps.
How to choose: ``Euler`` with 50 steps is the default; a method of order 2 reaches the same accuracy
with fewer evaluations; ``Dopri5`` picks its own steps and is for reference, not for speed.
"""

from __future__ import annotations

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from jasco.errors import SettingError, shortened

if TYPE_CHECKING:  # settings are checked before torch is imported
    from torch import Tensor

Velocity: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"
"""Velocity field v(t, z) with a scalar time t and a state z of any shape."""

MAX_STEPS = 100_000
MIN_TOLERANCE = 1e-9
"""Smallest tolerance of an adaptive solver: float32 resolves about 1e-7."""

Callback = Callable[[int, int], None]
"""``callback(step, total)`` after each step; an exception in it stops the integration."""


class Solver(ABC):
    """Integrator of an ordinary differential equation over t in [0, 1].

    Attributes:
        name: key of `SOLVERS`, on the command line and in recipes.
        adaptive: step sizes follow an error estimate, which needs velocities more exact than the
            tolerance, so float32.
    """

    name: ClassVar[str]
    adaptive: ClassVar[bool] = False

    @abstractmethod
    def solve(self, velocity: Velocity, z_0: Tensor, callback: Callback | None = None) -> Tensor:
        """Integrate from ``z_0`` at t = 0; returns z at t = 1, shaped as ``z_0``."""

    @abstractmethod
    def settings(self) -> dict[str, str | int | float]:
        """Name and parameters, from which :data:`SOLVERS` rebuilds the solver."""


@dataclass(frozen=True)
class FixedStep(Solver):
    """Explicit Runge-Kutta method with ``steps`` equal steps.

    Attributes:
        steps: number of steps; the velocity is evaluated ``steps * len(nodes)`` times.

    Raises:
        SettingError: ``steps`` is no whole number from 1 to `MAX_STEPS`.
    """

    steps: int = 50

    nodes: ClassVar[tuple[float, ...]]
    matrix: ClassVar[tuple[tuple[float, ...], ...]]
    weights: ClassVar[tuple[float, ...]]

    def __post_init__(self) -> None:
        try:
            steps = -1 if isinstance(self.steps, bool) else operator.index(self.steps)
        except TypeError:
            steps = -1
        if not 1 <= steps <= MAX_STEPS:
            raise SettingError(
                f"{self.name} steps={shortened(self.steps)}: give a whole number of at least 1, at "
                f"most {MAX_STEPS:,}"
            )
        object.__setattr__(self, "steps", steps)

    def solve(self, velocity: Velocity, z_0: Tensor, callback: Callback | None = None) -> Tensor:
        h = 1.0 / self.steps
        z = z_0
        for step in range(self.steps):
            t = step / self.steps
            slopes: list[Tensor] = []
            for node, row in zip(self.nodes, self.matrix, strict=True):
                stage = _advance(z, h, row, slopes)
                slopes.append(velocity(z.new_tensor(t + node * h), stage))
            z = _advance(z, h, self.weights, slopes)
            if callback is not None:
                callback(step + 1, self.steps)
        return z

    def settings(self) -> dict[str, str | int | float]:
        return {"name": self.name, "steps": self.steps}


def _advance(z: Tensor, h: float, coefficients: tuple[float, ...], slopes: list[Tensor]) -> Tensor:
    """Sum z + h * sum_j a_j k_j; slopes of coefficient zero are skipped."""
    for a, k in zip(coefficients, slopes, strict=True):
        if a:
            z = z.add(k.to(z.dtype), alpha=h * a)
    return z


class Euler(FixedStep):
    """Euler's method, order 1."""

    name = "euler"
    nodes = (0.0,)
    matrix = ((),)
    weights = (1.0,)


class Midpoint(FixedStep):
    """Explicit midpoint rule, order 2."""

    name = "midpoint"
    nodes = (0.0, 1 / 2)
    matrix = ((), (1 / 2,))
    weights = (0.0, 1.0)


class Heun(FixedStep):
    """Heun's method (explicit trapezoid), order 2."""

    name = "heun"
    nodes = (0.0, 1.0)
    matrix = ((), (1.0,))
    weights = (1 / 2, 1 / 2)


class RK4(FixedStep):
    """The classical Runge-Kutta method, order 4."""

    name = "rk4"
    nodes = (0.0, 1 / 2, 1 / 2, 1.0)
    matrix = ((), (1 / 2,), (0.0, 1 / 2), (0.0, 0.0, 1.0))
    weights = (1 / 6, 1 / 3, 1 / 3, 1 / 6)


@dataclass(frozen=True)
class Dopri5(Solver):
    """Adaptive Dormand-Prince method of order 5(4), through torchdiffeq.

    The step size follows an error norm over the whole batch, so here, and only here, an item
    depends on the others in its batch. The callback counts hundredths of the interval, ``total`` =
    100.

    Attributes:
        rtol, atol: relative and absolute tolerance of a step.

    Raises:
        SettingError: a tolerance is no number from `MIN_TOLERANCE` to 1.
    """

    rtol: float = 1e-5
    atol: float = 1e-5

    name: ClassVar[str] = "dopri5"
    adaptive: ClassVar[bool] = True
    # JASCO was sampled up to just before t = 1.
    end: ClassVar[float] = 1.0 - 1e-5

    def __post_init__(self) -> None:
        for name in ("rtol", "atol"):
            tolerance = getattr(self, name)
            try:
                number = math.nan if isinstance(tolerance, bool | str) else float(tolerance)
            except (TypeError, ValueError, OverflowError):
                number = math.nan
            if not MIN_TOLERANCE <= number <= 1:
                raise SettingError(
                    f"dopri5 tolerance {name}={shortened(tolerance)}: give a positive number from "
                    f"{MIN_TOLERANCE:g} to 1"
                )
            object.__setattr__(self, name, number)

    def solve(self, velocity: Velocity, z_0: Tensor, callback: Callback | None = None) -> Tensor:
        from torchdiffeq import odeint

        field = _Reporting(velocity, self.end, callback)
        times = z_0.new_tensor([0.0, self.end])
        z = odeint(field, z_0, times, rtol=self.rtol, atol=self.atol, method="dopri5")[-1]
        if callback is not None:
            callback(100, 100)
        return z

    def settings(self) -> dict[str, str | int | float]:
        return {"name": self.name, "rtol": self.rtol, "atol": self.atol}


class _Reporting:
    """Velocity field whose hook reports accepted steps of torchdiffeq to a callback."""

    def __init__(self, velocity: Velocity, end: float, callback: Callback | None) -> None:
        self.velocity, self.end, self.callback = velocity, end, callback

    def __call__(self, t: Tensor, z: Tensor) -> Tensor:
        return self.velocity(t, z)

    def callback_accept_step(self, t: Tensor, z: Tensor, dt: Tensor) -> None:
        reached = int(100 * float(t + dt) / self.end)
        if self.callback is not None and reached < 100:
            self.callback(max(reached, 1), 100)


SOLVERS: dict[str, type[FixedStep] | type[Dopri5]] = {
    solver.name: solver for solver in (Euler, Midpoint, Heun, RK4, Dopri5)
}
"""Solver classes by name, for the command line and recipes."""


def make_solver(
    solver: Solver | type[Solver] | str | None = None,
    steps: int | None = None,
    *,
    default: Solver | None = None,
) -> Solver:
    """The solver that is meant by a name, a class or a solver, and a number of steps.

    Args:
        solver: name of `SOLVERS`, in any case, a class of them, or a solver; Euler's method where
            only ``steps`` is given.
        steps: number of steps, in place of the solver's own.
        default: where neither is given; ``Euler()`` if absent.

    Raises:
        SettingError: no such solver, or steps of one that chooses them itself.
    """
    if solver is None and steps is None:
        return default or Euler()
    if solver is None:
        solver = Euler
    if isinstance(solver, str):
        name = solver.strip().lower()
        if name not in SOLVERS:
            raise SettingError(
                f"solver {shortened(solver)} is unknown: give {', '.join(SOLVERS)}, or a solver "
                "such as Euler(50)"
            )
        solver = SOLVERS[name]
    if isinstance(solver, type) and solver in SOLVERS.values():
        solver = solver()
    if not isinstance(solver, Solver):
        raise SettingError(
            f"solver is {shortened(solver)}: give a name of {', '.join(SOLVERS)}, or a solver such "
            "as Euler(50)"
        )
    if steps is None:
        return solver
    if not isinstance(solver, FixedStep):
        raise SettingError(f"{solver.name} chooses its steps itself: leave steps out")
    return replace(solver, steps=steps)
