"""Velocity network v(z, t, conditions)."""

from jasco.network.graphs import GuidedVelocity, VelocityGraphs
from jasco.network.velocity import VelocityNetwork

__all__ = ["GuidedVelocity", "VelocityGraphs", "VelocityNetwork"]
