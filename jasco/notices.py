"""Notices for the user, one printable line each."""

from __future__ import annotations

import sys
import unicodedata

from jasco.errors import JascoError

# Controls, formats, surrogates and the separators of lines and paragraphs.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"


def describe(error: Exception) -> str:
    """Error as one line, with the file where the error names one."""
    if isinstance(error, JascoError):
        text = str(error)
    elif isinstance(error, OSError) and error.strerror:
        files = [repr(str(name)) for name in (error.filename, error.filename2) if name is not None]
        text = ": ".join([" -> ".join(files), error.strerror] if files else [error.strerror])
    else:
        text = f"{type(error).__name__}: {error}"
    return " ".join(text.split())


def printable(text: str) -> str:
    """Text on one line, with control and formatting characters as escapes.

    Paths, tags, recipes and messages of libraries are untrusted: their control characters could
    move the cursor, colour the screen, set the title of the window or reverse other text. Lone
    surrogates, which represent bytes of other encodings, cannot be printed. The two joiners that
    scripts and emoji need are kept.
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
