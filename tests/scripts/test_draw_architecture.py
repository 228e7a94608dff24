"""Picture of the architecture: rows, reduction, and agreement with the imports of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from programs import load_script

DRAWING = load_script("draw_architecture")
CHAIN = {"a": {"b", "c"}, "b": {"c"}, "c": set(), "d": {"c"}}


def arrows(picture: str) -> set[tuple[str, ...]]:
    return {tuple(pair.split()) for pair in re.findall(r'<path class="([\w ]+)"', picture)}


def test_a_package_stands_above_all_that_it_imports() -> None:
    assert DRAWING.rows(CHAIN) == [["c"], ["b", "d"], ["a"]]
    with pytest.raises(ValueError, match="a cycle of imports among x, y"):
        DRAWING.rows({"x": {"y"}, "y": {"x"}, "z": set()})


def test_implied_imports_are_left_out() -> None:
    assert DRAWING.reduced(CHAIN) == {"a": {"b"}, "b": {"c"}, "c": set(), "d": {"c"}}
    assert arrows(DRAWING.draw(CHAIN)) == {("a", "b"), ("b", "c"), ("d", "c")}


def test_imports_are_read_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "part.py").write_text("def f():\n    from jasco.low import g\n")
    (tmp_path / "low.py").write_text("import os\nimport jasco.errors\n")
    (tmp_path / "errors.py").write_text("")
    (tmp_path / "__init__.py").write_text("from jasco.top import f\n")
    found = DRAWING.read_imports(tmp_path)
    assert found == {"top": {"low"}, "low": {"errors"}, "errors": set()}
    assert arrows(DRAWING.draw(found)) == {("top", "low")}  # not to a foundation


def test_the_picture_in_the_docs_is_that_of_the_code(tmp_path: Path) -> None:
    """Where it differs, ``python scripts/draw_architecture.py`` draws it again."""
    assert DRAWING.main(["-o", str(tmp_path / "now.svg")]) == 0
    now, kept = (tmp_path / "now.svg").read_text(), DRAWING.OUTPUT.read_text()
    assert arrows(now) and arrows(kept) == arrows(now)
    boxes = re.compile(r">(\w+)</text>")
    assert set(boxes.findall(kept)) == set(boxes.findall(now)) >= DRAWING.FOUNDATIONS
