"""Errors of ``scripts/song.sh`` and ``scripts/test.sh`` on machines that lack something."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import changes, copy_checkout

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("bash", "cat", "cksum", "dirname", "git", "grep", "id")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder of few commands, for ``PATH``: no Python, no package manager, no ffmpeg."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in COMMANDS:
        (folder / name).symlink_to(shutil.which(name))
    return folder


def run(script: str, path: Path, root: Path = ROOT, **environment: str) -> str:
    """The one line of standard error with which a script fails."""
    result = subprocess.run(
        ["bash", root / "scripts" / script],
        env={"PATH": str(path), "HOME": str(path)} | environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    return line


def test_without_python(path: Path) -> None:
    assert run("song.sh", path) == "no python3 on the PATH: install Python 3.11 or newer"


def test_with_an_old_python(path: Path) -> None:
    old = path / "python3.9"
    old.write_text('#!/usr/bin/env bash\n[ "$1" = --version ] && echo "Python 3.9.2"\n')
    old.chmod(0o755)
    (path / "env").symlink_to(shutil.which("env"))
    line = run("song.sh", path, PYTHON="python3.9")
    assert line == "Python 3.9.2 is too old: name Python 3.11 or newer, as in PYTHON=python3.11"


def test_without_system_packages_that_may_not_be_installed(path: Path) -> None:
    line = run("test.sh", path)
    assert line.startswith("missing system packages: ffmpeg fluidsynth")
    assert "sudo apt-get install ffmpeg" in line


def test_without_network(path: Path, tmp_path: Path) -> None:
    root = copy_checkout(ROOT, tmp_path / "checkout")
    (path / "python3").symlink_to(sys.executable)
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}
    line = run("song.sh", path, root, PIP_CONFIG_FILE="/dev/null", **nowhere)
    assert line.startswith("pip could not install Jasco (is there a network?): ERROR: ")
    assert changes(root) == []
