"""Flow matching: the probability path, guidance, and the solvers. No music in here."""

from jasco.flow.guidance import Guidance, Term
from jasco.flow.path import LOSS_WEIGHTS, ConditionalPath, shift_timesteps
from jasco.flow.ranges import GuidanceRanges
from jasco.flow.registry import SOLVERS, make_solver
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

__all__ = [
    "AB2",
    "ABM2",
    "LOSS_WEIGHTS",
    "RK4",
    "SOLVERS",
    "ConditionalPath",
    "Dopri5",
    "Euler",
    "FixedStep",
    "Guidance",
    "GuidanceRanges",
    "Heun",
    "Midpoint",
    "Solver",
    "Term",
    "make_solver",
    "shift_timesteps",
]
