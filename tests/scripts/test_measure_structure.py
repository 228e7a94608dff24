"""``scripts/measure_structure.py``: figures of a small checkout whose answers are known."""

from __future__ import annotations

from pathlib import Path

import pytest
from programs import load_script

MODULE = '''"""How a module begins."""

import os  # a comment beside code

# A comment of its own.
SIZE = 3
"""Docstring of a constant."""


def name(node):
    """Name of a node.

    Raises:
        KeyError: it has none.
    """
    text = """several
    lines"""
    return text + os.sep


class Node:
    """Of a tree."""
'''


@pytest.fixture(scope="module")
def script():
    return load_script("measure_structure")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    files = {
        "jasco/model.py": "x = 1\n",
        "jasco/data/clips.py": MODULE,
        "tests/test_a.py": "def test():\n    assert 1\n    with pytest.raises(E):\n        f()\n",
        "conf/a.yaml": "# A comment\ndefaults:\n  - _self_\nx: 1 # the same\ny: 2\n",
        "conf/group/b.yaml": "\nnode:\n  x: 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_figures_of_a_small_checkout(script, checkout):
    found = script.measure(checkout)
    assert found["code lines of the core"] == 1
    assert (
        found["code lines outside the core"] == 7
    )  # import, SIZE, def, 2 of a text, return, class
    assert found["docstrings with a forbidden opening"] == 2
    assert found["assertions in tests"] == 2
    assert found["share of repeated config lines"] == pytest.approx(2 / 6)
    assert found["share of data"] == pytest.approx(7 / 8)


def test_the_command_compares_with_another_checkout(script, checkout, capsys):
    script.main(["--against", str(checkout)])
    lines = capsys.readouterr().out.splitlines()
    (core,) = (line.split() for line in lines if line.startswith("code lines of the core"))
    assert core[-1] == "1" and int(core[-2].replace(",", "")) > 1000
    (share,) = (line.split() for line in lines if "repeated config" in line)
    assert share[-1] == "33.3%"
