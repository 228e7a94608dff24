"""Notices to the user: one printable line each."""

from __future__ import annotations

import sys
import unicodedata

from jasco.errors import JascoError

# Controls, formats, surrogates and the separators of lines and paragraphs.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"


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


def tell(line: str) -> None:
    """Print one line on stderr, see `printable`."""
    print(printable(line), file=sys.stderr, flush=True)


def show(line: str) -> None:
    """Print one line on stdout, see `printable`."""
    print(printable(line), flush=True)
