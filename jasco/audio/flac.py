"""Length of a FLAC stream without one in its header, from its last frame (RFC 9639).

An encoder that writes into a pipe cannot add the length afterwards. libsndfile 1.2.2 then reports
2^63 - 1 samples, and the read that reaches the end fails.
"""

from __future__ import annotations

import io
from typing import BinaryIO, NamedTuple

from jasco.audio.mpeg import syncsafe
from jasco.audio.spliced import Spliced

UNKNOWN = 1 << 36
"""Length (samples) from which on a stated length counts as unknown."""
_TAIL = 1 << 20  # bytes searched for the last frame


def measured(file: BinaryIO) -> tuple[Spliced, int] | None:
    """File with the length added to its header, and that length (samples).

    ``None`` where the file does not end with a whole frame.
    """
    file.seek(0)
    head = file.read(10)
    start = 10 + syncsafe(head[6:10]) if head[:3] == b"ID3" else 0
    file.seek(start)
    info = bytearray(file.read(26))
    size = file.seek(0, io.SEEK_END)
    file.seek(max(start + len(info), size - _TAIL))
    samples = _end_of_last_frame(file.read(), int.from_bytes(info[10:12], "big"))
    if info[:4] != b"fLaC" or len(info) < 26 or not 0 < samples < UNKNOWN:
        return None
    # Four bits of the preceding field, then 36 bits of the length.
    info[21:] = ((info[21] & 0xF0) << 32 | samples).to_bytes(5, "big")
    return Spliced(bytes(info), file, start + len(info), size), samples


class _Frame(NamedTuple):
    """Index of a frame, or of its first sample where block sizes vary, and length (samples)."""

    number: int
    varies: bool
    samples: int


def _end_of_last_frame(tail: bytes, block: int) -> int:
    """Index of the sample after the last frame, which ends with ``tail``; 0 without one.

    Args:
        tail: last bytes of the stream.
        block: samples per frame of a fixed block size (the last frame may be shorter).
    """
    at = tail.rfind(b"\xff")
    while at >= 0:
        frame = _header(tail[at : at + 16])
        if frame is not None and _remainder(tail[at:], 16, 0x8005) == 0:
            return frame.number * (1 if frame.varies else block) + frame.samples
        at = tail.rfind(b"\xff", 0, at)
    return 0


def _header(data: bytes) -> _Frame | None:
    """Frame header; ``None`` for other bytes."""
    if len(data) < 6 or data[0] != 0xFF or data[1] & 0xFE != 0xF8:
        return None
    length, rate = data[2] >> 4, data[2] & 15
    ones = next((n for n in range(8) if not data[4] & 0x80 >> n), 8)
    if ones in (1, 8) or length == 0 or rate == 15:
        return None
    place = 5
    number = data[4] & 0x7F >> ones
    for _ in range(max(ones - 1, 0)):
        if place >= len(data):
            return None
        number = number << 6 | data[place] & 0x3F
        place += 1
    extra = {6: 1, 7: 2}.get(length, 0)
    samples = 1 + int.from_bytes(data[place : place + extra], "big")
    if length == 1:
        samples = 192
    elif length < 6:
        samples = 576 << length - 2
    elif length > 7:
        samples = 256 << length - 8
    place += extra + {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if len(data) <= place or _remainder(data[: place + 1], 8, 0x07) != 0:
        return None
    return _Frame(number, bool(data[1] & 1), samples)


def _remainder(data: bytes, bits: int, polynomial: int) -> int:
    """Cyclic redundancy check; 0 for data that end with their own checksum."""
    top, mask, value = 1 << bits - 1, (1 << bits) - 1, 0
    for byte in data:
        value ^= byte << bits - 8
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
    return value
