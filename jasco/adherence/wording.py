"""Lines of an adherence report: lists that stay short."""

from __future__ import annotations

from collections.abc import Sequence

SHORTEST = 0.1
"""Shortest chord or note that is listed (s)."""

_MOST = 16  # largest number of names in a line


def first(names: Sequence[str]) -> str:
    """Names in a line, and the number of those that are left out."""
    rest = len(names) - _MOST
    return " ".join(names[:_MOST]) + (f" ... ({rest} more)" if rest > 0 else "")
