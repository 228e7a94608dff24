"""A console script ends at once, after everything that a normal exit waits for."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = """
    import atexit, logging, os, sys, threading, time
    from pathlib import Path
    from jasco.cli.leaving import leave

    class Freed:
        def __del__(self):
            os.write(2, b"freed one by one")

    kept = Freed()
    atexit.register(lambda: print("handler"))
    threading.Thread(target=lambda: (time.sleep(0.2), Path("late.txt").write_text("whole"))).start()
    logging.basicConfig(filename="log.txt")
    logging.error("logged")
    print("buffered")
    leave(3)
"""


def start(program: str, folder: Path, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(program)]
    return subprocess.run(command, cwd=folder, text=True, **{"capture_output": True} | options)


def test_nothing_is_lost(tmp_path: Path) -> None:
    done = start(PROGRAM, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (3, "buffered\nhandler\n", "")
    assert (tmp_path / "late.txt").read_text() == "whole"
    assert "logged" in (tmp_path / "log.txt").read_text()


def test_output_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    program = "import sys; from jasco.cli.leaving import leave; print('a'); leave(0)"
    with open("/dev/full", "w") as full:
        assert start(program, tmp_path, capture_output=False, stdout=full).returncode == 1


def test_a_stream_closed_from_the_start_has_nothing_to_flush(tmp_path: Path) -> None:
    program = "import sys; from jasco.cli.leaving import leave; sys.stdout = None; leave(0)"
    done = start(program, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ("return 1", 1, ""),
        ("raise JascoError('no such thing')", 1, "jasco-generate: error: no such thing\n"),
        ("raise KeyboardInterrupt", 130, "jasco-generate: interrupted\n"),
        ("sys.exit(2)", 2, ""),
    ],
)
def test_exit_codes_are_those_of_main(body: str, code: int, words: str, tmp_path: Path) -> None:
    program = f"""
        import sys
        from jasco.cli import generate
        from jasco.cli.errors import one_line_errors
        from jasco.errors import JascoError

        @one_line_errors("jasco-generate")
        def main():
            {body}

        generate.main = main
        generate.run()
    """
    done = start(program, tmp_path)
    assert (done.returncode, done.stderr) == (code, words)


def test_a_traceback_is_shown_where_it_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JASCO_DEBUG", "1")
    program = """
        import sys
        from jasco.cli import generate
        generate.read_requests = lambda path: 1 / 0
        sys.argv = ["jasco-generate", "--request", "a.json", "-o", "a.wav"]
        generate.run()
    """
    done = start(program, tmp_path)
    assert done.returncode == 1 and "ZeroDivisionError" in done.stderr
