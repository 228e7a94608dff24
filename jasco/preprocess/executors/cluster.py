"""Ray Data: actors on this machine, or on a cluster whose nodes see the same files."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import torch

from jasco.errors import MissingPartError, SettingError
from jasco.precision import resolve_device
from jasco.preprocess.executors.job import DIED, Executor, Job, Step, count, open_step

_JOBS_A_BLOCK = 8  # Ray's unit of work, and what is lost and tried again when an actor dies


class RayExecutor(Executor):
    """Actors that hold the models, in two pools through which the jobs stream.

    Args:
        address: of a running cluster, ``"auto"`` for that of this machine; by default that of the
            variable ``RAY_ADDRESS``, or else Ray is started here.
        workers: actors for the steps that need processors.
        model_workers: actors for those with models. By default one for each GPU of the cluster, or
            half of its processors where it has none; the other actors get the rest of these.
    """

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        model_workers: int | None = None,
    ) -> None:
        self.address = address
        self.workers = count("workers", workers, 0)
        self.model_workers = count("model_workers", model_workers, 0)

    def run(self, jobs: Sequence[Job], steps: Sequence[Step]) -> Generator[Job]:
        """See `Executor.run`."""
        try:
            import ray
            import ray.data
        except ImportError as error:
            raise MissingPartError("executor=ray needs Ray: pip install 'jasco[data]'") from error

        ours = not ray.is_initialized()
        if ours:
            here: dict[str, Any] = {} if self.address else {"include_dashboard": False}
            try:
                ray.init(self.address, log_to_driver=False, logging_level=logging.ERROR, **here)
            except (ConnectionError, ValueError) as error:
                raise SettingError(f"no Ray cluster at {self.address!r}: {error}") from error
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        try:
            left = {job.number: job for job in jobs}
            for jobs_a_block in (_JOBS_A_BLOCK, 1):
                rows = self._rows(ray, list(left.values()), steps, jobs_a_block)
                for job in map(Job.from_json, rows):
                    del left[job.number]
                    yield job
                if not left:
                    return
            for job in left.values():
                yield job.ended("bad", DIED)
        finally:
            if ours:
                ray.shutdown()

    def _rows(
        self, ray: Any, jobs: Sequence[Job], steps: Sequence[Step], jobs_a_block: int
    ) -> Iterator[str]:
        """One pass over jobs, as text; those whose actor died do not come back."""
        resources = ray.cluster_resources()
        cpus, gpus = int(resources.get("CPU", 1)), int(resources.get("GPU", 0))
        models = self.model_workers or gpus or max(cpus // 2, 1)
        workers = self.workers or max(cpus - models, 1)
        # More actors than processors share them, for actors that wait for one would wait for ever.
        share = min(1.0, cpus / (workers + models))
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.max_errored_blocks = -1

        blocks = -(-len(jobs) // jobs_a_block)
        data = ray.data.from_items([{"job": j.to_json()} for j in jobs], override_num_blocks=blocks)
        for step in steps:
            size = models if step.needs == "model" else workers
            data = data.map(
                _Actor,
                fn_constructor_args=(step,),
                compute=ray.data.ActorPoolStrategy(size=min(size, blocks)),
                num_cpus=share,
                num_gpus=min(1.0, gpus / size) if step.needs == "model" and gpus else None,
                ray_remote_args_fn=lambda: {"max_task_retries": 0},
            )
        return (row["job"] for row in data.iter_rows())


class _Actor:
    """A step, opened on a worker of the cluster."""

    def __init__(self, step: Step) -> None:
        torch.set_num_threads(1)
        device = resolve_device() if step.needs == "model" else torch.device("cpu")
        self.work = open_step(step, device)

    def __call__(self, row: dict[str, str]) -> dict[str, str]:
        job = Job.from_json(row["job"])
        return {"job": (job if job.outcome else self.work(job)).to_json()}
