"""Begin and end of every command line.

Threads sleep while they wait for each other. Exit codes: 0 done, 1 failed with one line that says
why, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import functools
import os
import sys
import warnings
from collections.abc import Callable
from typing import ParamSpec, TextIO

from jasco.cli.threads import wait_asleep
from jasco.errors import JascoError, JascoWarning
from jasco.notices import describe, tell

FAILED = 1
INTERRUPTED = 130  # the shell's own number for Ctrl-C: 128 + SIGINT

P = ParamSpec("P")

_python_warning = warnings.showwarning


def one_line_errors(program: str) -> Callable[[Callable[P, int]], Callable[P, int]]:
    """Decorate a ``main`` so that it ends in an exit code and one line on stderr, no traceback.

    ``JASCO_DEBUG=1`` shows the traceback instead. Ctrl-C ends in 130, a reader that goes away
    (``| head``) in silence. Wrong usage stays with argparse, which exits with 2.

    Args:
        program: the name that the line starts with, such as ``jasco-generate``.
    """

    def decorate(main: Callable[P, int]) -> Callable[P, int]:
        @functools.wraps(main)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> int:
            wait_asleep()
            shown, warnings.showwarning = warnings.showwarning, _show_warning
            try:
                code = main(*args, **kwargs)
                sys.stdout.flush()  # a full disk or a closed pipe may show only here
                return code
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


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a notice of Jasco as one line, and other warnings as Python does."""
    if issubclass(category, JascoWarning):
        tell(" ".join(str(message).split()))
    else:
        _python_warning(message, category, filename, lineno, file, line)


def _settle_stdout() -> None:
    """Flush; what cannot be written goes nowhere, for the interpreter flushes again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
