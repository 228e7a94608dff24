from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jasco.errors import MissingPartError
from jasco.io import assets
from jasco.io.assets import asset, package_dir

PACKAGE = Path(assets.__file__).resolve().parents[1]
QUESTION = "from jasco.io.assets import asset; print(asset('chord_vocabulary.json'))"


def install(folder: Path, *, inside: bool) -> Path:
    """A package of two modules with its assets where a wheel, or a checkout, has them."""
    package = folder / "jasco"
    (package / "io").mkdir(parents=True)
    for name in ("io/assets.py", "errors.py"):
        shutil.copy(PACKAGE / name, package / name)
    for name in ("io/__init__.py", "__init__.py"):
        (package / name).touch()
    data = (package if inside else folder) / "assets"
    data.mkdir()
    shutil.copy(asset("chord_vocabulary.json"), data)
    return data


@pytest.mark.parametrize("inside", [True, False], ids=["wheel", "checkout"])
def test_found_from_any_working_directory(tmp_path: Path, inside: bool) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    (elsewhere / "assets").mkdir(parents=True)  # a decoy in the working directory
    data = install(home, inside=inside)
    command = [sys.executable, "-c", QUESTION]
    answer = subprocess.run(
        command,
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(answer.stdout.strip()) == data / "chord_vocabulary.json"


def test_what_is_missing_is_named() -> None:
    with pytest.raises(MissingPartError, match=r"'no_such\.json'.*pip install"):
        asset("no_such.json")
    with pytest.raises(MissingPartError, match="'no_such_folder'.*pip install"):
        package_dir("no_such_folder")


def test_code_of_the_same_name_is_not_data() -> None:
    with pytest.raises(MissingPartError):
        package_dir("chords")
