"""Takes of many requests on an executor of the preparation, with a journal to resume from.

A job is a batch of takes. Its batches are those of `jasco.pipeline.takes.make_takes`, so that the
files do not depend on the executor, nor on how often the run was killed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from jasco.errors import JascoError
from jasco.io.jsonl import write_lines
from jasco.model import Jasco
from jasco.notices import describe
from jasco.pipeline.adapters import RequestAdapters
from jasco.pipeline.check import Checker, compared
from jasco.pipeline.events import Failure, Note, Saved
from jasco.pipeline.plan import Plan, Take, groups
from jasco.pipeline.reading import check_fit
from jasco.pipeline.request import Request
from jasco.pipeline.source import ModelSource
from jasco.pipeline.takes import Reader, make_takes
from jasco.prepare.executors import Executor, Job


@dataclass(frozen=True)
class TakesPass:
    """Pass that generates the takes of jobs.

    Attributes:
        source: model.
        batch_size: most seeds to run together.
        keep_recipe: write the recipe into the files.
        kinds: label, values and check of one request of each kind, for whose adapters and
            extractors a worker is prepared.
        folder: folder that relative paths start from.
        chords: extractors of chords for the check.
    """

    source: ModelSource
    batch_size: int
    keep_recipe: bool
    kinds: Sequence[tuple[str | None, dict[str, Any], bool]]
    folder: str
    chords: Sequence[str] | None = None
    needs: Literal["model"] = "model"

    def open(self, device: torch.device) -> Callable[[Job], Job]:
        """See `jasco.prepare.executors.Pass`."""
        os.chdir(self.folder)
        own = self.source.device != "auto"
        model = (self.source if own else replace(self.source, device=str(device))).load()
        kinds = [(Request.build(values, label), check) for label, values, check in self.kinds]
        checked = [request for request, check in kinds if check]
        checker = Checker(checked, model.device, self.chords) if checked else None
        requests = [request for request, _ in kinds]
        adapters = RequestAdapters(requests, model, self.source.hub)
        return partial(self._work, model, checker, adapters if adapters.names else None)

    def _work(
        self, model: Jasco, checker: Checker | None, adapters: RequestAdapters | None, job: Job
    ) -> Job:
        made: list[dict[str, Any]] = []
        notes, failed = [], []
        try:
            takes = _takes(job.plain)
            for request in dict.fromkeys(take.request for take in takes):
                try:
                    check_fit([request], model)
                except JascoError as error:
                    failed.append(describe(error))
                    takes = [take for take in takes if take.request is not request]
            for event in make_takes(
                takes,
                model,
                Reader(model, alone=False),
                batch_size=self.batch_size,
                keep_recipe=self.keep_recipe,
                checker=checker,
                adapters=adapters,
            ):
                if isinstance(event, Saved):
                    report = event.chosen.report
                    made.append(
                        {
                            "path": str(event.take.path),
                            "seed": event.chosen.seed,
                            "duration": event.chosen.audio.duration,
                            "scores": [] if report is None else list(report.lines()),
                        }
                    )
                elif isinstance(event, Failure):
                    failed.append(describe(event.error))
                elif isinstance(event, Note):
                    notes.append(str(event))
        except Exception as error:  # the takes of other jobs are made
            failed.append(describe(error))
        return replace(
            job.ended("bad" if failed else "done"),
            plain={"made": made, "notes": notes, "failed": failed},
        )


class Journal:
    """JSONL file with the takes that are done, which a later run of the same requests leaves out.

    Args:
        path: file; it may be missing.
        facts: plain settings that the takes depend on, beside their requests.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, *facts: Any) -> None:
        self.path, self._facts = path, facts
        self._done: dict[str, str] = {}
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        for line in text.splitlines():  # the last one of a run that was killed may be torn
            with suppress(ValueError, TypeError, KeyError):
                row = json.loads(line)
                self._done[row["take"]] = row["key"]
        write_lines(path, ({"take": take, "key": key} for take, key in self._done.items()))

    def has(self, take: Take) -> bool:
        """True for a take of the same request, files and settings whose file is still there."""
        return self._done.get(str(take.path)) == self._key(take) and take.path.exists()

    def add(self, takes: Iterable[Take]) -> None:
        """Note takes that are done.

        Raises:
            OSError: the file cannot be written.
        """
        rows = ({"take": str(take.path), "key": self._key(take)} for take in takes)
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)

    def _key(self, take: Take) -> str:
        request = take.request
        seeds = len(take.seeds) if request.seed is None else list(take.seeds)
        states = [path.stat() for path in request.files]
        read = [(state.st_size, state.st_mtime_ns) for state in states]
        facts = [self._facts, dict(request.given), seeds, take.checked, read]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def kinds_of(plan: Plan) -> list[tuple[str | None, dict[str, Any], bool]]:
    """Label, values and check of one request for each set of adapters and checked controls."""
    checked = set(map(id, plan.checked))
    kinds: dict[Any, tuple[str | None, dict[str, Any], bool]] = {}
    for request in plan.requests:
        check = id(request) in checked
        key = request.adapters, check and (frozenset(compared(request)), request.best_of > 1)
        kinds.setdefault(key, (request.label, dict(request.given), check))
    return list(kinds.values())


