"""Chunks of a RIFF file, one of which holds the comment of a wav file (LIST INFO ICMT).

libsndfile 1.2.2 reads no wav comment of 2048 bytes or more (measured); recipes are longer.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

_MOST_CHUNKS = 10_000  # per file, because 8 zero bytes are an empty chunk


def chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Name and stated size of each chunk, with the file at its content; none if not RIFF."""
    if file.read(4) != b"RIFF":
        return
    file.seek(12)
    for _ in range(_MOST_CHUNKS):
        if len(head := file.read(8)) < 8:
            return
        name, size = struct.unpack("<4sI", head)
        begin = file.tell()
        yield name, size
        file.seek(begin + size + size % 2)


def append_comment(file: BinaryIO, comment: str) -> None:
    """Append an ASCII comment to a whole RIFF file."""
    append_chunk(file, b"LIST", info_of(comment))


def append_chunk(file: BinaryIO, name: bytes, data: bytes) -> None:
    """Append a chunk to a whole RIFF file and correct the length in its header."""
    file.seek(0, io.SEEK_END)
    padding = b"\0" * (file.tell() % 2)
    file.write(padding + chunk(name, data))
    length = file.tell() - 8
    file.seek(4)
    file.write(struct.pack("<I", length))


def chunk(name: bytes, data: bytes) -> bytes:
    """Bytes of a chunk, padded to an even length."""
    return struct.pack("<4sI", name, len(data)) + data + b"\0" * (len(data) % 2)


def info_of(comment: str) -> bytes:
    """Content of the LIST chunk of an ASCII comment."""
    return b"INFO" + chunk(b"ICMT", comment.encode("ascii") + b"\0")


def info(data: bytes) -> Iterator[tuple[bytes, str]]:
    """Names and texts of the items of a LIST chunk's content; none if it is no INFO list."""
    file = io.BytesIO(data)
    if file.read(4) != b"INFO":
        return
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        yield name, file.read(size + size % 2).rstrip(b"\0").decode("utf-8", "replace")
