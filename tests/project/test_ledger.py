"""Ledger of the demo: as its script writes it, and true of the files beside it."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from jasco.errors import DataError

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "assets/demo"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_ledger", ROOT / "scripts/write_ledger.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "write_ledger", module)
    spec.loader.exec_module(module)
    return module


def test_the_ledger_is_what_the_script_writes(script: ModuleType) -> None:
    text = (DEMO / "LEDGER.md").read_text()
    assert text == script.ledger()
    weights = [*DEMO.rglob("*.safetensors")]
    assert len(weights) == 5
    for path in weights:
        assert hashlib.sha256(path.read_bytes()).hexdigest() in text
    assert all(line.endswith("|") for line in text.splitlines() if line.startswith("|"))
    assert "Frank Wen" in text and (ROOT / "assets/fluid_r3_gm_license.txt").is_file()


def test_songs_that_the_card_does_not_state_are_refused(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.check_card()
    monkeypatch.setattr(script, "SONGS", (script.Songs("flow", 777, 3, 3),))
    with pytest.raises(DataError, match="does not state '777'"):
        script.check_card()
