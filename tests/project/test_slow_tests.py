from __future__ import annotations

import re
from pathlib import Path

import pytest
from slow_tests import SLOW

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("beginning", SLOW)
def test_it_is_the_beginning_of_a_test(beginning: str) -> None:
    place, _, function = beginning.partition("::")
    files = [p for p in ROOT.glob("tests/**/*.py") if str(p.relative_to(ROOT)).startswith(place)]
    assert files and all(re.search(rf"def {function or 'test_'}", p.read_text()) for p in files)
