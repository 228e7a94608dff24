"""Fully sharded data parallel training (FSDP), for models too large to train on one GPU."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.strategies import FSDPStrategy

from jasco.errors import SettingError
from jasco.network.transformer import Block


class TransformerFSDPStrategy(FSDPStrategy):
    """FSDP with one unit per transformer block and full state dicts in checkpoints.

    Weights, gradients and optimiser states are sharded and gathered for one block at a time;
    checkpoints are those of unsharded training.

    Args:
        options: further arguments of Lightning's `FSDPStrategy`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(
            auto_wrap_policy={Block}, use_orig_params=True, state_dict_type="full", **options
        )


def check_sharding(trainer: Trainer) -> None:
    """Refuse shards on a CPU, for which Lightning has a RuntimeError of its own, after loading.

    Raises:
        SettingError: FSDP without a GPU.
    """
    strategy = trainer.strategy
    if isinstance(strategy, FSDPStrategy) and strategy.root_device.type == "cpu":
        raise SettingError("trainer=fsdp shards over GPUs, and none is here: give trainer=auto")
