"""Jobs of a server: a queue, batches of alike requests, and an answer to each of them."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from jasco.errors import SettingError
from jasco.pipeline.plan import are_near
from jasco.prepare.executors.job import DIED
from jasco.serving.limits import Limits
from jasco.serving.metrics import Metrics
from jasco.serving.prepared import Prepared
from jasco.serving.worker import Ordered, Told

Status = Literal["queued", "running", "done", "failed", "cancelled"]
_WINDOW = 0.02  # s that a batch waits for further requests
_ATTEMPTS = 2
_PAUSE = 1.0  # s between two starts of a worker


class Worker(Protocol):
    """Worker; see `jasco.serving.worker.LocalWorker`."""

    def run(self, batch: Sequence[Ordered]) -> Iterator[Told]: ...
    def cancel(self, id: str) -> None: ...
    def restart(self) -> None: ...
    def close(self) -> None: ...


class Busy(Exception):
    """Server that takes no further request now.

    Attributes:
        after: time after which to try again (s).
    """

    def __init__(self, text: str, after: float) -> None:
        super().__init__(text)
        self.after = after


@dataclass(eq=False)
class Job:
    """Request that is generated.

    Attributes:
        owner: name of the key of its client.
        ordered: request for the worker.
        batch: key of requests of near lengths that may run with it; ``None`` for none.
        length: length (s).
        notes: changes that fitted the request to the model.
        status: state.
        done, total, left: steps of the solver, and the time of the others (s).
        code, error: HTTP status and text of a failure.
        file, facts: result; the file of a stream is not kept.
        sounds: pieces of a stream, ``None`` at the end.
        finished: set at the end.
    """

    owner: str
    ordered: Ordered
    batch: str | None
    length: float
    notes: tuple[str, ...]
    status: Status = "queued"
    done: int = 0
    total: int = 0
    left: float | None = None
    code: int = 200
    error: str | None = None
    file: Path | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    sounds: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    begun: float = field(default_factory=time.monotonic)
    attempts: int = 0

    @property
    def id(self) -> str:
        """Id."""
        return self.ordered.id

    @property
    def is_open(self) -> bool:
        """True while the job waits or runs."""
        return self.status in ("queued", "running")

    def end(self, status: Status, code: int = 200, error: str | None = None) -> None:
        """Set the outcome, and free the files of the request, which no worker needs any more."""
        self.ordered = replace(self.ordered, plain=b"", tensors=b"")
        self.status, self.code, self.error, self.left = status, code, error, None
        self.begun = time.monotonic()
        self.sounds.put_nowait(None)
        self.finished.set()


class Scheduler:
    """Queue of jobs, and the workers that generate them in batches.

    Args:
        workers: workers.
        limits: limits of the server.
        batch_size: most requests of a batch.
        folder: folder for results.
        metrics: counters.
    """

    def __init__(
        self,
        workers: Sequence[Worker],
        limits: Limits,
        batch_size: int,
        folder: Path,
        metrics: Metrics,
    ) -> None:
        self.workers, self.limits, self.metrics = workers, limits, metrics
        self._batch_size, self._folder = batch_size, folder
        self._pending: deque[Job] = deque()
        self._jobs: dict[str, Job] = {}
        self._more = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self._at: dict[str, Worker] = {}
        self._seconds = 5.0  # of a job, a moving mean
        self.closing = False

    def start(self) -> None:
        """Begin to work, within a running event loop."""
        self._tasks = [asyncio.create_task(self._work(worker)) for worker in self.workers]
        self._tasks.append(asyncio.create_task(self._sweep()))

    async def close(self) -> None:
        """Finish what waits and runs, then end the workers."""
        self.closing = True
        open_ = [job.finished.wait() for job in self._jobs.values() if job.is_open]
        await asyncio.gather(*open_)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for worker in self.workers:
            await asyncio.to_thread(worker.close)

    def check_room(self, owner: str, reading: int, reading_of_owner: int) -> None:
        """Refuse a further request where the queue is full.

        Args:
            owner: name of the key of the client.
            reading: requests whose files are read now.
            reading_of_owner: those of this client.

        Raises:
            Busy: the queue is full, or the client has many requests in it.
        """
        open_ = [job for job in self._jobs.values() if job.is_open]
        own = sum(job.owner == owner for job in open_) + reading_of_owner
        waiting = len(self._pending) + reading
        after = max(self._seconds * (waiting + 1) / len(self.workers), 1.0)
        if self.closing:
            raise Busy("the server ends", after)
        if waiting >= self.limits.queue:
            raise Busy(f"{waiting} requests wait already", after)
        if own >= self.limits.per_key:
            raise Busy(f"{own} requests of this client wait or run already", after)

    async def submit(
        self, owner: str, form: str, prepared: Prepared, packed: tuple[bytes, bytes]
    ) -> Job:
        """Queue a request."""
        ordered = Ordered(secrets.token_hex(16), form, *packed)
        job = Job(owner, ordered, prepared.batch, prepared.length, prepared.notes)
        self._jobs[job.id] = job
        await self._queue(job)
        return job

    def find(self, id: str, owner: str) -> Job | None:
        """Job of a client."""
        job = self._jobs.get(id)
        return job if job is not None and job.owner == owner else None

    def position(self, job: Job) -> int:
        """Number of jobs that run before a queued one."""
        return self._pending.index(job) if job in self._pending else 0

    def cancel(self, job: Job, code: int = 499, error: str = "cancelled") -> None:
        """End a job that waits or runs; the work ends at the next step of the solver."""
        if not job.is_open:
            return
        if job in self._pending:
            self._pending.remove(job)
        worker = self._at.get(job.id)
        self._end(job, "cancelled", code, error)
        if worker is not None:
            worker.cancel(job.id)

    def remove(self, job: Job) -> None:
        """Forget a job, and remove its file; one that waits or runs is cancelled."""
        self.cancel(job)
        self._jobs.pop(job.id, None)
        if job.file is not None:
            job.file.unlink(missing_ok=True)

    async def _queue(self, job: Job, *, first: bool = False) -> None:
        job.status = "queued"
        (self._pending.appendleft if first else self._pending.append)(job)
        self.metrics.queue.set(len(self._pending))
        async with self._more:
            self._more.notify()

    async def _next_batch(self) -> list[Job]:
        """First jobs of equal settings and near lengths."""
        async with self._more:
            await self._more.wait_for(lambda: self._pending)
            if self._batch_size > 1 and len(self._pending) < self._batch_size:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_WINDOW):
                        await self._more.wait_for(lambda: len(self._pending) >= self._batch_size)
            if not self._pending:
                return []
            batch = [first := self._pending.popleft()]
            if first.batch is not None:
                for job in [job for job in self._pending if job.batch == first.batch]:
                    lengths = [job.length, *(own.length for own in batch)]
                    if len(batch) < self._batch_size and are_near(min(lengths), max(lengths)):
                        batch.append(job)
            for job in batch[1:]:
                self._pending.remove(job)
            self.metrics.queue.set(len(self._pending))
            return batch

    async def _work(self, worker: Worker) -> None:
        loop = asyncio.get_running_loop()

        def run(batch: Sequence[Ordered]) -> None:
            for told in worker.run(batch):
                loop.call_soon_threadsafe(self._tell, told)

        with ThreadPoolExecutor(1, "worker") as thread:
            while True:
                if not (batch := await self._next_batch()):
                    continue
                for job in batch:
                    job.status, self._at[job.id] = "running", worker
                    job.attempts += 1
                self.metrics.batch.observe(len(batch))
                begun = time.monotonic()
                try:
                    await loop.run_in_executor(thread, run, [job.ordered for job in batch])
                except EOFError:
                    self.metrics.restarts.inc()
                    await self._again(batch)
                    await loop.run_in_executor(thread, _restarted, worker)
                finally:
                    for job in batch:
                        self._at.pop(job.id, None)
                seconds = (time.monotonic() - begun) / len(batch)
                self._seconds += 0.2 * (seconds - self._seconds)

    async def _again(self, batch: Sequence[Job]) -> None:
        """Queue the jobs of a worker that died once more, but those that had their chance."""
        for job in reversed(batch):
            self._at.pop(job.id, None)
            if job.is_open and (job.attempts >= _ATTEMPTS or job.facts.get("began")):
                self._end(job, "failed", 500, DIED)
            elif job.is_open:
                job.done = job.total = 0
                await self._queue(job, first=True)

    def _tell(self, told: Told) -> None:
        """Note a message of a worker about a job, unless it was cancelled."""
        job = self._jobs.get(told.id)
        if job is None or not job.is_open:
            return
        if told.kind == "step":
            job.done, job.total, job.left = told.value
        elif told.kind == "sound":
            job.facts["began"] = True
            job.sounds.put_nowait(told.value)
        elif told.kind == "done":
            self._keep(job, *told.value)
        else:
            self._end(job, "failed", 422 if told.kind == "refused" else 500, told.value)

    def _keep(self, job: Job, data: bytes, facts: dict[str, Any]) -> None:
        """End a job with its result."""
        path = self._folder / f"{job.id}.{job.ordered.form}"
        try:
            if data:
                path.write_bytes(data)
                job.file = path
        except OSError as error:
            path.unlink(missing_ok=True)
            self._end(job, "failed", 500, f"the result cannot be written ({error.strerror})")
            return
        job.facts = facts
        self.metrics.audio.inc(facts["duration"])
        self._end(job, "done")

    def _end(self, job: Job, status: Status, code: int = 200, error: str | None = None) -> None:
        self.metrics.jobs.labels(status).inc()
        self.metrics.seconds.observe(time.monotonic() - job.begun)
        job.end(status, code, error)

    async def _sweep(self) -> None:
        """End jobs that take too long, and remove results that nobody fetches."""
        while True:
            await asyncio.sleep(0.5)
            now = time.monotonic()
            for job in list(self._jobs.values()):
                if job.is_open and now - job.begun > self.limits.total:
                    self.cancel(job, 504, f"not done within {self.limits.total:g} s")
                elif not job.is_open and now - job.begun > self.limits.kept:
                    self.remove(job)
            ended = [job for job in self._jobs.values() if not job.is_open]
            for job in ended[: max(len(ended) - self.limits.results, 0)]:
                self.remove(job)


def _restarted(worker: Worker) -> None:
    """Start a worker again, also where its model cannot be loaded at once."""
    while True:
        try:
            return worker.restart()
        except SettingError as error:
            logging.getLogger(__name__).error("a worker does not start: %s", error)
            time.sleep(_PAUSE)
