"""Takes of many requests on an executor: the files of one process, made once."""

from __future__ import annotations

import json
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
import torch

from jasco import Jasco
from jasco.pipeline.many import Journal, TakesPass, generate_many, kinds_of
from jasco.pipeline.many import _batches as jobs_of
from jasco.pipeline.plan import Plan
from jasco.pipeline.request import Request
from jasco.pipeline.source import ModelSource
from jasco.pipeline.takes import Reader, make_takes
from jasco.pipeline.takes import _batches as in_batches
from jasco.prepare.executors import LocalExecutor

BATCH = 2


@pytest.fixture(scope="module")
def source(tiny: Jasco, tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    folder = tiny.save_pretrained(tmp_path_factory.mktemp("model") / "tiny")
    return ModelSource(str(folder), "cpu", threads=1)


@pytest.fixture
def requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """Seven requests: the fifth does not fit the model, the last makes two takes."""
    monkeypatch.chdir(tmp_path)
    rows = [{"text": f"song {n}", "seed": n, "chords": "C Am", "bpm": 240} for n in range(7)]
    rows[4] |= {"guidance": "trumpet=2", "duration": 0.4}
    rows[6] |= {"samples": 2, "text": None}
    shared = {"duration": 0.3, "steps": 1, "output": "a.flac"}
    return [Request.build(shared | row, f"line {n}") for n, row in enumerate(rows)]


def run(
    plan: Plan, source: ModelSource, *facts: str, most: int = 99
) -> list[tuple[str, list[str]]]:
    """Outcome and files of the batches of a run that is ended after some of them."""
    work = TakesPass(source, BATCH, True, kinds_of(plan), ".")
    executor, journal = LocalExecutor(1, 1, "cpu"), Journal(Path("done.jsonl"), facts)
    with closing(generate_many(plan, work, executor, journal)) as running:
        return [
            (job.outcome, [str(take.path) for take in takes])
            for takes, job in islice(running, most)
        ]


def contents() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path().glob("*.flac")}


def test_a_run_goes_on_where_it_ended_with_the_files_of_one_process(
    source: ModelSource, requests: list[Request], tmp_path: Path
) -> None:
    threads = torch.get_num_threads()
    plan = Plan(requests)
    try:
        model = source.load()
        fitting = [take for take in plan if take.request.label != "line 4"]
        alone = Reader(model, alone=False)
        list(make_takes(fitting, model, alone, batch_size=BATCH))
        expected = contents()
        for name in expected:
            Path(name).unlink()

        first = run(plan, source, most=2)
        with Path("done.jsonl").open("a") as file:  # torn where a run was killed
            file.write('{"take": "a-6.fl')
        lost, *kept = [files for outcome, files in first if outcome == "done"]
        Path(lost[-1]).unlink()
        second = run(plan, source)
        assert [files for outcome, files in second if outcome == "skipped"] == sorted(kept)
        assert ("done", lost) in second and ("bad", ["a-5.flac"]) in second
        assert contents() == expected and len(expected) == 7

        changed = Request.build({**requests[0].given, "text": "other"}, "line 0")
        third = run(Plan([changed, *requests[1:]]), source)
        assert ("done", ["a-1.flac", "a-2.flac"]) in third and len(third) == len(second)
        assert [outcome for outcome, _ in third].count("done") == 1
        assert contents()["a-1.flac"] != expected["a-1.flac"]
        assert run(plan, source, "another setting", most=1)[0][0] != "skipped"
    finally:
        torch.set_num_threads(threads)
    rows = [json.loads(line) for line in Path("done.jsonl").read_text().splitlines()]
    assert len({row["take"] for row in rows}) == 7


@pytest.mark.parametrize("best_of", [(1, 1, 1, 1, 1), (3, 1, 2, 5, 1), (2, 4, 3), (8, 3)])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_jobs_end_where_a_batch_of_one_process_ends(best_of, size, tmp_path):
    """Takes of several seeds fill batches over their borders, by whose rounding files differ."""
    rows = [
        {"text": "a", "output": f"{n}.flac", "best_of": seeds, "chords": [("C", 0.0)]}
        for n, seeds in enumerate(best_of)
    ]
    takes = list(Plan([Request.build(row, "line") for row in rows]))
    assert [len(take.seeds) for take in takes] == list(best_of)
    whole = list(in_batches(takes, size))
    jobs = list(jobs_of(takes, size))
    assert [take for job in jobs for take in job] == takes
    assert [batch for job in jobs for batch in in_batches(job, size)] == whole
