"""Notices to the user: one line each on stderr."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def tell(line: str) -> None:
    """Print one line on stderr."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def told_warnings(prefix: str = "") -> Iterator[None]:
    """Warnings of the block as plain lines on stderr, each after ``prefix``."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        tell(f"{prefix}{warning.message}")
