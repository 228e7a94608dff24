"""``scripts/bench_training.py``: rows in turns, and their table."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from programs import load_script

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        yield load_script("bench_training")
    finally:
        sys.path.remove(str(ROOT / "scripts"))


def test_processes_take_turns(script, capsys):
    found = script.alternate(["matrix product", "no such row"], rounds=1)
    assert found["matrix product"]["cpu"] > 0 and found["no such row"] == {}
    assert "no such row: KeyError" in capsys.readouterr().out


def test_a_table_of_ways(script):
    found = {
        "full": {"gb": 10.0, "cpu": 8.0, "expected_gb": 9.0},
        "LoRA": {"gb": 5.0, "cpu": 6.0, "expected_gb": 3.0},
        "too large": {"expected_gb": 30.0},
        "failed": {},
    }
    assert [line.split() for line in script.table(found)[1:]] == [
        ["full", "10.00", "1.00", "8.00", "1.00", "9.0"],
        ["LoRA", "5.00", "0.50", "6.00", "0.75", "3.0", "fits", "8", "GB"],
        ["too", "large", "-", "-", "-", "-", "30.0"],
        ["failed", "-", "-", "-", "-", "nan"],
    ]
