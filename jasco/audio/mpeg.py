"""Length of MPEG audio (mp3) streams that state none, by counting frames.

A Xing or Info header states the number of frames. Without one libsndfile 1.2.2 estimates it: ten
seconds of variable rate were estimated as 2.7, 4.4 and 85 s, and decoding stops there (see
`findings/libsndfile-mp3-without-xing.sh`); VBRI headers are ignored. Frames are therefore counted
(ISO 11172-3, 13818-3 and the common MPEG 2.5), and `with_length` prepends a header with the true
number to a stream whose estimate is wrong.

Measured with libsndfile 1.2.2 (mpg123): after such a header the first 529 samples, the decoder's
delay, are dropped.
"""

from __future__ import annotations

import io
import struct
from functools import lru_cache
from typing import BinaryIO, NamedTuple, cast

from jasco.audio.spliced import Spliced

# kbit/s by (lowest version bit, layer), index 1 to 14. Index 0, free format, has no frame length.
_BITRATES = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (0, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (0, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_MARKS = (b"Xing", b"Info", b"VBRI")
# Most bytes between two frames, and between all frames, of one stream.
_JUNK, _MOST_JUNK = 1 << 16, 1 << 20


class Header(NamedTuple):
    """Frame header of four bytes.

    Attributes:
        version: 3 for MPEG 1, 2 for MPEG 2, 0 for MPEG 2.5.
        layer: 1, 2 or 3.
        rate: sample rate (Hz).
        channels: 1 or 2.
        samples: samples of the frame per channel.
        size: size of the frame (bytes).
    """

    version: int
    layer: int
    rate: int
    channels: int
    samples: int
    size: int

    @property
    def side(self) -> int:
        """Bytes of side information between the header and a Xing mark."""
        if self.version == 3:
            return 17 if self.channels == 1 else 32
        return 9 if self.channels == 1 else 17


def parse_header(data: bytes) -> Header | None:
    """Frame header; ``None`` for other bytes and for headers that state no length."""
    if len(data) < 4 or data[0] != 0xFF or data[1] < 0xE0:
        return None
    version, layer = data[1] >> 3 & 3, 4 - (data[1] >> 1 & 3)
    bitrate, rate = data[2] >> 4, data[2] >> 2 & 3
    if version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return None
    bits = 1000 * _BITRATES[version & 1, layer][bitrate - 1]
    hertz, padding = _RATES[version][rate], data[2] >> 1 & 1
    channels = 1 if data[3] >> 6 == 3 else 2
    if layer == 1:
        return Header(version, 1, hertz, channels, 384, 4 * (12 * bits // hertz + padding))
    samples = 1152 if layer == 2 or version == 3 else 576
    return Header(version, layer, hertz, channels, samples, samples // 8 * bits // hertz + padding)


class Scan(NamedTuple):
    """Counted frames of a stream.

    Attributes:
        first: offset of the first frame, which may be a Xing header.
        start: offset of the first frame with audio.
        stop: offset after the last whole frame.
        head: the four bytes of the first header.
        header: the same, parsed.
        frames: number of frames between ``start`` and ``stop``.
        mark: ``b"Xing"``, ``b"Info"`` or ``b"VBRI"``, where the stream has such a header.
        stated: number of frames in that header; 0 without one.
        partial: the file ends within a frame.
        rest: bytes after the frames that are no tag.
    """

    first: int
    start: int
    stop: int
    head: bytes
    header: Header
    frames: int
    mark: bytes | None
    stated: int
    partial: bool
    rest: int

    @property
    def samples(self) -> int:
        """Length (samples): the larger of the stated and the counted one."""
        return max(self.frames, self.stated) * self.header.samples

    @property
    def prevails(self) -> bool:
        """True where the frames are larger than all other bytes of the file."""
        return self.stop - self.first > self.first + self.rest

    @property
    def understood(self) -> bool:
        """True where libsndfile finds the complete length in the header."""
        return self.mark in (b"Xing", b"Info") and self.stated >= self.frames - 2


def scan(file: BinaryIO) -> Scan | None:
    """Count the frames of a whole file; ``None`` where it does not begin with MPEG audio.

    Tags before and after the frames are skipped, as is other data between frames, up to 64 KiB at a
    time and 1 MiB in total. One table look-up per frame: .1 s for two hours of audio.
    """
    data = _Window(file)
    place = _next_frame(data, _behind_tags(data, 0), None)
    if place is None:
        return None
    first, head = place, data[place : place + 4]
    header = _parsed(head)
    start, mark, stated = place, None, 0
    frame = data[place : place + header.size]
    found = [(frame.find(name), name) for name in _MARKS if name in frame[: header.side + 40]]
    if found:
        at, mark = found[0]
        start = place + header.size
        if mark == b"VBRI":
            stated = int.from_bytes(frame[at + 14 : at + 18], "big")
        elif frame[at + 7 : at + 8] and frame[at + 7] & 1:
            stated = int.from_bytes(frame[at + 8 : at + 12], "big")
    place, frames, partial = _count(data, start, header)
    rest = 0 if partial else data.size - _behind_tags(data, place)
    return Scan(first, start, place, head, header, frames, mark, stated, partial, rest)


def _count(data: _Window, place: int, like: Header) -> tuple[int, int, bool]:
    """Offset after the last whole frame, number of frames, and true for a further partial one."""
    sizes = _sizes(like[:3])
    frames, junk = 0, 0
    while place + 4 <= data.size and junk < _MOST_JUNK:
        block, offset = data.block(place)
        at, last = place - offset, len(block) - 4
        while at <= last:
            size = sizes[block[at + 1] << 8 | block[at + 2]] if block[at] == 0xFF else 0
            if not size:
                break
            if offset + at + size > data.size:
                return offset + at, frames, True
            at += size
            frames += 1
        place = offset + at
        if at <= last:  # no frame at the expected offset
            following = _next_frame(data, _behind_tags(data, place), like)
            if following is None:
                break
            junk += following - place
            place = following
    return place, frames, False


class _Window:
    """Bytes of a file, read in blocks."""

    def __init__(self, file: BinaryIO, length: int = 1 << 20) -> None:
        self.file, self.length = file, length
        self.size = file.seek(0, io.SEEK_END)
        self.offset, self.held = 0, b""

    def block(self, place: int) -> tuple[bytes, int]:
        """Block that contains at least the four bytes at ``place``, and its offset."""
        if not self.offset <= place <= self.offset + len(self.held) - 4:
            self.file.seek(place)
            self.offset, self.held = place, self.file.read(self.length)
        return self.held, self.offset

    def __getitem__(self, span: slice) -> bytes:
        if self.offset <= span.start and span.stop <= self.offset + len(self.held):
            return self.held[span.start - self.offset : span.stop - self.offset]
        self.file.seek(span.start)
        return self.file.read(span.stop - span.start)


def _behind_tags(data: _Window, place: int) -> int:
    while place < data.size:
        head = data[place : place + 32]
        if head[:3] == b"ID3" and len(head) >= 10:
            place += 10 + syncsafe(head[6:10]) + (10 if head[5] & 0x10 else 0)
        elif head[:8] == b"APETAGEX" and len(head) >= 24:
            # The size excludes the header, which is optional: only tags with one are read forwards.
            place += 32 + int.from_bytes(head[12:16], "little")
        elif head[:3] == b"TAG" and data.size - place == 128:
            place = data.size
        else:
            break
    return min(place, data.size)


def syncsafe(data: bytes) -> int:
    """Integer with seven bits per byte, the sizes of ID3."""
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
    return value


def _next_frame(data: _Window, place: int, like: Header | None) -> int | None:
    """Offset of the next frame that is followed by another one, or by the end.

    Args:
        data: bytes of the file.
        place: first offset of the search.
        like: header with the required version, layer and rate; ``None`` for any.
    """
    junk = data[place : min(place + _JUNK, data.size)] if place < data.size else b""
    at = junk.find(b"\xff")
    while 0 <= at <= len(junk) - 4:
        header = parse_header(junk[at : at + 4])
        if header is not None and (like is None or header[:3] == like[:3]):
            after = place + at + header.size
            following = parse_header(data[after : after + 4]) if after < data.size else None
            if after == data.size or (following is not None and following[:3] == header[:3]):
                return place + at
        at = junk.find(b"\xff", at + 1)
    return None


@lru_cache(maxsize=8)
def _sizes(kind: tuple[int, int, int]) -> tuple[int, ...]:
    """Frame size (bytes) by the second and third byte of a header; 0 for another kind.

    Args:
        kind: version, layer and rate, common to all frames of a stream.
    """
    sizes = [0] * (1 << 16)
    for second in range(0xE0, 0x100):
        for third in range(0x100):
            header = parse_header(bytes((0xFF, second, third, 0)))
            if header is not None and header[:3] == kind:
                sizes[second << 8 | third] = header.size
    return tuple(sizes)


def _parsed(head: bytes) -> Header:
    header = parse_header(head)
    if header is None:
        raise ValueError("no header of a frame")
    return header


def frames_alone(file: BinaryIO, found: Scan) -> BinaryIO:
    """File of only the frames of a stream, with their Xing header."""
    return cast(BinaryIO, Spliced(b"", file, found.first, found.stop))


def with_length(file: BinaryIO, found: Scan) -> Spliced:
    """File of the frames of a layer 3 stream, with an Info header before them."""
    return Spliced(_info(found), file, found.start, found.stop)


def _info(found: Scan) -> bytes:
    """Silent frame with the number of frames in its Info header."""
    frames = found.samples // found.header.samples
    sound = bytes(found.header.side) + b"Info" + struct.pack(">II", 1, frames)
    for bitrate in range(1, 15):  # the smallest sufficient frame, without checksum and padding
        head = bytes((0xFF, found.head[1] | 1, bitrate << 4 | found.head[2] & 0x0C, found.head[3]))
        if (size := _parsed(head).size) >= len(head) + len(sound):
            break
    return (head + sound).ljust(size, b"\0")
