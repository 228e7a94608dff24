"""Errors hidden by the teardown of Lightning."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb


@contextmanager
def first_error() -> Iterator[None]:
    """Raise the error that stopped a `Trainer`, not a later one of its teardown.

    Where workers of a `DataLoader` cannot be started, for instance, the teardown raises ``Please
    call iter(combined_loader) first``.
    """
    try:
        yield
    except Exception as error:
        names = {frame.f_code.co_name for frame, _ in walk_tb(error.__traceback__)}
        if error.__context__ is not None and names & {"_teardown", "_interrupt"}:
            raise error.__context__ from None
        raise
