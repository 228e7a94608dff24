"""Solvers of dz/dt = v(t, z) from noise at t = 0 to data at t = 1.

A fixed-step solver is a method and a grid of times: explicit Runge-Kutta (Butcher 1963), or a
two-step Adams method, which reaches order 2 with one evaluation a step. How to choose: ``ABM2``
with ``shift=3`` and 9 to 16 steps, the more the stronger the guidance, comes nearest to the exact
solution for its evaluations; ``Euler`` with 50 steps is how published models were sampled;
``Dopri5`` picks its own steps and is for reference, not for speed.
"""

from __future__ import annotations

import itertools
import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from jasco.errors import SettingError, shortened
from jasco.flow.path import shift_timesteps

if TYPE_CHECKING:  # settings are checked before torch is imported
    from torch import Tensor

Velocity: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"
"""Velocity field v(t, z) with a scalar time t and a state z of any shape."""

MAX_STEPS = 100_000
MAX_SHIFT = 100.0
"""Largest timestep shift of a grid, and the inverse of the smallest."""
MIN_TOLERANCE = 1e-9
"""Smallest tolerance of an adaptive solver: float32 resolves about 1e-7."""

Callback = Callable[[int, int], None]
"""``callback(step, total)`` after each step; an exception in it stops the integration."""


@dataclass(frozen=True)
class TimedVelocity:
    """Velocity field that depends on flow time in what is computed.

    Solvers of fixed steps choose by the time on the host (see `velocity_at`), so that it never
    waits for the time on its device.
    """

    choose: Callable[[float], Velocity]

    def __call__(self, t: Tensor, z: Tensor) -> Tensor:
        """Velocity (B, T, D) at latents z (B, T, D) and a scalar time t."""
        return self.choose(float(t))(t, z)


def velocity_at(velocity: Velocity, t: float) -> Velocity:
    """Field at flow time ``t``, for `TimedVelocity`; others are the same at all times."""
    return velocity.choose(t) if isinstance(velocity, TimedVelocity) else velocity


class Solver(ABC):
    """Integrator of an ordinary differential equation over t in [0, 1].

    Attributes:
        name: key of `jasco.flow.SOLVERS`, on the command line and in recipes.
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
        """Name and parameters, from which `jasco.flow.SOLVERS` rebuilds the solver."""


@dataclass(frozen=True)
class FixedStep(Solver):
    """Solver on a fixed grid of ``steps`` steps.

    Attributes:
        steps: number of steps.
        shift: timestep shift (SD3, arXiv 2403.03206, section 5.3.2) of the grid, see
            `shift_timesteps`: 1 for equal steps; above 1, steps are shorter near noise (t = 0),
            the first ``shift`` times.

    Raises:
        SettingError: ``steps`` is no whole number from 1 to `MAX_STEPS`, or ``shift`` no number
            from 1 / `MAX_SHIFT` to `MAX_SHIFT`.
    """

    steps: int = 50
    shift: float = 1.0

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
        shift = _number(self.shift)
        if not 1 / MAX_SHIFT <= shift <= MAX_SHIFT:
            raise SettingError(
                f"{self.name} shift={shortened(self.shift)}: give a number from {1 / MAX_SHIFT:g} "
                f"to {MAX_SHIFT:g}, 1 for equal steps"
            )
        object.__setattr__(self, "steps", steps)
        object.__setattr__(self, "shift", shift)

    def grid(self) -> list[tuple[float, float]]:
        """Start and length of each step."""
        starts = [shift_timesteps(step / self.steps, self.shift) for step in range(self.steps)]
        if self.shift == 1.0:
            return [(t, 1.0 / self.steps) for t in starts]
        return [(t, end - t) for t, end in itertools.pairwise([*starts, 1.0])]

    def settings(self) -> dict[str, str | int | float]:
        shift = {} if self.shift == 1.0 else {"shift": self.shift}
        return {"name": self.name, "steps": self.steps, **shift}


def _number(value: object) -> float:
    """The value as a float; NaN where it is no number."""
    try:
        return math.nan if isinstance(value, bool | str) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.nan


class RungeKutta(FixedStep):
    """Explicit Runge-Kutta method of a Butcher tableau; ``steps * len(nodes)`` evaluations."""

    nodes: ClassVar[tuple[float, ...]]
    matrix: ClassVar[tuple[tuple[float, ...], ...]]
    weights: ClassVar[tuple[float, ...]]

    def solve(self, velocity: Velocity, z_0: Tensor, callback: Callback | None = None) -> Tensor:
        z, grid = z_0, self.grid()
        # All times in one copy to the device: one each would make the host wait at every step.
        times = z_0.new_tensor([[t + node * h for node in self.nodes] for t, h in grid])
        for step, (t, h) in enumerate(grid):
            slopes: list[Tensor] = []
            for stage, (node, row) in enumerate(zip(self.nodes, self.matrix, strict=True)):
                field = velocity_at(velocity, t + node * h)
                slopes.append(field(times[step, stage], _advance(z, h, row, slopes)))
            z = _advance(z, h, self.weights, slopes)
            if callback is not None:
                callback(step + 1, self.steps)
        return z


def _advance(
    z: Tensor, h: float, coefficients: Sequence[float], slopes: Sequence[Tensor]
) -> Tensor:
    """Sum z + h * sum_j a_j k_j; slopes of coefficient zero are skipped."""
    for a, k in zip(coefficients, slopes, strict=True):
        if a:
            z = z.add(k.to(z.dtype), alpha=h * a)
    return z


class Euler(RungeKutta):
    """Euler's method, order 1."""

    name = "euler"
    nodes = (0.0,)
    matrix = ((),)
    weights = (1.0,)


