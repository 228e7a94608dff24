"""Waits of the host for its device, counted on a pretended one that refuses mixed devices."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parent / "support"


@pytest.fixture(scope="module")
def waits() -> dict[str, dict[str, int]]:
    """Waits by what is done and where; the device changes torch, so in a process of its own."""
    command = [sys.executable, SUPPORT / "waits.py"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("what", "most"),
    [
        ("encode", 0),
        ("decode", 0),
        ("euler 1", 8),
        ("ab2 5", 8),
        ("training", 3),
        ("codec training", 6),
    ],
)
def test_the_host_rarely_waits(waits: dict[str, dict[str, int]], what: str, most: int) -> None:
    assert sum(waits[what].values()) <= most, waits[what]


def test_a_solver_step_does_not_wait(waits: dict[str, dict[str, int]]) -> None:
    assert sum(waits["ab2 5"].values()) == sum(waits["euler 1"].values()) > 0
    assert sum(waits["interval 5"].values()) == sum(waits["interval 1"].values()) > 0
