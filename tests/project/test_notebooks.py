"""Notebooks show their results to those who only read them, and CI runs them again."""

from __future__ import annotations

import ast
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MAX_SIZE = 700_000


def code_cells(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text())["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def text(lines: str | list[str]) -> str:
    return "".join(lines)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_carries_its_outputs(path: Path) -> None:
    cells = code_cells(path)
    # Executed from top to bottom, so that the outputs are those of the cells as they are.
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert all(cell["outputs"] for cell in cells)
    assert {output["output_type"] for output in outputs} <= {
        "stream",
        "display_data",
        "execute_result",
    }
    assert not [output for output in outputs if output.get("name") == "stderr"]
    shown = [output.get("data", {}) for output in outputs]
    assert sum("image/png" in data for data in shown) >= 2
    players = [text(data["text/html"]) for data in shown if "text/html" in data]
    assert sum("data:audio/mpeg;base64," in player for player in players) >= 2


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_small(path: Path) -> None:
    assert path.stat().st_size < MAX_SIZE


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_names_that_a_notebook_imports_are_there(path: Path) -> None:
    tree = ast.parse("\n".join(text(cell["source"]) for cell in code_cells(path)))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = [(str(node.module), name.name) for node in imports for name in node.names]
    ours = [(module, name) for module, name in names if module.split(".")[0] == "jasco"]
    assert ours and all(hasattr(import_module(module), name) for module, name in ours)


def test_ci_runs_the_notebooks_again() -> None:
    assert NOTEBOOKS
    script = (ROOT / ".ci" / "run").read_text()
    assert "OMP_NUM_THREADS=1 pytest -n auto --nbmake notebooks" in script
