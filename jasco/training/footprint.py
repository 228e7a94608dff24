"""Footprint of a training: parameters by part, and expected memory on each device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from jasco.model import Jasco

# Activations that a layer stores for the backward pass, per frame and unit of width: the inputs of
# the three norms in float32 (bytes), and in the precision of matrix products (values) the outputs
# of the norms, q, k, v, the output of attention in both of its memory layouts, and the input and
# output of the GELU, each ``mlp_ratio`` wide.
_NORM_INPUTS = 3 * 4
_PRODUCTS_SELF, _PRODUCTS_CROSS, _PRODUCTS_FEEDFORWARD = 6, 4, 1


@dataclass(frozen=True)
class Footprint:
    """Parameters of a model, and memory of a training step on one device.

    Attributes:
        trained, frozen: number of parameters by part.
        state: weights, gradients, AdamW moments and moving average (bytes).
        activations: activations of the network for the backward pass (bytes).
    """

    trained: dict[str, int]
    frozen: dict[str, int]
    state: int
    activations: int

    def lines(self) -> list[str]:
        """Lines of text for the terminal."""
        counts = [
            f"{kind}: "
            + (", ".join(f"{name} {n / 1e6:.1f} M" for name, n in parts.items() if n) or "nothing")
            for kind, parts in (("trained", self.trained), ("frozen", self.frozen))
        ]
        total = self.state + self.activations
        return [
            *counts,
            f"memory expected on each device: {self.state / 1e9:.1f} GB of weights and optimiser "
            f"+ {self.activations / 1e9:.1f} GB of activations = {total / 1e9:.1f} GB",
        ]


def footprint(
    model: Jasco, batch_size: int, precision: torch.dtype, *, averaged: bool = True
) -> Footprint:
    """Footprint of training a model; activations are an estimate, of the network alone.

    Args:
        model: model to train.
        batch_size: clips per device and step.
        precision: data type of matrix products.
        averaged: a moving average of the weights is kept too.
    """
    parts: dict[str, nn.Module] = {"network": model.network, "codec": model.codec}
    for name, conditioner in model.conditioners.items():
        parts[name] = conditioner
    trained = {k: _count(m, trained=True) for k, m in parts.items()}
    frozen = {k: _count(m, trained=False) for k, m in parts.items()}
    size = torch.finfo(precision).bits // 8
    learned = sum(trained.values())
    # Frozen weights may be in bfloat16, trained ones are in float32.
    fixed = sum(
        p.numel() * p.element_size()
        for part in parts.values()
        for p in part.parameters()
        if not p.requires_grad
    )
    state = 4 * (4 + averaged) * learned + fixed
    if size < 4:
        state += size * learned  # copies of the weights that autocast makes

    network: Any = model.network
    layers, skips = len(network.transformer.layers), len(network.transformer.skips)
    dim = network.input.out_features
    inner = network.transformer.layers[0].feedforward[0].out_features / dim
    products = _PRODUCTS_SELF + _PRODUCTS_CROSS + _PRODUCTS_FEEDFORWARD + 2 * inner
    per_frame = layers * (_NORM_INPUTS + size * products) + skips * 2 * size
    activations = int(batch_size * model.num_frames() * dim * per_frame)
    return Footprint(trained, frozen, state, activations)


def _count(module: nn.Module, *, trained: bool) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad == trained)
