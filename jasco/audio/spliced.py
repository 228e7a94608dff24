"""File of other bytes followed by a part of a file, for decoders that rely on a header."""

from __future__ import annotations

import io
import os
from typing import BinaryIO


class Spliced(io.RawIOBase):
    """Bytes followed by a part of a file.

    Args:
        head: first bytes.
        file: open file, which is not closed.
        start, stop: offsets of the part (bytes).
    """

    def __init__(self, head: bytes, file: BinaryIO, start: int, stop: int) -> None:
        self._head, self._file, self._start = head, file, start
        self._size = len(head) + stop - start
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = max(base + offset, 0)
        return self._place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        view = memoryview(buffer).cast("B")
        wanted = max(min(len(view), self._size - self._place), 0)
        data = self._head[self._place : self._place + wanted]
        if len(data) < wanted:
            self._file.seek(self._start + self._place + len(data) - len(self._head))
            data += self._file.read(wanted - len(data))
        view[: len(data)] = data
        self._place += len(data)
        return len(data)
