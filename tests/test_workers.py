"""Worker processes: their results, and their end with the process that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

import pytest
import torch

from jasco import workers
from jasco.workers import WorkerPool, one_thread, usable_cores


def open_facts() -> Callable[[str], object]:
    """Function that answers questions about its process."""
    return lambda question: {
        "threads": torch.get_num_threads(),
        "ignored": signal.getsignal(signal.SIGINT) == signal.getsignal(signal.SIGTERM),
        "id": os.getpid(),
    }[question]


def open_doomed(marks: Path) -> Callable[[float], None]:
    """Function that leaves a mark, then waits."""

    def wait(seconds: float) -> None:
        (marks / str(os.getpid())).touch()
        time.sleep(seconds)

    return wait


def open_death() -> Callable[[int], None]:
    return lambda number: os.kill(os.getpid(), number)


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # One that nobody has waited for yet has ended too.
    return " Z " not in f" {Path(f'/proc/{process}/stat').read_text().rpartition(')')[2]} "


def ended(marks: Path, within: float = 20.0) -> bool:
    """Every process that left a mark ends."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if not any(is_alive(int(mark.name)) for mark in marks.iterdir()):
            return True
        time.sleep(0.05)
    return False


def marked(marks: Path, count: int, within: float = 60.0) -> None:
    end = time.monotonic() + within
    while len(list(marks.iterdir())) < count and time.monotonic() < end:
        time.sleep(0.05)
    assert len(list(marks.iterdir())) == count


def test_another_process_answers_with_one_thread() -> None:
    pool: WorkerPool[str, object] = WorkerPool(1, open_facts)
    answers = [pool.submit(question) for question in ("threads", "ignored", "id")]
    pool.finish()
    threads, ignored, process = (answer.result() for answer in answers)
    assert threads == 1 and ignored and process != os.getpid()


def test_a_death_is_raised_here() -> None:
    pool: WorkerPool[int, None] = WorkerPool(1, open_death)
    with pytest.raises(BrokenProcessPool):
        pool.submit(signal.SIGKILL).result()
    with pytest.raises(BrokenProcessPool):
        pool.submit(signal.SIGKILL)
    pool.finish()


def test_abandoned_processes_end_at_once(tmp_path: Path) -> None:
    pool: WorkerPool[float, None] = WorkerPool(1, partial(open_doomed, tmp_path))
    pool.submit(600.0)
    marked(tmp_path, 1)
    start = time.monotonic()
    pool.abandon()
    assert ended(tmp_path) and time.monotonic() - start < 30


PROGRAM = """
import sys, time
from functools import partial
from pathlib import Path
from test_workers import open_doomed
from jasco.workers import WorkerPool

if __name__ == "__main__":
    pool = WorkerPool(1, partial(open_doomed, Path(sys.argv[1])))
    pool.submit(600.0).result()
"""


def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    """Also where it is killed, and can do nothing about it."""
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "marks").mkdir()
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py"), str(tmp_path / "marks")],
        env={**os.environ, "PYTHONPATH": path},
    )
    marked(tmp_path / "marks", 1)
    process.kill()
    process.wait()
    assert ended(tmp_path / "marks")


def test_one_thread_is_for_the_block_alone() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ValueError), one_thread():
            assert torch.get_num_threads() == 1
            raise ValueError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


QUOTAS = {
    "version 2, a quarter of a core": ({"cpu.max": "25000 100000\n"}, 1),
    "version 2, a core and a half": ({"cpu.max": "150000 100000\n"}, 2),
    "version 2, one core": ({"cpu.max": "100000 100000\n"}, 1),
    "version 2, no limit": ({"cpu.max": "max 100000\n"}, None),
    "version 2, in a group": ({"a/b/cpu.max": "max 100000\n", "a/cpu.max": "100000 100000\n"}, 1),
    "version 1, one core": (
        {"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"},
        1,
    ),
    "version 1, no limit": (
        {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
        None,
    ),
    "broken": ({"cpu.max": "much\n"}, None),
    "none": ({}, None),
}


@pytest.mark.parametrize("name", QUOTAS)
def test_the_quota_of_a_container_counts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, cores = QUOTAS[name]
    for file, text in files.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    (tmp_path / "own").write_text("0::/a/b\n4:cpu,cpuacct:/\n3:memory:/else\n")
    monkeypatch.setattr(workers, "_CGROUPS", tmp_path)
    monkeypatch.setattr(workers, "_OWN_GROUP", tmp_path / "own")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert usable_cores() == (64 if cores is None else cores)
