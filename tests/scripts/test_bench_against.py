"""``scripts/bench_against.py``: rows of two checkouts, one of which may lack what a row needs."""

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
        yield load_script("bench_against")
    finally:
        sys.path.remove(str(ROOT / "scripts"))


def test_a_row_of_this_checkout_and_of_one_without_it(script, tmp_path):
    """The former side fails on import; its reason is one line, and the other side is measured."""
    package = tmp_path / "jasco"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('nothing here')\n")
    result = script.compare("matrix product", tmp_path, ROOT, repeats=1)
    assert result["before"] == {} and result["after"]["seconds"] > 0
    table = script.lines(result)
    assert table[0] == "matrix product: ImportError: nothing here"
    assert len(table) == 3 and "nan" in table[1]


def test_programs_of_a_row_are_those_of_the_checkout(script, tmp_path, monkeypatch):
    """Python looks for the modules of ``-m`` in the current folder first."""
    code = "import os; print(os.getcwd(), os.environ['PYTHONPATH'])"
    monkeypatch.setattr(script, "PROCESS", tmp_path / "row.py")
    script.PROCESS.write_text(code)
    side = script.Side(tmp_path, "any")
    folder, paths = side.process.communicate()[0].split()
    assert folder == paths.split(":")[0] == str(tmp_path.resolve())


def test_medians_and_ratios(script):
    """The figures of a table: old over new."""
    old, new = {"seconds": 3.0, "gb": 2.0}, {"seconds": 1.5, "gb": 2.0}
    ratios = {"seconds": 2.0, "gb": 1.0}
    result = {"row": "a", "before": old, "after": new, "ratios": ratios, "failed": ["", ""]}
    first, second = script.lines(result)
    assert first.split() == ["a", "s", "3.000", "1.500", "2.00"]
    assert second.split() == ["a", "GB", "2.000", "2.000", "1.00"]


def test_a_folder_that_is_no_checkout(script, tmp_path, capsys):
    assert script.against(tmp_path, [], 1, None) == 1
    assert "no checkout of Jasco" in capsys.readouterr().out