def generate_many(
    plan: Plan, work: TakesPass, executor: Executor, journal: Journal
) -> Iterator[tuple[list[Take], Job]]:
    """Generate the takes of a plan that are not done yet.

    Args:
        plan: plan.
        work: pass.
        executor: executor of the pass.
        journal: journal, to which the takes are added.

    Yields:
        The takes of each batch with their job, in any order. Its ``plain`` has the takes that are
        ``made``, ``notes`` and the errors of those that ``failed``; batches that were done
        before come first, with a job that is skipped.

    Raises:
        JascoError: no take can be generated.
    """
    batches = list(_batches(plan, work.batch_size))
    jobs = []
    for number, batch in enumerate(batches):
        job = Job(number, str(batch[0].path))
        if all(map(journal.has, batch)):
            yield batch, job.ended("skipped")
        else:
            jobs.append(replace(job, plain=_plain(batch)))
    with closing(executor.run(jobs, [work])) as running:
        for job in running if jobs else ():
            if job.outcome == "fatal":
                raise JascoError(job.reason)
            batch = batches[job.number]
            made = {row["path"] for row in job.plain.get("made", ())}
            journal.add(take for take in batch if str(take.path) in made)
            yield batch, job


def _batches(takes: Iterable[Take], size: int) -> Iterator[list[Take]]:
    """Consecutive takes that may run together, cut where a batch of ``size`` seeds ends."""
    for group in groups(takes):
        batch: list[Take] = []
        seeds = 0
        for take in group:
            batch.append(take)
            seeds += len(take.seeds)
            if seeds % size == 0:
                yield batch
                batch = []
        if batch:
            yield batch


def _plain(batch: Sequence[Take]) -> dict[str, Any]:
    """Takes as plain data; `_takes` is the inverse."""
    requests = list(dict.fromkeys(take.request for take in batch))
    rows = [
        {
            "request": requests.index(take.request),
            "seeds": [take.seeds.start, take.seeds.stop],
            "path": str(take.path),
            "checked": take.checked,
            "session": take.session and str(take.session),
        }
        for take in batch
    ]
    return {"requests": [[one.label, dict(one.given)] for one in requests], "takes": rows}


def _takes(plain: Mapping[str, Any]) -> list[Take]:
    requests = [Request.build(values, label) for label, values in plain["requests"]]
    return [
        Take(
            requests[row["request"]],
            range(*row["seeds"]),
            Path(row["path"]),
            row["checked"],
            row["session"] and Path(row["session"]),
        )
        for row in plain["takes"]
    ]
