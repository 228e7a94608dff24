"""Velocity network v(z, t, conditions)."""

from jasco.network.velocity import VelocityNetwork

__all__ = ["VelocityNetwork"]
