"""Number and wait policy of the threads of the command lines.

A step of the network has about a hundred parallel regions, each with a barrier at its end. The
threads of OpenMP spin at barriers, on cores that late threads need: beside another busy program, a
step took 1.2 s (at worst 3.8 s) with two threads on two cores, and 0.28 s with one thread or with
threads that sleep at barriers (libgomp of torch 2.13). On an idle machine sleeping costs nothing.

Only the command lines set this, not ``import jasco``.
"""

from __future__ import annotations

import os
import sys

WAIT_POLICY = "OMP_WAIT_POLICY"
MAX_THREADS = 512


def wait_asleep() -> None:
    """Let OpenMP's threads sleep at barriers, unless environment variables say otherwise.

    Must be called before the import of torch, with which OpenMP reads its variables.
    """
    if "torch" not in sys.modules and not os.environ.keys() & {"GOMP_SPINCOUNT", "KMP_BLOCKTIME"}:
        os.environ.setdefault(WAIT_POLICY, "PASSIVE")


def default_threads() -> int:
    """Threads of torch (``OMP_NUM_THREADS``, else physical cores), at most one per usable core."""
    import torch

    from jasco.workers import usable_cores

    return min(torch.get_num_threads(), usable_cores())


def use_threads(number: int | None = None) -> int:
    """Set and return the number of threads, by default `default_threads`."""
    import torch

    threads = number or default_threads()
    if threads != torch.get_num_threads():
        torch.set_num_threads(threads)
    return threads
