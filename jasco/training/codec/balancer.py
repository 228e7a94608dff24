"""Loss balancer: the weight of a loss is its share of the gradient, whatever its scale.

Défossez et al., arXiv 2210.13438, section 3.4, equation 5.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, distributed, nn

from jasco.errors import SettingError


class LossBalancer(nn.Module):
    """Balancer of the gradients of several losses with respect to one output.

    The gradient g_i of loss i becomes w_i / sum(w) * g_i / <|g_i|>, where <> is the moving average
    of its norm, divided by sqrt(n) for an output of n values. The terms have norms in proportion to
    their weights, and their sum has the norm of the gradient of a mean absolute difference, so that
    losses that do not depend on the output can be added for any batch size.

    Args:
        weights: weight by name of the loss.
        decay: decay of the moving average per step, with bias correction at the start.

    Raises:
        SettingError: negative weights, or none above 0.
    """

    norms: Tensor
    fill: Tensor
    shares: Tensor

    def __init__(self, weights: Mapping[str, float], decay: float = 0.999) -> None:
        super().__init__()
        if min(weights.values(), default=0) < 0 or not sum(weights.values()) > 0:
            raise SettingError(
                f"loss weights {dict(weights)}: give numbers of 0 or more, not all 0"
            )
        self.weights = dict(weights)
        self.decay = decay
        self.register_buffer("norms", torch.zeros(len(weights)))
        self.register_buffer("fill", torch.zeros(()))
        shares = torch.tensor(list(self.weights.values())) / sum(self.weights.values())
        self.register_buffer("shares", shares, persistent=False)

    def forward(self, losses: Mapping[str, Tensor], output: Tensor) -> Tensor:
        """Balanced gradient, of the shape of ``output``.

        Args:
            losses: scalar losses of ``output``, by the names of the weights. Their graphs are
                retained for other gradients.
            output: (B, ...) tensor that requires a gradient.

        Raises:
            SettingError: the names of the losses are not those of the weights.
        """
        if set(losses) != set(self.weights):
            raise SettingError(
                f"losses {sorted(losses)} need weights, and there are {sorted(self.weights)}"
            )
        gradients = [
            torch.autograd.grad(losses[name], output, retain_graph=True)[0].float()
            for name in self.weights
        ]
        norms = torch.stack([gradient.norm() for gradient in gradients])
        if distributed.is_initialized():
            distributed.all_reduce(norms)
            norms = norms / distributed.get_world_size()
        self.norms.lerp_(norms, 1 - self.decay)
        self.fill.lerp_(torch.ones_like(self.fill), 1 - self.decay)
        usual = (self.norms / self.fill).clamp(min=torch.finfo(torch.float32).tiny)
        scales = self.shares / usual / output.numel() ** 0.5
        return torch.stack([s * g for s, g in zip(scales, gradients, strict=True)]).sum(0)
