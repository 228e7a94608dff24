"""Threads of the programs: their number, and sleeping at barriers."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from jasco.cli.threads import use_threads
from jasco.workers import usable_cores

PROGRAM = """
import os, sys
from jasco.cli.errors import one_line_errors

@one_line_errors("trial")
def main() -> int:
    assert "torch" not in sys.modules
    import torch
    from jasco.cli.threads import use_threads
    print(os.environ.get("OMP_WAIT_POLICY"), use_threads(), torch.get_num_threads())
    return 0

raise SystemExit(main())
"""


def started(**environment: str) -> list[str]:
    """Wait policy, threads that are chosen and threads of torch in a program of its own."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
    }
    command = [sys.executable, "-c", PROGRAM]
    result = subprocess.run(
        command, env=clean | environment, capture_output=True, text=True, check=True
    )
    return result.stdout.split()


def test_threads_sleep_and_are_as_many_as_the_cores() -> None:
    policy, chosen, of_torch = started()
    assert policy == "PASSIVE" and chosen == of_torch
    assert 1 <= int(chosen) <= usable_cores()


@pytest.mark.parametrize(
    ("environment", "policy"),
    [
        ({"OMP_NUM_THREADS": "1"}, "PASSIVE"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE"),
        ({"GOMP_SPINCOUNT": "100"}, "None"),
    ],
)
def test_what_the_user_chose_stays(environment: dict[str, str], policy: str) -> None:
    found, chosen, _ = started(**environment)
    assert found == policy
    assert chosen == environment.get("OMP_NUM_THREADS", chosen)


def test_a_number_is_taken() -> None:
    before = torch.get_num_threads()
    try:
        assert use_threads(2) == torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert use_threads() == min(before, usable_cores())
    torch.set_num_threads(before)
