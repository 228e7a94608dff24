"""Integration with frames of a recording that are kept.

The straight path from noise z_0 to the latents z_1 of the recording, z_t = (1 - t) z_0 + t z_1, has
the velocity z_1 - z_0. Kept frames have that velocity in place of the model's, so that every solver
keeps them on their path, and the model sees them at each step with the noise of that time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from jasco.errors import SettingError
from jasco.flow import Solver
from jasco.flow.solvers import Callback, FixedStep, TimedVelocity, Velocity, velocity_at
from jasco.song.edit import check_repeats, check_strength


@dataclass(frozen=True, eq=False)
class Inpainting:
    """Solver of new frames beside kept ones.

    Attributes:
        solver: solver of the steps.
        z_1: (B, T, D) latents of the recording.
        kept: (T,) true at the frames that are kept.
        noise: source of further standard normal noise, as ``z_1``, for the repeats.
        strength: part of the flow time that is integrated, from t = 1 - strength on; below 1 new
            frames start from the recording's own, as image-to-image does.
        jump_n_sample, jump_length: times that each run of ``jump_length`` steps is made; before a
            repeat, the new frames get the noise of its start again (RePaint, Lugmayr et al., arXiv
            2201.09865, section 4.2), so that they fit the kept ones better.

    Raises:
        SettingError: a setting out of range, or repeats of a solver that chooses its steps itself.
    """

    solver: Solver
    z_1: Tensor
    kept: Tensor
    noise: Callable[[], Tensor]
    strength: float = 1.0
    jump_n_sample: int = 1
    jump_length: int = 2

    def __post_init__(self) -> None:
        check_strength(self.strength)
        check_repeats(self.jump_n_sample, self.jump_length)
        if self.jump_n_sample > 1 and not isinstance(self.solver, FixedStep):
            raise SettingError(f"{self.solver.name} chooses its steps itself: leave jump_n_sample")

    def solve(self, field: Velocity, z_0: Tensor, report: Callback | None = None) -> Tensor:
        """Latents (B, T, D) at t = 1 for a velocity field, from noise ``z_0``."""
        drift, kept = self.z_1 - z_0, self.kept[:, None]

        def at(time: float) -> Velocity:
            own = velocity_at(field, time)
            return lambda t, z: torch.where(kept, drift, own(t, z))

        velocity = TimedVelocity(at)
        z = z_0 + (1 - self.strength) * drift
        if self.jump_n_sample == 1 or not isinstance(self.solver, FixedStep):
            return self.solver.solve(part_of(velocity, 1 - self.strength, 1.0), z, report)
        runs = [*self._runs(self.solver)]
        total, done = sum(solver.steps for _, _, solver in runs) * self.jump_n_sample, 0
        for start, stop, solver in runs:
            for repeat in range(self.jump_n_sample):
                if repeat:
                    z = torch.where(kept, z_0 + start * drift, self._noisier(z, stop, start))
                z = solver.solve(part_of(velocity, start, stop), z)
                done += solver.steps
                if report is not None:
                    report(done, total)
        return z

    def _runs(self, solver: FixedStep) -> Iterator[tuple[float, float, FixedStep]]:
        """Start and end of each run of steps in flow time, and its solver."""
        starts = [(1 - self.strength) + self.strength * t for t, _ in solver.grid()]
        edges = [*starts[:: self.jump_length], 1.0]
        for first, (start, stop) in enumerate(itertools.pairwise(edges)):
            steps = min(self.jump_length, len(starts) - first * self.jump_length)
            yield start, stop, replace(solver, steps=steps, shift=1.0)

    def _noisier(self, z: Tensor, now: float, then: float) -> Tensor:
        """Latents of the path's distribution at an earlier time ``then``, from those at ``now``."""
        share = then / now
        deviation = max((1 - then) ** 2 - (share * (1 - now)) ** 2, 0.0) ** 0.5
        return share * z + deviation * self.noise()


def part_of(field: Velocity, start: float, stop: float) -> Velocity:
    """Field whose integral over [0, 1] is that of ``field`` from ``start`` to ``stop``."""
    length = stop - start

    def at(time: float) -> Velocity:
        own = velocity_at(field, start + length * time)
        return lambda t, z: length * own(start + length * t, z)

    return field if length == 1 else TimedVelocity(at)
