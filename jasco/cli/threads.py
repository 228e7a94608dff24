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

WAIT_POLICY = "OMP_WAIT_POLICY"
MAX_THREADS = 512


def wait_asleep() -> None:
    """Have OpenMP's threads sleep at barriers, unless the user chose otherwise.

    Without effect once torch is imported: OpenMP reads its variables when it is loaded.
    """
    if "torch" not in sys.modules and not os.environ.keys() & {"GOMP_SPINCOUNT", "KMP_BLOCKTIME"}:
        os.environ.setdefault(WAIT_POLICY, "PASSIVE")


def default_threads() -> int:
    """Threads of torch (``OMP_NUM_THREADS``, else physical cores), at most one a usable core."""
    import torch

    from jasco.workers import usable_cores

    return min(torch.get_num_threads(), usable_cores())


def use_threads(number: int | None = None) -> int:
    """Set and return the number of threads; `default_threads` where none is given."""
    import torch

    threads = number or default_threads()
    if threads != torch.get_num_threads():
        torch.set_num_threads(threads)
    return threads
