"""Velocity network v(z, t, conditions)."""

from jasco.network.graphs import VelocityGraphs
from jasco.network.guided import GuidedVelocity
from jasco.network.low_linear import LowLinear, lower_linear
from jasco.network.velocity import VelocityNetwork

__all__ = [
    "GuidedVelocity",
    "LowLinear",
    "VelocityGraphs",
    "VelocityNetwork",
    "lower_linear",
]
