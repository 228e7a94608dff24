"""One machine: processes for what needs processors, threads with a device for the models."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from itertools import islice
from multiprocessing.connection import Connection

import torch

from jasco.device import resolve_device
from jasco.prepare.executors.job import DIED, Executor, Job, Step, count, open_step


class LocalExecutor(Executor):
    """Processes for the steps that need processors, threads of this process for those with models.

    The results do not depend on how many there are: on a CPU every worker computes with one thread,
    for several would round differently.

    Args:
        workers: processes; by default as many as there are processors.
        model_workers: threads, which share the models of a device; by default one for each
            accelerator, or as many as there are processors where there is none.
        device: of the models; ``"auto"`` for all accelerators, or else the CPU.
    """

    def __init__(
        self,
        workers: int | None = None,
        model_workers: int | None = None,
        device: str = "auto",
    ) -> None:
        self.devices = _devices(device)
        on_cpu = self.devices[0].type == "cpu"
        self.workers = count("workers", workers, _processors())
        default = _processors() if on_cpu else len(self.devices)
        self.model_workers = count("model_workers", model_workers, default)

    def run(self, jobs: Sequence[Job], steps: Sequence[Step]) -> Generator[Job]:
        """See `Executor.run`."""
        waiting = iter(jobs)
        running: dict[Future[Job], tuple[int, Job]] = {}
        with ExitStack() as stack:
            stations = [stack.enter_context(self._station(step, len(jobs))) for step in steps]
            # No more than this are begun, so that what waits between two steps stays small.
            limit = sum(2 * station.size for station in stations)
            while True:
                for job in islice(waiting, limit - len(running)):
                    running[stations[0].submit(job)] = (0, job)
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    place, job = running.pop(future)
                    try:
                        job = future.result()
                    except BrokenProcessPool:
                        job = stations[place].alone(job)
                    if job.outcome or place + 1 == len(stations):
                        yield job
                    else:
                        running[stations[place + 1].submit(job)] = (place + 1, job)

    def _station(self, step: Step, jobs: int) -> _Station:
        if step.needs == "processor":
            return _Processes(step, min(self.workers, jobs))
        return _Threads(step, min(self.model_workers, jobs), self.devices)


class _Station(ABC):
    """The workers of one step."""

    size: int

    @abstractmethod
    def submit(self, job: Job) -> Future[Job]: ...

    @abstractmethod
    def alone(self, job: Job) -> Job: ...

    @abstractmethod
    def __exit__(self, kind: object, error: object, trace: object) -> None: ...

    def __enter__(self) -> _Station:
        return self


class _Processes(_Station):
    """Processes that end when this one does, however it ends."""

    def __init__(self, step: Step, size: int) -> None:
        self.step = step
        self.size = size
        self._start()

    def _start(self) -> None:
        # Only this process holds its end of the pipe, so that it closes even if it is killed.
        theirs, self.lifeline = multiprocessing.Pipe(duplex=False)
        context = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(self.size, context, _begin, (self.step, theirs))

    def submit(self, job: Job) -> Future[Job]:
        try:
            return self.pool.submit(_work, job)
        except BrokenProcessPool:
            self._start()
            return self.pool.submit(_work, job)

    def alone(self, job: Job) -> Job:
        """Try a job again after it, or one beside it, brought its process down."""
        with _Processes(self.step, 1) as single:
            try:
                return single.submit(job).result()
            except BrokenProcessPool:
                return job.ended("bad", DIED)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            self.lifeline.close()  # the processes end at once
        self.pool.shutdown(cancel_futures=True)
        self.lifeline.close()


_worker: Callable[[Job], Job]


def _begin(step: Step, lifeline: Connection) -> None:
    """Make this process a worker."""
    global _worker
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):  # are for the process that started it
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(1)
    _worker = open_step(step, torch.device("cpu"))


def _end_with(lifeline: Connection) -> None:
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


def _work(job: Job) -> Job:
    return _worker(job)


class _Threads(_Station):
    """Threads of this process; those of one device share its models."""

    def __init__(self, step: Step, size: int, devices: Sequence[torch.device]) -> None:
        self.size = size
        opened = [step.open(device) for device in devices[:size]]
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


def _processors() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1
