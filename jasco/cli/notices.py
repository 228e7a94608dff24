"""Notices to the user: one line each on stderr."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from jasco.cli.errors import printable


def tell(line: str) -> None:
    """Print one line on stderr, see `printable`."""
    print(printable(line), file=sys.stderr, flush=True)


def show(line: str) -> None:
    """Print one line on stdout, see `printable`."""
    print(printable(line), flush=True)


@contextmanager
def told_warnings(prefix: str = "") -> Iterator[None]:
    """Warnings of the block as plain lines on stderr, each after ``prefix``."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        tell(f"{prefix}{warning.message}")
