"""Training in shards, for models that do not fit one GPU with gradients and optimiser."""

from __future__ import annotations

from typing import Any

from lightning.pytorch.strategies import FSDPStrategy

from jasco.network.transformer import Block


class BlockShards(FSDPStrategy):
    """Weights, gradients and optimiser in shards, gathered for one block of the network at a time.

    Checkpoints are whole, as without shards.

    Args:
        options: further arguments of Lightning's strategy.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(
            auto_wrap_policy={Block}, use_orig_params=True, state_dict_type="full", **options
        )
