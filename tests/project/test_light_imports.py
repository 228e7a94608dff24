"""Modules that check what a user asks for load without torch and numpy, so errors come at once."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"numpy", "scipy", "soundfile", "torch", "transformers"}
LIGHT = (
    "jasco",
    "jasco.band.patterns",
    "jasco.chords",
    "jasco.errors",
    "jasco.io.files",
    "jasco.flow",
    "jasco.io.jsonl",
    "jasco.io.plain",
    "jasco.runs",
    "jasco.song.edit",
)


@pytest.mark.parametrize("name", LIGHT)
def test_a_module_loads_without_torch(name: str) -> None:
    program = f"import json, sys, {name}; print(json.dumps([*sys.modules]))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert not HEAVY & set(json.loads(result.stdout))
