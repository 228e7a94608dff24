"""Command lines in forked processes: programs that tests stop, without their seconds of imports."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path


class Forked:
    """A command line that runs in a fork of this process, in a folder of its own choice.

    What it writes goes to a file: a pipe that nobody reads makes a program of many lines wait.

    Args:
        main: function of the command line, which reads ``sys.argv`` and returns the exit code.
        words: ``sys.argv`` of the program.
        folder: working directory.
        written: file for stdout and stderr.
        before: called in the fork before ``main``.
    """

    def __init__(
        self,
        main: Callable[[], int],
        words: Sequence[str],
        folder: Path,
        written: Path,
        before: Callable[[], object] = lambda: None,
    ) -> None:
        self.returncode: int | None = None
        self.written = written
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            code = 70  # what no command line returns
            try:
                file = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                for stream in (1, 2):
                    os.dup2(file, stream)
                # Those of pytest would keep the lines to themselves.
                sys.stdout, sys.stderr = (
                    open(stream, "w", buffering=1, closefd=False) for stream in (1, 2)
                )
                os.chdir(folder)
                sys.argv = list(words)
                before()
                code = main()
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)

    def poll(self) -> int | None:
        """Exit code, negative for a signal that killed the program; None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, timeout: float) -> str:
        """Wait for the end; returns what the program wrote."""
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                raise TimeoutError(f"{self.written.read_text()}\nruns after {timeout} s")
            time.sleep(0.005)
        return self.written.read_text()
