"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place beside a file for what shall replace it, which it does at the end of the block.

    Where the block fails, the file stays as it was and nothing is left beside it.

    Raises:
        OSError: it cannot be renamed.
    """
    part = path.with_name(f".jasco-{secrets.token_hex(8)}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a file in UTF-8, its lines ended by a single newline on any system.

    Raises:
        OSError: it cannot be written.
    """
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
