"""Gradient clipping, and detection of gradients that are not finite."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lightning.pytorch.strategies import FSDPStrategy
from torch import Tensor, nn


def gradient_norm(
    parameters: Iterable[nn.Parameter], strategy: Any, *, finite: bool = True
) -> tuple[Tensor, bool]:
    """Gradient norm of parameters, and true where it is finite on all ranks.

    Args:
        parameters: parameters; those without a gradient are skipped.
        strategy: Lightning strategy, for the exchange between ranks.
        finite: false where another value of this rank, such as the loss, is not finite.
    """
    norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    if isinstance(strategy, FSDPStrategy):  # each rank has a shard of the gradients
        norm = strategy.reduce(norm.square(), reduce_op="sum").sqrt()
    stop = not (finite and bool(norm.isfinite()))
    return norm, not strategy.reduce_boolean_decision(stop, all=False)


def clip_to_norm(parameters: Iterable[nn.Parameter], norm: Tensor, most: float | None) -> None:
    """Scale the gradients of parameters so that their norm is at most ``most``.

    Lightning refuses fused optimisers in mixed precision, because those unscale gradients
    themselves. In bfloat16 no gradient is scaled.

    Args:
        parameters: parameters of `gradient_norm`.
        norm: norm from `gradient_norm`.
        most: largest norm; ``None`` or 0 for no clipping.
    """
    if most:
        with_gradient = [p for p in parameters if p.grad is not None]
        nn.utils.clip_grads_with_norm_(with_gradient, most, norm)
