"""1,000 mutated inputs over all readers: results and JascoErrors, in bounded time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import fuzz
import pytest

COUNT = 100  # inputs of each reader
PEAK = 2e9  # bytes
ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "tests" / "support" / "fuzz.py"


@pytest.mark.slow
@pytest.mark.parametrize("reader", fuzz.READERS)
def test_mutated_input_gives_a_result_or_a_jasco_error(reader: str, tmp_path: Path) -> None:
    folder = tmp_path / "inputs"
    folder.mkdir()
    path = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, str(PROGRAM), reader, str(folder), "0", str(COUNT)],
        env=os.environ | {"PYTHONPATH": path, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=fuzz.LIMIT * COUNT,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *faults, summary = map(json.loads, done.stdout.splitlines())
    assert not faults, json.dumps(faults, indent=1)
    assert summary["read"] == COUNT
    assert 0 < summary["refused"] < COUNT  # else the mutations tell nothing
    assert summary["peak"] < PEAK


def test_every_family_of_readers_is_there() -> None:
    assert len(fuzz.READERS) * COUNT == 1000
