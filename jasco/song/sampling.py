"""Settings of a call that generates, completed by those of the model, and the recipes they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from jasco.conditions import ConditionBatch, Conditions
from jasco.device import resolve_dtype
from jasco.flow import Guidance, Solver, make_solver
from jasco.flow.solvers import Callback
from jasco.generation import item_seeds
from jasco.recipe import Recipe
from jasco.song.integration import WINDOW_BATCH, Integrator, integrate
from jasco.song.windows import Windows


@dataclass(frozen=True, eq=False)
class Sampling:
    """Settings of the items of one call.

    Attributes:
        model: model, see `jasco.model.Jasco`.
        solver, guidance: those given, or the model's own.
        dtype: format of matrix products.
        seeds: seed of each item, ordered by clip.
    """

    model: Any
    solver: Solver
    guidance: Guidance
    dtype: torch.dtype
    seeds: Sequence[int]

    @classmethod
    def of(
        cls,
        model: Any,
        clips: int,
        *,
        seed: int | Sequence[int] | None = None,
        solver: Solver | str | None = None,
        steps: int | None = None,
        guidance: Guidance | float | Mapping[str, float | str] | str | None = None,
        num_samples: int = 1,
    ) -> Sampling:
        """Settings for a number of clips; see `jasco.model.Jasco.generate` for the arguments.

        Raises:
            SettingError: no solver, guidance or seeds.
        """
        chosen = make_solver(solver, steps, default=model.solver)
        weights = model.guidance if guidance is None else Guidance.of(guidance)
        # A tolerance of 1e-5 is below the resolution of bfloat16: steps would shrink without end.
        dtype = torch.float32 if chosen.adaptive else resolve_dtype(model.dtype, model.device)
        return cls(model, chosen, weights, dtype, item_seeds(seed, clips, num_samples))

    def bar(self, progress: bool) -> tqdm[Any]:
        """Progress bar of the solver's steps, hidden without ``progress``."""
        return tqdm(total=None, desc=self.solver.name, unit="step", disable=not progress)

    def integrate(
        self,
        z_0: Tensor,
        conditions: ConditionBatch,
        windows: Sequence[Windows],
        *,
        solver: Integrator | None = None,
        guidance: Sequence[Guidance] | None = None,
        report: Callback | None = None,
        window_batch: int = WINDOW_BATCH,
        texts: ConditionBatch | None = None,
    ) -> Tensor:
        """Latents at t = 1; see `jasco.song.integration.integrate`.

        Args:
            z_0, conditions, windows, report, window_batch, texts: see there.
            solver: in place of the solver of the settings.
            guidance: guidance of each item, in place of that of the settings.
        """
        return integrate(
            self.model,
            z_0,
            conditions,
            windows,
            solver=solver or self.solver,
            guidance=guidance or [self.guidance] * len(windows),
            dtype=self.dtype,
            report=report,
            window_batch=window_batch,
            texts=texts,
        )

    def recipe(
        self,
        seed: int | None,
        clip: Conditions,
        frames: int,
        *,
        duration: float | None = None,
        guidance: Guidance | None = None,
        song: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Plain recipe of an item.

        Args:
            seed: its seed; ``None`` for noise given by the caller.
            clip: its conditions.
            frames: latent frames of the conditions.
            duration: length (s) of the conditions; that of the frames if absent.
            guidance: its guidance, in place of that of the settings.
            song: plain data of an edit, a loop or sections.
        """
        model, rate = self.model, self.model.frame_rate
        return Recipe(
            model=model.name_or_path,
            revision=model.revision,
            seed=seed,
            solver=self.solver.settings(),
            guidance=dict(self.guidance if guidance is None else guidance),
            duration=frames / rate if duration is None else duration,
            dtype=str(self.dtype).removeprefix("torch."),
            device=model.device.type,
            conditions=clip,
            batch=len(self.seeds),
            threads=torch.get_num_threads(),
            song=song,
            adapters=model.adapter_facts(),
        ).to_dict(frames, rate)
