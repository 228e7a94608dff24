"""Loss balancing: the weight of a loss is its share of the gradient, whatever its scale.

Défossez et al., arXiv 2210.13438, section 3.4, equation 5.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, distributed, nn

from jasco.errors import SettingError


class LossBalancer(nn.Module):
    """Gradients of several losses with respect to one output, brought to the asked proportions.

    The gradient g_i of loss i becomes w_i / sum(w) * g_i / <|g_i|>, where <> is the moving average
    of its norm, over sqrt(n) for an output of n values. So the parts have the norms asked for, and
    their sum is as large as the gradient of a mean absolute difference would be: other losses that
    are means, which do not depend on the output, can be added whatever the size of the batch.

    Args:
        weights: by the name of the loss.
        decay: of the moving average, per step; its start is corrected for.
    """

    norms: Tensor
    fill: Tensor

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

    def forward(self, losses: Mapping[str, Tensor], output: Tensor) -> Tensor:
        """The balanced gradient, of the shape of ``output``.

        Args:
            losses: scalars that depend on ``output``, the names those of the weights. Graphs are
                kept, for what else hangs on them.
            output: (B, ...), requires a gradient.

        Raises:
            SettingError: other losses than there are weights for.
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
        total = sum(self.weights.values())
        shares = torch.tensor(list(self.weights.values()), device=usual.device) / total
        scales = shares / usual / output.numel() ** 0.5
        return torch.stack([s * g for s, g in zip(scales, gradients, strict=True)]).sum(0)
