"""Building of models whose tensors are then loaded."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode


class uninitialized(TorchFunctionMode):  # noqa: N801 (a context manager, like torch.no_grad)
    """Context of a model whose tensors are then loaded: layers draw no random weights.

    Weight normalisation computes no norms either. On the meta device, both would import the
    compiler of torch, which takes a second.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        if func is torch.norm_except_dim:
            weight, _, dim = args
            return weight.new_empty([n if i == dim else 1 for i, n in enumerate(weight.shape)])
        return func(*args, **(kwargs or {}))
