"""Linear layers whose weights are kept in bfloat16, for generation in half the memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LowLinear(nn.Linear):
    """Linear layer with weights in another format than its input.

    Under autocast it computes what a layer of float32 weights does, which autocast converts in
    every run. Elsewhere, as in adaptive solvers, products are in the format of the input.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Input (..., in) to output (..., out)."""
        if torch.is_autocast_enabled(input.device.type):
            return super().forward(input)
        bias = None if self.bias is None else self.bias.to(input.dtype)
        return F.linear(input, self.weight.to(input.dtype), bias)


def lower_linear(network: nn.Module, dtype: torch.dtype) -> None:
    """Replace the linear layers of a new network by layers with weights in ``dtype``.

    Their weights are not set: those of a checkpoint follow.
    """
    for parent in list(network.modules()):
        for name, layer in parent.named_children():
            if type(layer) is nn.Linear:
                sizes = layer.in_features, layer.out_features
                setattr(parent, name, LowLinear(*sizes, layer.bias is not None, dtype=dtype))
