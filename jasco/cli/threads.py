"""Threads of the programs: how many compute, and how they wait for each other.

A step of the network is some hundred parallel regions, each ended by a barrier. OpenMP's threads
spin at a barrier, on the core that a late thread needs: where another program is busy, two threads
of ``jasco-generate`` on two cores took 4 times as long as one, and up to 15 times (0.28 s of a step
of one thread, 1.2 s of two with a worst case of 3.8 s, libgomp of torch 2.13). Threads that sleep
instead cost nothing on an idle machine and took 0.28 s on the busy one. So the programs ask for
sleeping threads, before torch loads OpenMP, and take as many as there are cores for them.

This is for programs alone: ``import jasco`` changes neither.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

WAIT_POLICY = "OMP_WAIT_POLICY"
MAX_THREADS = 512
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def wait_asleep() -> None:
    """Have OpenMP's threads sleep at barriers, unless the user chose otherwise.

    Without effect once torch is imported: OpenMP reads its variables when it is loaded.
    """
    if "torch" not in sys.modules and not os.environ.keys() & {"GOMP_SPINCOUNT", "KMP_BLOCKTIME"}:
        os.environ.setdefault(WAIT_POLICY, "PASSIVE")


def usable_cores() -> int:
    """Cores that this process may compute on, by its affinity and by the quota of its container."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # neither macOS nor Windows has it
        cores = os.cpu_count() or 1
    quota = _quota()
    return cores if quota is None else max(1, min(cores, round(quota)))


def default_threads() -> int:
    """Threads of torch (``OMP_NUM_THREADS``, else physical cores), at most one a usable core."""
    import torch

    return min(torch.get_num_threads(), usable_cores())


def use_threads(number: int | None = None) -> int:
    """Set and return the number of threads; `default_threads` where none is given."""
    import torch

    threads = number or default_threads()
    if threads != torch.get_num_threads():
        torch.set_num_threads(threads)
    return threads


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
