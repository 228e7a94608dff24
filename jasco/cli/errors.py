"""Begin and end of every command line.

Threads sleep while they wait for each other. Exit codes: 0 done, 1 failed with one line that says
why, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import functools
import os
import sys
import unicodedata
import warnings
from collections.abc import Callable
from typing import ParamSpec, TextIO

from jasco.cli.threads import wait_asleep
from jasco.errors import JascoError, JascoWarning

FAILED = 1
INTERRUPTED = 130  # the shell's own number for Ctrl-C: 128 + SIGINT

P = ParamSpec("P")

# Controls, formats, surrogates and the separators of lines and paragraphs.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"
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
                _say(f"{program}: interrupted")
                return INTERRUPTED
            except BrokenPipeError:
                return FAILED
            except Exception as error:
                if os.environ.get("JASCO_DEBUG") == "1":
                    raise
                expected = isinstance(error, JascoError | OSError)
                hint = "" if expected else " (JASCO_DEBUG=1 shows where)"
                _say(f"{program}: error: {describe(error)}{hint}")
                return FAILED
            finally:
                warnings.showwarning = shown
                _settle_stdout()

        return guarded

    return decorate


def describe(error: Exception) -> str:
    """An error as one line: what happened and, where the error names it, to which file."""
    if isinstance(error, JascoError):
        text = str(error)
    elif isinstance(error, OSError) and error.strerror:
        files = [repr(str(name)) for name in (error.filename, error.filename2) if name is not None]
        text = ": ".join([" -> ".join(files), error.strerror] if files else [error.strerror])
    else:
        text = f"{type(error).__name__}: {error}"
    return " ".join(text.split())


def printable(text: str) -> str:
    """A text on one line whose control and formatting characters are written as escapes.

    Paths, tags, recipes and messages of libraries come from outside: raw, they could move the
    cursor, colour the screen, set the title of the window or reverse what stands beside them. Lone
    surrogates, which stand for bytes of other encodings in names, cannot be printed at all. The two
    joiners that scripts and emoji need stay.
    """
    return "".join(
        ascii(character)[1:-1]
        if unicodedata.category(character) in _UNPRINTABLE and character not in _JOINERS
        else character
        for character in text
    )


def _say(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)


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
        _say(" ".join(str(message).split()))
    else:
        _python_warning(message, category, filename, lineno, file, line)


def _settle_stdout() -> None:
    """Flush; what cannot be written goes nowhere, for the interpreter flushes again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
