"""Batches of the queue: equal settings and near lengths, in the order of arrival."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from jasco.serving.limits import Limits
from jasco.serving.metrics import Metrics
from jasco.serving.prepared import ModelFacts, Prepared
from jasco.serving.scheduler import Job, Scheduler
from jasco.serving.worker import Ordered, Told

FACTS = ModelFacts("tiny", None, ("text",), 32000, 1, 50.0, 10.0, "cpu", "float32", 1)
LIMITS = Limits()


def test_batches_have_equal_settings_and_near_lengths(tmp_path: Path) -> None:
    requests = [
        {"duration": 8},
        {"duration": 5},
        {"seed": 3, "guidance": 2.0},
        {"duration": 9, "steps": 3},
        {"duration": 6},
        {"duration": 9.5},
        {"duration": 8, "stream": True},
        {"duration": 8, "solver": "dopri5"},
        {"duration": 7},
        {"duration": 8},
    ]

    async def batches() -> list[list[int]]:
        scheduler = Scheduler([], LIMITS, 3, tmp_path, Metrics())
        places = {}
        for place, values in enumerate(requests):
            prepared = Prepared.of({"text": "a"} | values, {}, FACTS, LIMITS)
            job = await scheduler.submit("someone", "wav", prepared, prepared.pack())
            places[job.id] = place
        found: list[list[int]] = []
        while sum(map(len, found)) < len(requests):
            found.append([places[job.id] for job in await scheduler._next_batch()])
        return found

    expected = [[0, 2, 5], [1, 4], [3], [6], [7], [8, 9]]
    assert asyncio.run(batches()) == expected


class _Ready:
    """Worker whose results are ready at once."""

    def run(self, batch: Sequence[Ordered]) -> Iterator[Told]:
        for one in batch:
            yield Told(one.id, "step", (1, 1, 0.0))
            yield Told(one.id, "done", (b"sound", {"seed": 3, "duration": 0.5}))

    def cancel(self, id: str) -> None: ...
    def restart(self) -> None: ...
    def close(self) -> None: ...


async def ended(folder: Path) -> Job:
    """Job of a request with an upload, after its end."""
    scheduler = Scheduler([_Ready()], LIMITS, 1, folder, Metrics())
    scheduler.start()
    prepared = Prepared.of({"text": "a"}, {}, FACTS, LIMITS)
    plain, _ = prepared.pack()
    job = await scheduler.submit("someone", "wav", prepared, (plain, bytes(1000)))
    await asyncio.wait_for(job.finished.wait(), 30)
    await scheduler.close()
    return job


def test_job_keeps_its_result_and_not_its_upload(tmp_path: Path) -> None:
    job = asyncio.run(ended(tmp_path))
    assert (job.status, job.done, job.facts["seed"]) == ("done", 1, 3)
    assert job.file is not None and job.file.read_bytes() == b"sound"
    assert (job.ordered.plain, job.ordered.tensors) == (b"", b"")


def test_result_that_cannot_be_written_fails_its_job(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    job = asyncio.run(ended(folder))
    assert (job.status, job.code, job.file) == ("failed", 500, None)
    assert job.error == "the result cannot be written (No such file or directory)"
