"""Table of the solvers by name, and the solver that a name, a class or an object means."""

from __future__ import annotations

from dataclasses import replace

from jasco.errors import SettingError, shortened
from jasco.flow.solvers import (
    AB2,
    ABM2,
    RK4,
    Dopri5,
    Euler,
    FixedStep,
    Heun,
    Midpoint,
    Solver,
)

SOLVERS: dict[str, type[FixedStep] | type[Dopri5]] = {
    solver.name: solver for solver in (Euler, Midpoint, Heun, RK4, AB2, ABM2, Dopri5)
}
"""Solver classes by name, for the command line and recipes."""


def make_solver(
    solver: Solver | type[Solver] | str | None = None,
    steps: int | None = None,
    shift: float | None = None,
    *,
    default: Solver | None = None,
) -> Solver:
    """The solver that is meant by a name, a class or a solver, and its steps and their shift.

    Args:
        solver: name of `SOLVERS`, in any case, a class of them, or a solver.
        steps: number of steps, in place of the solver's own.
        shift: timestep shift, in place of the solver's own.
        default: where no ``solver`` is given; ``Euler()`` if absent. Steps or a shift alone are
            those of Euler's method where the default chooses its steps itself.

    Raises:
        SettingError: no such solver, or steps or a shift of one that chooses its steps itself.
    """
    given = {"steps": steps, "shift": shift}
    given = {name: value for name, value in given.items() if value is not None}
    if solver is None:
        solver = Euler() if default is None or given and default.adaptive else default
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
    if not given:
        return solver
    if not isinstance(solver, FixedStep):
        raise SettingError(
            f"{solver.name} chooses its steps itself: leave {' and '.join(given)} out"
        )
    return replace(solver, **given)  # type: ignore[arg-type]
