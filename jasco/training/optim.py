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

from jasco.errors import SettingError


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
    """

    lr: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-8
    weight_decay: float = 0.1
    warmup: int = 4000
    min_lr_ratio: float = 0.0
    groups: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.lr <= 0 or self.warmup < 0 or not 0 <= self.min_lr_ratio <= 1:
            raise SettingError(
                f"optim.lr={self.lr}, warmup={self.warmup}, min_lr_ratio={self.min_lr_ratio}: the "
                "rate is positive, the warm-up not negative, the ratio from 0 to 1"
            )

    def optimizer(self, parameters: Iterable[tuple[str, nn.Parameter]]) -> AdamW:
        """AdamW of the named parameters that require gradients.

        Raises:
            SettingError: a group without parameters.
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
        devices = {p.device.type for group in groups for p in group["params"]}
        return AdamW(
            groups,
            lr=self.lr,
            betas=(self.betas[0], self.betas[1]),
            eps=self.eps,
            weight_decay=self.weight_decay,
            fused=devices <= {"cpu", "cuda"} or None,
        )

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

    def scheduler(self, optimizer: Optimizer, steps: int) -> LambdaLR:
        """Learning-rate schedule of a run of ``steps``."""
        return LambdaLR(
            optimizer, lambda step: warmup_cosine(step, self.warmup, steps, self.min_lr_ratio)
        )


def warmup_cosine(step: int, warmup: int, steps: int, min_ratio: float = 0.0) -> float:
    """Factor of the learning rate at a step: linear warm-up, then half a cosine."""
    if step < warmup:
        return (step + 1) / warmup
    progress = min((step - warmup) / max(steps - warmup, 1), 1.0)
    return min_ratio + (1 - min_ratio) * 0.5 * (1 + math.cos(math.pi * progress))


def seed_step(*index: int) -> None:
    """Seed the random numbers of a step by its indices, so that a resumed run is the same."""
    torch.manual_seed(int(np.random.SeedSequence(index).generate_state(1)[0]))
