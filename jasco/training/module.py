"""Base of the LightningModules: optimiser, seeded steps and the size of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import torch
from lightning.pytorch import LightningModule
from torch import nn

from jasco.errors import JascoError
from jasco.training.clipping import clip_to_norm, gradient_norm
from jasco.training.optim import Optimization, seed_step


class TrainingModule(LightningModule):
    """LightningModule with an AdamW of its own, whose steps are random by their index alone.

    Args:
        optim: optimiser and learning-rate schedule.
        seed: seed of the random numbers of each step, such as those of dropout.
    """

    def __init__(self, optim: Optimization | None = None, seed: int = 0) -> None:
        super().__init__()
        self.optim = optim or Optimization()
        self.seed = seed

    def on_train_start(self) -> None:
        """Refuse a checkpoint whose optimiser has other settings, which would be ignored."""
        for optimizer in self.trainer.optimizers:
            self.optim.check_restored(optimizer)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Seed the step by its index, so that a resumed run draws the same numbers."""
        seed_step(self.seed, self.trainer.global_step, batch_idx, self.global_rank)

    def configure_optimizers(self) -> Any:
        """AdamW of all trained parameters, with a schedule that moves every step."""
        return self.optim.configure(self.trained_parameters(), self.trainer.max_steps)

    def optimizer_step(
        self,
        epoch: int,
        batch_idx: int,
        optimizer: Any,
        optimizer_closure: Callable[[], Any] | None = None,
    ) -> None:
        """Update the weights, and free their gradients.

        Lightning frees them in the next step between its forward and its backward pass, so that
        they would lie in memory beside all activations.
        """
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        optimizer.zero_grad()

    def trained_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Parameters for the optimiser, by the names that ``optim.groups`` uses."""
        return self.named_parameters()

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the norm of all gradients, or stop where it is not finite.

        Raises:
            JascoError: on all ranks, before the weights change.
        """
        self.clip_or_stop(self, gradient_clip_val, "train/grad_norm")

    def clip_or_stop(
        self, part: nn.Module, limit: float | None, name: str, advice: str = ""
    ) -> None:
        """Clip the gradient norm of a part and log it, or stop where it is not finite.

        Args:
            part: module whose parameters have the gradients.
            limit: largest norm; ``None`` clips nothing.
            name: name of the norm in the logs.
            advice: further words of the error, what else to do.

        Raises:
            JascoError: not finite; on all ranks, before the weights change.
        """
        strategy, finite = self.trainer.strategy, self.loss_is_finite()
        norm, fine = gradient_norm(part.parameters(), strategy, finite=finite)
        if not fine:
            self.stop(advice)
        clip_to_norm(part.parameters(), norm, limit)
        self.log(name, norm)

    def loss_is_finite(self) -> bool:
        """True unless a loss of this step is known not to be finite."""
        return True

    def stop(self, advice: str = "") -> NoReturn:
        """End the run at a gradient that is not finite.

        Args:
            advice: further words of the error, what else to do.

        Raises:
            JascoError: always.
        """
        raise JascoError(
            f"the gradient is not finite at step {self.trainer.global_step}: lower optim.lr{advice}"
        )

    def configure_data(self, data: Any) -> None:
        """Hand over what the data module needs of the module; nothing by default."""

    def size(self, batch_size: int, precision: str, *, averaged: bool) -> list[str]:
        """Lines of text about parameters and memory.

        Args:
            batch_size: items per device and step.
            precision: Lightning's name of the precision.
            averaged: a moving average of the weights is kept too.
        """
        counts = {name: sum(p.numel() for p in part.parameters()) for name, part in self._parts()}
        shown = ", ".join(f"{name} {n / 1e6:.1f} M" for name, n in counts.items() if n)
        state = 4 * (4 + averaged) * sum(counts.values())
        return [f"trained: {shown}", f"memory: {state / 1e9:.2f} GB and activations"]

    def _parts(self) -> Iterator[tuple[str, nn.Module]]:
        for name, child in self.named_children():
            yield from child.named_children() if name == "model" else [(name, child)]
