"""Conditional probability path from noise to data, and the loss weights over its time.

Convention: ``z_0`` is standard normal noise at time t = 0, ``z_1`` is data at t = 1. The path is
the conditional optimal-transport path of Lipman et al., "Flow Matching for Generative Modeling"
(arXiv 2210.02747, eq. 22 and 23), as JASCO uses it (arXiv 2406.10970, section 3.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T", "Tensor", float)

LOSS_WEIGHTS: dict[str, Callable[[Tensor], Tensor]] = {
    "uniform": lambda t: t.new_ones(t.shape),
    "increasing": lambda t: 1 + t,
    "decreasing": lambda t: 2 - t,
}
"""Loss weight w(t) at flow time t, by name; JASCO was trained with ``increasing``."""


def shift_timesteps(t: T, shift: float) -> T:
    """Timestep shift (SD3, Esser et al., arXiv 2403.03206, section 5.3.2).

    Args:
        t: flow time in [0, 1], a number or a tensor of any shape.
        shift: values above 1 move times towards noise (t = 0); uniform times get the density
            ``shift`` at t = 0 and ``1 / shift`` at t = 1.
    """
    return t / (shift - (shift - 1) * t)


@dataclass(frozen=True)
class ConditionalPath:
    """Straight path z_t = (1 - (1 - sigma_min) t) z_0 + t z_1 from noise to a data point.

    Attributes:
        sigma_min: standard deviation of the path around ``z_1`` at t = 1.
    """

    sigma_min: float = 1e-5

    def sample(self, z_0: Tensor, z_1: Tensor, t: Tensor) -> Tensor:
        """Points (B, T, D) of the path from ``z_0`` to ``z_1`` (B, T, D) at times ``t`` (B,)."""
        t = t.view(-1, *[1] * (z_0.dim() - 1))
        return (1 - (1 - self.sigma_min) * t) * z_0 + t * z_1

    def velocity(self, z_0: Tensor, z_1: Tensor) -> Tensor:
        """Velocity dz_t/dt (B, T, D), the regression target, which does not depend on t."""
        return z_1 - (1 - self.sigma_min) * z_0
