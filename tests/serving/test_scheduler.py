"""Batches of the queue: equal settings and near lengths, in the order of arrival."""

from __future__ import annotations

import asyncio
from pathlib import Path

from jasco.serving.limits import Limits
from jasco.serving.metrics import Metrics
from jasco.serving.prepared import ModelFacts, Prepared
from jasco.serving.scheduler import Scheduler

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
