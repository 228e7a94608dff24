"""Fully sharded data parallel training (FSDP), for models too large to train on one GPU."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch.strategies import FSDPStrategy

from jasco.errors import SettingError
from jasco.network.transformer import Block


class TransformerFSDPStrategy(FSDPStrategy):
    """FSDP with one unit per transformer block and full state dicts in checkpoints.

    Weights, gradients and optimiser states are sharded and gathered for one block at a time;
    checkpoints are those of unsharded training.

    Args:
        options: further arguments of Lightning's `FSDPStrategy`.

    Raises:
        SettingError: no GPU is here.
    """

    def __init__(self, **options: Any) -> None:
        if not torch.cuda.is_available():
            raise SettingError("trainer=fsdp shards over GPUs, and none is here: give trainer=auto")
        super().__init__(
            auto_wrap_policy={Block}, use_orig_params=True, state_dict_type="full", **options
        )
