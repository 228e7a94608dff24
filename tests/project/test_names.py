"""The names a user imports, and that asking for none of them costs nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.metadata import version

import pytest

import jasco


def test_every_name_is_there_and_is_the_one_of_its_module() -> None:
    for name in jasco.__all__:
        found = getattr(jasco, name)
        assert getattr(import_module(found.__module__), name) is found
    assert {*jasco.__all__, "__version__"} <= set(dir(jasco))
    assert jasco.__version__ == version("jasco")
    assert jasco._HOME.keys() == set(jasco.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Jazzco'"):
        _ = jasco.Jazzco


def test_import_loads_nothing() -> None:
    code = "import sys, jasco; print(*{m.split('.')[0] for m in sys.modules})"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "jasco" in loaded
    assert not {"torch", "numpy", "transformers", "soundfile"} & set(loaded)
