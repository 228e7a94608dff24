"""One machine: processes for passes on processors, threads with a device for passes with models."""

from __future__ import annotations

import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from functools import partial
from itertools import islice

import torch

from jasco.device import resolve_device
from jasco.prepare.executors.job import DIED, Executor, Job, Pass, count, open_pass
from jasco.workers import WorkerPool, usable_cores


class LocalExecutor(Executor):
    """Processes for passes that need processors, threads of this process for those with models.

    Results do not depend on their number: on a CPU every worker computes with one thread, because
    the number of threads changes the rounding.

    Args:
        workers: number of processes; by default that of the usable cores.
        model_workers: number of threads, which share the models of a device; by default one for
            each accelerator, or that of the usable cores where there is none.
        device: device of the models; ``"auto"`` for all accelerators, or else the CPU.
    """

    def __init__(
        self,
        workers: int | None = None,
        model_workers: int | None = None,
        device: str = "auto",
    ) -> None:
        self.devices = _devices(device)
        on_cpu = self.devices[0].type == "cpu"
        self.workers = count("workers", workers, usable_cores())
        default = usable_cores() if on_cpu else len(self.devices)
        self.model_workers = count("model_workers", model_workers, default)

    def run(self, jobs: Sequence[Job], passes: Sequence[Pass]) -> Generator[Job]:
        """See `Executor.run`."""
        waiting = iter(jobs)
        running: dict[Future[Job], tuple[int, Job]] = {}
        with ExitStack() as stack:
            pools = [stack.enter_context(self._pool(one, len(jobs))) for one in passes]
            # No more than this are begun, so that few files wait between two passes.
            limit = sum(2 * pool.size for pool in pools)
            while True:
                for job in islice(waiting, limit - len(running)):
                    running[pools[0].submit(job)] = (0, job)
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    place, job = running.pop(future)
                    try:
                        job = future.result()
                    except BrokenProcessPool:
                        job = pools[place].alone(job)
                    if job.outcome or place + 1 == len(pools):
                        yield job
                    else:
                        running[pools[place + 1].submit(job)] = (place + 1, job)

    def _pool(self, one: Pass, jobs: int) -> _Pool:
        if one.needs == "processor":
            return _Processes(one, min(self.workers, jobs))
        return _Threads(one, min(self.model_workers, jobs), self.devices)


class _Pool(ABC):
    size: int

    @abstractmethod
    def submit(self, job: Job) -> Future[Job]: ...

    @abstractmethod
    def alone(self, job: Job) -> Job: ...

    @abstractmethod
    def __exit__(self, kind: object, error: object, trace: object) -> None: ...

    def __enter__(self) -> _Pool:
        return self


class _Processes(_Pool):
    """Processes of a `WorkerPool`, which is replaced where one of them dies."""

    def __init__(self, one: Pass, size: int) -> None:
        self.size = size
        self.open = partial(open_pass, one, torch.device("cpu"))
        self.pool = WorkerPool(size, self.open)

    def submit(self, job: Job) -> Future[Job]:
        try:
            return self.pool.submit(job)
        except BrokenProcessPool:
            self.pool = WorkerPool(self.size, self.open)
            return self.pool.submit(job)

    def alone(self, job: Job) -> Job:
        """Try a job again after it, or one beside it, brought its process down."""
        single = WorkerPool(1, self.open)
        try:
            return single.submit(job).result()
        except BrokenProcessPool:
            return job.ended("bad", DIED)
        finally:
            single.abandon()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None:
            self.pool.finish()
        else:
            self.pool.abandon()


class _Threads(_Pool):
    """Threads of this process; those of one device share its models."""

    def __init__(self, one: Pass, size: int, devices: Sequence[torch.device]) -> None:
        self.size = size
        opened = [one.open(device) for device in devices[:size]]
        self.on_cpu = devices[0].type == "cpu"
        self.free: queue.SimpleQueue[Callable[[Job], Job]] = queue.SimpleQueue()
        for number in range(size):
            self.free.put(opened[number % len(opened)])
        self.own = threading.local()
        self.pool = ThreadPoolExecutor(size, "model", self._begin)

    def _begin(self) -> None:
        if self.on_cpu:
            torch.set_num_threads(1)
        self.own.work = self.free.get()

    def submit(self, job: Job) -> Future[Job]:
        return self.pool.submit(lambda: self.own.work(job))

    def alone(self, job: Job) -> Job:
        return job.ended("bad", DIED)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.pool.shutdown(wait=kind is None, cancel_futures=True)


def _devices(name: str) -> list[torch.device]:
    device = resolve_device(name)
    if device.type == "cuda" and device.index is None:
        return [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
    return [device]