class Midpoint(RungeKutta):
    """Explicit midpoint rule, order 2."""

    name = "midpoint"
    nodes = (0.0, 1 / 2)
    matrix = ((), (1 / 2,))
    weights = (0.0, 1.0)


class Heun(RungeKutta):
    """Heun's method (explicit trapezoid), order 2."""

    name = "heun"
    nodes = (0.0, 1.0)
    matrix = ((), (1.0,))
    weights = (1 / 2, 1 / 2)


class RK4(RungeKutta):
    """The classical Runge-Kutta method, order 4."""

    name = "rk4"
    nodes = (0.0, 1 / 2, 1 / 2, 1.0)
    matrix = ((), (1 / 2,), (0.0, 1 / 2), (0.0, 0.0, 1.0))
    weights = (1 / 6, 1 / 3, 1 / 3, 1 / 6)


class AB2(FixedStep):
    """Adams-Bashforth method of two steps, order 2, one evaluation a step.

    Each step extrapolates linearly from the last two velocities, at the lengths of their steps; the
    first step is Euler's (Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I,
    section III.5).
    """

    name = "ab2"
    corrects: ClassVar[bool] = False

    def solve(self, velocity: Velocity, z_0: Tensor, callback: Callback | None = None) -> Tensor:
        z, grid = z_0, self.grid()
        times = z_0.new_tensor([t for t, _ in grid])
        start, length, previous = z_0, 0.0, None  # state, length and velocity of the step before
        for step, (t, h) in enumerate(grid):
            slope = velocity_at(velocity, t)(times[step], z)
            if previous is None:
                start, z = z, _advance(z, h, (1.0,), (slope,))
            else:
                if self.corrects:
                    z = _advance(start, length, (1 / 2, 1 / 2), (previous, slope))
                ratio = h / length / 2
                start, z = z, _advance(z, h, (-ratio, 1 + ratio), (previous, slope))
            previous, length = slope, h
            if callback is not None:
                callback(step + 1, self.steps)
        return z


class ABM2(AB2):
    """Adams-Bashforth-Moulton predictor-corrector of order 2 (PEC), one evaluation a step.

    The step of `AB2` predicts; the velocity there, which the next step needs anyway, corrects it by
    the trapezoid rule. The last step is not corrected, which would take one more evaluation.
    """

    name = "abm2"
    corrects = True


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
            number = _number(tolerance)
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


def __getattr__(name: str) -> Any:
    """Table of solvers and their lookup, which stood here up to 0.1.0."""
    if name not in ("SOLVERS", "make_solver"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from jasco.flow import registry

    return getattr(registry, name)
