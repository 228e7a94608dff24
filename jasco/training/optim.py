"""AdamW and its learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from jasco.errors import MissingPartError, SettingError


@dataclass(frozen=True)
class Optimization:
    """AdamW with a warm-up and a cosine, by default as published checkpoints were trained.

    Those decay all parameters alike, biases, norms and embeddings too.

    Attributes:
        lr: highest learning rate.
        betas, eps, weight_decay: of AdamW.
        warmup: steps until the learning rate is highest.
        min_lr_ratio: share of the learning rate that is left at the last step.
        groups: ``lr`` or ``weight_decay`` of parts of the model, by the beginning of their names,
            where they differ; the first that fits counts.
        bits: 8 for moments in 8 bits (arXiv 2110.02861, by bitsandbytes), of matrices of 4,096
            weights or more; ``None`` for float32.
    """

    lr: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-8
    weight_decay: float = 0.1
    warmup: int = 4000
    min_lr_ratio: float = 0.0
    groups: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    bits: int | None = None

    def __post_init__(self) -> None:
        if self.lr <= 0 or self.warmup < 0 or not 0 <= self.min_lr_ratio <= 1:
            raise SettingError(
                f"optim.lr={self.lr}, warmup={self.warmup}, min_lr_ratio={self.min_lr_ratio}: the "
                "rate is positive, the warm-up not negative, the ratio from 0 to 1"
            )

        if self.bits not in (None, 8):
            raise SettingError(f"optim.bits={self.bits}: give 8, or null for float32")

    def optimizer(self, parameters: Iterable[tuple[str, nn.Parameter]]) -> Optimizer:
        """AdamW of the named parameters that require gradients.

        Raises:
            SettingError: a group without parameters.
            MissingPartError: ``bits`` without bitsandbytes.
        """
        members: dict[str, list[nn.Parameter]] = {name: [] for name in (*self.groups, "")}
        for name, parameter in parameters:
            if parameter.requires_grad:
                members[next(prefix for prefix in members if name.startswith(prefix))].append(
                    parameter
                )
        empty = [name for name in self.groups if not members[name]]
        if empty:
            raise SettingError(f"optim.groups names {', '.join(empty)}: no parameter begins so")
        groups: list[dict[str, Any]] = [
            {"name": name or "model", "params": found, **self.groups.get(name, {})}
            for name, found in members.items()
            if found
        ]
        settings: dict[str, Any] = {
            "lr": self.lr,
            "betas": (self.betas[0], self.betas[1]),
            "eps": self.eps,
            "weight_decay": self.weight_decay,
        }
        if self.bits == 8:
            return _adamw_8bit()(groups, **settings)
        devices = {p.device.type for group in groups for p in group["params"]}
        return AdamW(groups, **settings, fused=devices <= {"cpu", "cuda"} or None)

    def configure(
        self, parameters: Iterable[tuple[str, nn.Parameter]], steps: int
    ) -> dict[str, Any]:
        """Optimiser of the named parameters and its schedule by step, for Lightning.

        Raises:
            SettingError: no number of steps, or a group without parameters.
        """
        if steps < 1:
            raise SettingError(f"trainer.max_steps={steps}: the schedule needs a number of steps")
        optimizer = self.optimizer(parameters)
        scheduler = self.scheduler(optimizer, steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def check_restored(self, optimizer: Optimizer) -> None:
        """Refuse a restored optimiser of other settings: those of its checkpoint win over these.

        Raises:
            SettingError: the checkpoint was begun with other settings; the message names them.
        """
        changed = []
        for group in optimizer.param_groups:
            name = group.get("name", "model")  # earlier versions gave none
            own = self.groups.get(name, {})
            before = {
                "lr": group.get("initial_lr", group["lr"]),  # that before the schedule
                "betas": tuple(group["betas"]),
                "eps": group["eps"],
                "weight_decay": group["weight_decay"],
            }
            for key, value in before.items():
                shared = getattr(self, key)
                now = own.get(key, tuple(shared) if key == "betas" else shared)
                if value != now:
                    part = f"groups.{name}." if name in self.groups else ""
                    changed.append(f"optim.{part}{key} {value} -> {now}")
        if changed:
            raise SettingError(
                f"the checkpoint was begun with other settings ({'; '.join(changed[:5])}), and "
                "its optimiser goes on with them: give them again to resume it, or begin another "
                "run with run=FOLDER"
            )

    def scheduler(self, optimizer: Optimizer, steps: int) -> LambdaLR:
        """Learning-rate schedule of a run of ``steps``."""
        return LambdaLR(
            optimizer, lambda step: warmup_cosine(step, self.warmup, steps, self.min_lr_ratio)
        )


def _adamw_8bit() -> Any:
    try:
        from bitsandbytes.optim import AdamW8bit
    except ImportError as error:
        raise MissingPartError(
            "optim.bits=8 needs bitsandbytes: pip install 'bitsandbytes>=0.50,<1', or leave it out"
        ) from error
    return AdamW8bit


def warmup_cosine(step: int, warmup: int, steps: int, min_ratio: float = 0.0) -> float:
    """Factor of the learning rate at a step: linear warm-up, then half a cosine."""
    if step < warmup:
        return (step + 1) / warmup
    progress = min((step - warmup) / max(steps - warmup, 1), 1.0)
    return min_ratio + (1 - min_ratio) * 0.5 * (1 + math.cos(math.pi * progress))


def seed_step(*index: int) -> None:
    """Seed the random numbers of a step by its indices, so that a resumed run is the same."""
    torch.manual_seed(int(np.random.SeedSequence(index).generate_state(1)[0]))
