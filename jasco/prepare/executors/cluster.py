"""Ray Data: actors on this machine, or on a cluster whose nodes see the same files."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Generator, Sequence
from typing import Any

import torch

from jasco.device import resolve_device
from jasco.errors import MissingPartError, SettingError
from jasco.prepare.executors.job import DIED, Executor, Job, Pass, count, open_pass

_MOST_BLOCKS = 10_000  # Ray keeps the state of every block, its unit of work, in memory.


class RayExecutor(Executor):
    """Actors that hold the models, in two pools through which the jobs stream.

    Args:
        address: address of a running cluster, ``"auto"`` for that of this machine; by default that
            of the variable ``RAY_ADDRESS``, or else Ray is started here.
        workers: actors of the passes that need processors.
        model_workers: actors of those with models. By default one for each GPU of the cluster;
            where it has none, half of its processors, or all if every pass has a model. The other
            actors get the rest of the processors.
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

    def run(self, jobs: Sequence[Job], passes: Sequence[Pass]) -> Generator[Job]:
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
        ray.data.DataContext.get_current().enable_progress_bars = False
        try:
            for row in self._pipeline(ray, jobs, passes).iter_rows():
                yield Job.from_json(row["job"])
        finally:
            if ours:
                ray.shutdown()

    def _pipeline(self, ray: Any, jobs: Sequence[Job], passes: Sequence[Pass]) -> Any:
        resources = ray.cluster_resources()
        cpus, gpus = int(resources.get("CPU", 1)), int(resources.get("GPU", 0))
        others = any(one.needs == "processor" for one in passes)
        models = self.model_workers or gpus or max(cpus // 2 if others else cpus, 1)
        workers = self.workers or max(cpus - models, 1)
        # More actors than processors share them: an actor without one would never start.
        share = min(1.0, cpus / (workers + models))
        attempts = ray.remote(num_cpus=0)(_Attempts).remote()
        blocks = min(len(jobs), _MOST_BLOCKS)
        data = ray.data.from_items([{"job": j.to_json()} for j in jobs], override_num_blocks=blocks)
        for one in passes:
            size = min(models if one.needs == "model" else workers, blocks)
            data = data.map(
                _Actor,
                fn_constructor_args=(one, attempts),
                compute=ray.data.ActorPoolStrategy(size=size),
                num_cpus=share,
                num_gpus=min(1.0, gpus / size) if one.needs == "model" and gpus else None,
            )
        return data


class _Attempts:
    """Counter of the attempts at each job, an actor: Ray itself would retry without end."""

    def __init__(self) -> None:
        self.begun: Counter[int] = Counter()

    def begin(self, number: int) -> int:
        self.begun[number] += 1
        return self.begun[number]

    def end(self, number: int) -> None:
        del self.begun[number]


class _Actor:
    def __init__(self, one: Pass, attempts: Any) -> None:
        torch.set_num_threads(1)
        device = resolve_device() if one.needs == "model" else torch.device("cpu")
        self.work = open_pass(one, device)
        self.attempts = attempts

    def __call__(self, row: dict[str, str]) -> dict[str, str]:
        import ray

        job = Job.from_json(row["job"])
        if not job.outcome:
            if ray.get(self.attempts.begin.remote(job.number)) > 2:
                job = job.ended("bad", DIED)
            else:
                job = self.work(job)
            ray.get(self.attempts.end.remote(job.number))
        return {"job": job.to_json()}
