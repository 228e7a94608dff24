"""Worker processes of one thread each, and the number of cores they may use.

Nothing here imports torch before it is needed: the command lines read their options first.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Generic, TypeVar

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")
_PATIENCE = 2.0  # s that a pool has for its end, which before Python 3.11.7 may never come


Value = TypeVar("Value")
Result = TypeVar("Result")


class WorkerPool(Generic[Value, Result]):
    """Spawned processes that end when the process that started them ends, even by SIGKILL.

    Each computes with one thread, so that results do not depend on the number of processes, and
    ignores SIGINT and SIGTERM, which the starting process handles.

    Args:
        size: number of processes.
        open: called once in every process, and sent there by name; returns the function that
            processes a value.
    """

    def __init__(self, size: int, open: Callable[[], Callable[[Value], Result]]) -> None:
        # Only this process holds its end of the pipe, so that it closes even if it is killed.
        theirs, self._lifeline = multiprocessing.Pipe(duplex=False)
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(size, context, _begin, (open, theirs))

    def submit(self, value: Value) -> Future[Result]:
        """Process a value in one of the processes.

        Raises:
            BrokenProcessPool: a process died; here or by the future.
        """
        return self._pool.submit(_process, value)

    def finish(self) -> None:
        """Wait for all values, then end the processes."""
        self._pool.shutdown()
        self._lifeline.close()

    def abandon(self) -> None:
        """End the processes at once, also those that only start."""
        self._lifeline.close()
        shutdown = threading.Thread(
            target=self._pool.shutdown, kwargs={"cancel_futures": True}, daemon=True
        )
        shutdown.start()
        shutdown.join(_PATIENCE)


_function: Callable[[Any], Any]


def _begin(open: Callable[[], Callable[[Any], Any]], lifeline: Connection) -> None:
    """Initialize a process of the pool."""
    global _function
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    import torch

    torch.set_num_threads(1)
    _function = open()


def _end_with(lifeline: Connection) -> None:
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


def _process(value: Any) -> Any:
    return _function(value)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of torch in the block, for the same rounding as in a process of a pool."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def usable_cores() -> int:
    """Cores that this process may compute on, by its affinity and by the quota of its container."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # neither macOS nor Windows has it
        cores = os.cpu_count() or 1
    quota = _quota()
    return cores if quota is None else max(1, min(cores, round(quota)))


def _quota() -> float | None:
    """Cores that the control groups of the process allow, ``None`` without a limit."""
    found = []
    for folder in _groups():
        try:
            if (folder / "cpu.max").is_file():
                limit, period = (folder / "cpu.max").read_text().split()
            else:
                limit = (folder / "cpu.cfs_quota_us").read_text().strip()
                period = (folder / "cpu.cfs_period_us").read_text()
            if limit not in ("max", "-1"):
                found.append(int(limit) / int(period))
        except (OSError, ValueError, ZeroDivisionError):
            continue
    return min(found, default=None)


def _groups() -> list[Path]:
    """Folders of the process's control groups and of those above them, of both versions."""
    folders = [_CGROUPS, _CGROUPS / "cpu"]
    try:
        lines = _OWN_GROUP.read_text().splitlines()
    except OSError:
        return folders
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = _CGROUPS / "cpu" if controllers else _CGROUPS
        group = root / name.lstrip("/")
        folders += [group, *(above for above in group.parents if above.is_relative_to(root))]
    return list(dict.fromkeys(folders))
