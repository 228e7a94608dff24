"""The conditional probability path from noise to data, and the weights of its loss.

Convention: ``z_0`` is standard normal noise at time t = 0, ``z_1`` is data at t = 1. The path is
the conditional optimal-transport path of Lipman et al., "Flow Matching for Generative Modeling"
(arXiv 2210.02747, eq. 22 and 23), as JASCO uses it (arXiv 2406.10970, section 3.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

LOSS_WEIGHTS: dict[str, Callable[[Tensor], Tensor]] = {
    "uniform": lambda t: t.new_ones(t.shape),
    "increasing": lambda t: 1 + t,
    "decreasing": lambda t: 2 - t,
}
"""Weight w(t) of the squared error at time t, by name; JASCO was trained with ``increasing``."""


def shifted(t: Tensor, shift: float) -> Tensor:
    """Flow times t in [0, 1], moved towards the noise at 0 by a ``shift`` above 1.

    Uniform times get the density ``shift`` at t = 0 and ``1 / shift`` at t = 1 (Esser et al.,
    "Scaling Rectified Flow Transformers", arXiv 2403.03206, section 5.3.2).
    """
    return t / (shift - (shift - 1) * t)


@dataclass(frozen=True)
class ConditionalPath:
    """Straight path z_t = (1 - (1 - sigma_min) t) z_0 + t z_1 from noise to a data point.

    Attributes:
        sigma_min: standard deviation that is left around ``z_1`` at t = 1.
    """

    sigma_min: float = 1e-5

    def sample(self, z_0: Tensor, z_1: Tensor, t: Tensor) -> Tensor:
        """Point of the path at times ``t`` (B,), for ``z_0`` and ``z_1`` of shape (B, T, D)."""
        t = t.view(-1, *[1] * (z_0.dim() - 1))
        return (1 - (1 - self.sigma_min) * t) * z_0 + t * z_1

    def velocity(self, z_0: Tensor, z_1: Tensor) -> Tensor:
        """Derivative of the path in t, the regression target (B, T, D); it does not depend on t."""
        return z_1 - (1 - self.sigma_min) * z_0
