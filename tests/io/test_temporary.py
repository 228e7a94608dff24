"""Temporary folders: removed by their process, or by the next one where it was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from jasco.io.temporary import temporary_folder

HOLD = """
from jasco.io.temporary import temporary_folder
with temporary_folder("jasco-test-") as folder:
    (folder / "a.wav").touch()
    print(folder, flush=True)
    input()
"""


def test_folders_of_killed_processes_alone_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "jasco-test-link").symlink_to("elsewhere")
    variables = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", HOLD]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with (
        subprocess.Popen(command, env=variables, **pipes) as first,
        subprocess.Popen(command, env=variables, **pipes) as second,
    ):
        killed, living = (Path(process.stdout.readline().strip()) for process in (first, second))
        first.kill()
        first.wait()
        assert (killed / "a.wav").exists()
        with temporary_folder("jasco-test-") as own:
            assert not killed.exists() and (living / "a.wav").exists() and own.is_dir()
        second.stdin.write("\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "jasco-test-link"]
