"""Guidance distillation, the first stage of arXiv 2210.03142.

The student starts as the teacher's network with the guidance weights as further inputs, and learns
the teacher's guided velocity. It gives in one evaluation what costs the teacher one a term.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from jasco.conditions import ConditionBatch
from jasco.data.clips import ClipBatch
from jasco.device import to_device
from jasco.errors import SettingError
from jasco.flow import LOSS_WEIGHTS, Guidance
from jasco.flow.loss import squared_error
from jasco.model import Jasco
from jasco.network import GuidedVelocity, VelocityNetwork
from jasco.training.flow.breakdown import LossBreakdown, time_groups
from jasco.training.flow.module import JascoModule, keep_out_of_checkpoints
from jasco.training.flow.objective import Objective
from jasco.training.optim import Optimization


class DistillationModule(JascoModule):
    """Training of a network to give the guided velocity of a frozen one.

    Conditioners are frozen and shared. Latents are points between noise and clips, or points of the
    student's own trajectories, which guidance leads away from the clips. Checkpoints hold the
    student alone.

    Args:
        model: student, of `jasco.training.flow.start.student_model`.
        teacher: frozen network.
        objective, optim, seed: as for `JascoModule`; the loss is the squared error to the teacher's
            guided velocity.
        trajectory_share: share of the steps on the student's own trajectories.
        trajectory_steps: Euler steps from noise to such a point.
        checkpointing: as for `JascoModule`.

    Raises:
        SettingError: a model without distilled guidance, or a value out of range.
    """

    def __init__(
        self,
        model: Jasco,
        teacher: VelocityNetwork,
        objective: Objective | None = None,
        optim: Optimization | None = None,
        seed: int = 0,
        trajectory_share: float = 0.0,
        trajectory_steps: int = 4,
        checkpointing: bool = False,
    ) -> None:
        super().__init__(model, objective, optim, seed, checkpointing)
        if model.network.guidance is None:
            raise SettingError("the model takes no guidance weights: distil a student_model")
        if not 0 <= trajectory_share <= 1 or trajectory_steps < 1:
            raise SettingError(
                f"trajectory_share={trajectory_share}, trajectory_steps={trajectory_steps}: give a "
                "share from 0 to 1, and at least one step"
            )
        self.teacher = teacher
        self.ranges = model.network.guidance.ranges
        self.trajectory_share, self.trajectory_steps = trajectory_share, trajectory_steps
        keep_out_of_checkpoints(self, ("teacher.",))
        self._evaluated = LossBreakdown(
            ["loss", *time_groups(), "relative_error", "latent_correlation"]
        )

    def shared_parts(self) -> list[nn.Module]:
        """Frozen parts of the model, and the teacher."""
        return [*super().shared_parts(), self.teacher]

    def size(self, batch_size: int, precision: str, *, averaged: bool) -> list[str]:
        """Lines of text about the student and the teacher."""
        count = sum(parameter.numel() for parameter in self.teacher.parameters())
        lines = super().size(batch_size, precision, averaged=averaged)
        return [*lines, f"teacher: {count / 1e6:.1f} M parameters beside them"]

    # --- loss --------------------------------------------------------------------------------

    def losses(
        self,
        batch: ClipBatch,
        conditions: ConditionBatch,
        windows: Mapping[int, float] | None = None,
    ) -> Tensor:
        """Squared error of each clip (B,) for weights drawn uniformly from their ranges."""
        uniform = torch.rand(len(batch.t), len(self.ranges))
        own = bool(torch.rand(()) < self.trajectory_share)
        weights = self._weights(uniform)
        error, _ = self.errors(batch, conditions, weights, own=own, windows=windows)
        return LOSS_WEIGHTS[self.objective.weighting](batch.t) * error

    def errors(
        self,
        batch: ClipBatch,
        conditions: ConditionBatch,
        weights: Tensor,
        *,
        own: bool = False,
        windows: Mapping[int, float] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Mean squares (B,) over the real frames: of the student's error, and of its target.

        Args:
            batch: clips with their noise and flow times.
            conditions: encoded conditions of the clips.
            weights: (B, K) guidance weights, on the CPU.
            own: at points of the student's own trajectories.
            windows: weights of further terms of the error, see `jasco.flow.loss.squared_error`.
        """
        t, student = batch.t, self.model.network
        weighted = student.with_guidance(conditions, to_device(weights, self.device))
        if own:
            z = self.trajectory(batch, weighted)
        else:
            z = self.model.path.sample(batch.noise, self.targets(batch), t)
        target = self.guided(z, t, conditions, weights)
        error = student(z, t, weighted).float() - target
        return squared_error(error, batch.mask, windows), squared_error(target, batch.mask)

    @torch.no_grad()
    def guided(self, z: Tensor, t: Tensor, conditions: ConditionBatch, weights: Tensor) -> Tensor:
        """Guided velocity (B, T, D) of the teacher, at weights (B, K) on the CPU."""
        guidance = [Guidance(**dict(zip(self.ranges, w, strict=True))) for w in weights.tolist()]
        terms = [
            own.terms(self.model.controls, given)
            for own, given in zip(guidance, conditions.given, strict=True)
        ]
        field = GuidedVelocity.of(self.teacher, conditions, terms)
        return field.combine(self.teacher(z[field.items], t[field.items], field.conditions))

    @torch.no_grad()
    def trajectory(self, batch: ClipBatch, conditions: ConditionBatch) -> Tensor:
        """Latents (B, T, D) to which the student integrates the noise, at each clip's flow time."""
        z, step = batch.noise, batch.t / self.trajectory_steps
        for k in range(self.trajectory_steps):
            velocity = self.model.network(z, k * step, conditions).float()
            z = z + step[:, None, None] * velocity
        return z

    def _weights(self, uniform: Tensor) -> Tensor:
        """Guidance weights (B, K) from uniform numbers (B, K)."""
        low, high = torch.tensor(list(self.ranges.values())).unbind(1)
        return low + (high - low) * uniform

    # --- evaluation --------------------------------------------------------------------------

    def _evaluate(self, batch: ClipBatch) -> None:
        """Errors at the clips' own noise and times, for weights drawn by their sample ids."""
        generators = [torch.Generator().manual_seed(n) for n in batch.sample_ids]
        uniform = torch.stack([torch.rand(len(self.ranges), generator=g) for g in generators])
        error, scale = self.errors(batch, self.encode(batch), self._weights(uniform))
        self._evaluated.add("loss", error)
        self._evaluated.add_times(error, batch.t)
        self._evaluated.add("relative_error", (error / scale).sqrt())
