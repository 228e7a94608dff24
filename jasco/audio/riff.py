"""Chunks of a RIFF file, in which wav keeps its comment (LIST INFO ICMT).

libsndfile reads no wav comment of 2048 bytes or more (measured with 1.2.2), and a recipe is longer.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO


def chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Name and stated size of each chunk, the file standing at its content; none if not RIFF."""
    if file.read(4) != b"RIFF":
        return
    file.seek(12)
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        begin = file.tell()
        yield name, size
        file.seek(begin + size + size % 2)


def append_comment(file: BinaryIO, comment: str) -> None:
    """Append an ASCII comment to a whole RIFF file and correct the length in its header."""
    text = comment.encode("ascii") + b"\0"
    text += b"\0" * (len(text) % 2)
    head = struct.pack("<4sI4s4sI", b"LIST", 12 + len(text), b"INFO", b"ICMT", len(text))
    file.seek(0, io.SEEK_END)
    file.write(b"\0" * (file.tell() % 2) + head + text)
    length = file.tell() - 8
    file.seek(4)
    file.write(struct.pack("<I", length))


def read_comment(file: BinaryIO) -> str | None:
    """The comment of a RIFF file; ``None`` if it has none or is no RIFF file."""
    for name, size in chunks(file):
        if name != b"LIST" or size < 4:
            continue
        info = io.BytesIO(file.read(size))
        if info.read(4) != b"INFO":
            continue
        while len(head := info.read(8)) == 8:
            name, size = struct.unpack("<4sI", head)
            text = info.read(size + size % 2)
            if name == b"ICMT":
                return text.rstrip(b"\0").decode("utf-8", "replace")
    return None
