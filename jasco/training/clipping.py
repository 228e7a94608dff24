"""Clipping of gradients, and the end of a run whose gradients are not finite."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lightning.pytorch.strategies import FSDPStrategy
from torch import Tensor, nn


def gradient_norm(
    parameters: Iterable[nn.Parameter], strategy: Any, *, finite: bool = True
) -> tuple[Tensor, bool]:
    """Norm of the gradients of some parameters, and whether all ranks may go on.

    Args:
        parameters: those without a gradient count for nothing.
        strategy: Lightning's, which knows the other ranks.
        finite: false where this rank has met something else that is not finite.
    """
    norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    if isinstance(strategy, FSDPStrategy):  # each rank has a shard of the gradients
        norm = strategy.reduce(norm.square(), reduce_op="sum").sqrt()
    stop = not (finite and bool(norm.isfinite()))
    return norm, not strategy.reduce_boolean_decision(stop, all=False)


def clip_to_norm(parameters: Iterable[nn.Parameter], norm: Tensor, most: float | None) -> None:
    """Scale the gradients of some parameters so that their norm is at most ``most``.

    Lightning's own clipping refuses every fused optimiser in mixed precision. Its reason, gradients
    that the optimiser unscales itself, does not hold in bfloat16, where nothing is scaled.

    Args:
        parameters: those whose gradients have the norm.
        norm: as `gradient_norm` returns it.
        most: not clipped where it is ``None`` or 0.
    """
    if most:
        with_gradient = [p for p in parameters if p.grad is not None]
        nn.utils.clip_grads_with_norm_(with_gradient, most, norm)
