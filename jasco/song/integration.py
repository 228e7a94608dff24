"""Integration of the velocity of clips and of songs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor

from jasco.conditions import ConditionBatch
from jasco.errors import SettingError, shortened
from jasco.flow import Guidance
from jasco.flow.solvers import Callback, TimedVelocity, Velocity
from jasco.io.plain import is_whole
from jasco.song.velocity import SongVelocity
from jasco.song.windows import Windows

WINDOW_BATCH = 4
"""Windows that run together by default: eight cost a CPU 13 % more, from its caches."""
MAX_WINDOW_BATCH = 1_000_000
_PLAIN = Guidance(all=1.0)


class Integrator(Protocol):
    """Solver, or one that keeps frames of a recording; see `jasco.song.inpainting`."""

    def solve(self, field: Velocity, z_0: Tensor, report: Callback | None = None, /) -> Tensor:
        """Latents at t = 1 from noise ``z_0``."""


class FlowModel(Protocol):
    """Model whose velocity is integrated; see `jasco.model.Jasco`."""

    graphs: Any

    def guided(self, conditions: ConditionBatch, guidance: Sequence[Guidance]) -> Any:
        """Guided velocity field of encoded conditions, with the guidance of each."""


def integrate(
    model: FlowModel,
    z_0: Tensor,
    conditions: ConditionBatch,
    windows: Sequence[Windows],
    *,
    solver: Integrator,
    guidance: Sequence[Guidance],
    dtype: torch.dtype,
    report: Callback | None = None,
    window_batch: int = WINDOW_BATCH,
    texts: ConditionBatch | None = None,
) -> Tensor:
    """Latents (B, T, D) at t = 1, float32, from noise ``z_0`` (B, T, D).

    Args:
        model: model.
        z_0: noise.
        conditions: encoded conditions of the B items.
        windows: windows of each item; a clip has one, and its velocity is that of the model.
        solver: solver.
        guidance: guidance of each item.
        dtype: format of matrix products.
        report: callback of the solver.
        window_batch: most windows that run together.
        texts: encoded texts of sections, which windows name.

    Raises:
        SettingError: a ``window_batch`` out of range.
    """
    if not is_whole(window_batch, MAX_WINDOW_BATCH) or window_batch < 1:
        raise SettingError(
            f"window_batch is {shortened(window_batch)}: give a whole number from 1 to "
            f"{MAX_WINDOW_BATCH:,}"
        )
    always = all(own.interval == (0.0, 1.0) for own in guidance)
    with torch.autocast(z_0.device.type, dtype, enabled=dtype != torch.float32):
        alike = len({one.frames.shape for one in windows}) == 1
        if always and texts is None and alike and len(windows[0]) == 1:
            with model.graphs.recorded(model.guided(conditions, guidance), z_0, dtype) as field:
                return solver.solve(field, z_0, report).float()

        @cache
        def song(acting: tuple[bool, ...]) -> Velocity:
            own = [one if acts else _PLAIN for one, acts in zip(guidance, acting, strict=True)]
            return SongVelocity(model.guided, conditions, windows, window_batch, own, texts)

        whole = song((True,) * len(guidance))
        timed = TimedVelocity(lambda t: song(tuple(own.acts_at(t) for own in guidance)))
        return solver.solve(whole if always else timed, z_0, report).float()


def part_of_run(report: Callback, part: int, parts: int) -> Callback:
    """Callback of one of several integrations, of equally many steps, that run one by one."""
    return lambda step, total: report(part * total + step, parts * total)
