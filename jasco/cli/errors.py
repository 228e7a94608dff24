"""Error handling of the command lines.

Exit codes: 0 done, 1 failed with one line that says why, 2 wrong usage, 130 interrupted, 143
terminated.
"""

from __future__ import annotations

import functools
import os
import sys
import warnings
from collections.abc import Callable
from typing import ParamSpec, TextIO

from jasco.cli.memory import keep_freed_memory
from jasco.cli.signals import Terminated
from jasco.cli.threads import wait_asleep
from jasco.errors import JascoError, JascoWarning
from jasco.notices import describe, tell

FAILED = 1
INTERRUPTED = 130  # as in shells: 128 + SIGINT
TERMINATED = 143  # 128 + SIGTERM

P = ParamSpec("P")

_python_warning = warnings.showwarning


def one_line_errors(program: str) -> Callable[[Callable[P, int]], Callable[P, int]]:
    """Decorator of a ``main``: an error becomes an exit code and one line on stderr.

    ``JASCO_DEBUG=1`` shows the traceback instead. A closed pipe (``| head``) ends the program
    silently. Where stdout or stderr is closed from the start (``>&-``), its lines are discarded.

    Args:
        program: name at the start of the line, such as ``jasco-generate``.
    """

    def decorate(main: Callable[P, int]) -> Callable[P, int]:
        @functools.wraps(main)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> int:
            _open_closed_streams()
            wait_asleep()
            keep_freed_memory()
            shown, warnings.showwarning = warnings.showwarning, _show_warning
            try:
                code = main(*args, **kwargs)
                sys.stdout.flush()  # raises where the disk is full or the pipe is closed
                return code
            except Terminated:
                tell(f"{program}: terminated")
                return TERMINATED
            except KeyboardInterrupt:
                tell(f"{program}: interrupted")
                return INTERRUPTED
            except BrokenPipeError:
                return FAILED
            except Exception as error:
                if os.environ.get("JASCO_DEBUG") == "1":
                    raise
                expected = isinstance(error, JascoError | OSError)
                hint = "" if expected else " (JASCO_DEBUG=1 shows where)"
                tell(f"{program}: error: {describe(error)}{hint}")
                return FAILED
            finally:
                warnings.showwarning = shown
                _settle_stdout()

        return guarded

    return decorate


def _open_closed_streams() -> None:
    """Replace streams that were closed at the start, which are ``None``, by the null device.

    Otherwise printing fails, and the next file that is opened gets the number of the stream.
    """
    sys.stdout = sys.stdout or open(os.devnull, "w")
    sys.stderr = sys.stderr or open(os.devnull, "w")


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print warnings of Jasco as one line, and others as Python does."""
    if issubclass(category, JascoWarning):
        tell(" ".join(str(message).split()))
    else:
        _python_warning(message, category, filename, lineno, file, line)


def _settle_stdout() -> None:
    """Flush stdout, or redirect it to null: the interpreter would raise in its own last flush."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
