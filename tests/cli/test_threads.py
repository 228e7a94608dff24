"""Programs take as many threads as they may use, which sleep while they wait for each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from jasco.cli import threads
from jasco.cli.threads import usable_cores, use_threads

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
    monkeypatch.setattr(threads, "_CGROUPS", tmp_path)
    monkeypatch.setattr(threads, "_OWN_GROUP", tmp_path / "own")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert usable_cores() == (64 if cores is None else cores)


def test_a_number_is_taken() -> None:
    before = torch.get_num_threads()
    try:
        assert use_threads(2) == torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert use_threads() == min(before, usable_cores())
    torch.set_num_threads(before)
