"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path


def part_of(path: Path) -> Path:
    """New name of a temporary file beside a file; 28 bytes however long the file's name is."""
    return path.with_name(f".jasco-{secrets.token_hex(8)}.part")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place beside a file for what shall replace it, which it does at the end of the block.

    Where the block fails, the file stays as it was and nothing is left beside it.

    Raises:
        OSError: it cannot be renamed.
    """
    part = part_of(path)
    try:
        yield part
        os.replace(part, path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """An empty folder beside another for what shall replace that one at the end of the block.

    Where the block fails, the folder stays as it was and nothing is left beside it; what a process
    that was killed has left there is removed by the next.

    Raises:
        OSError: it cannot be made or renamed.
    """
    new, old = (path.with_name(f".{path.name}.{name}") for name in ("part", "old"))
    try:
        for rest in (new, old):
            shutil.rmtree(rest, ignore_errors=True)
        new.mkdir(parents=True)
        yield new
        if path.exists():
            os.replace(path, old)
        os.replace(new, path)
    finally:
        if old.exists() and not path.exists():
            os.replace(old, path)
        for rest in (new, old):
            shutil.rmtree(rest, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a file in UTF-8, its lines ended by a single newline on any system.

    Raises:
        OSError: it cannot be written.
    """
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
