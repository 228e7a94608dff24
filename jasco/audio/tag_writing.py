"""Text tags of a whole encoded file, beyond the few that libsndfile 1.2.2 can write.

Names are those of Vorbis comments (FLAC, Ogg); mp3 files get the ID3v2.3 frames of `_FRAMES`, and
``TXXX`` for other names.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence

_FRAMES = {"BPM": "TBPM", "INITIALKEY": "TKEY"}
_VORBIS_ONLY = {"KEY"}  # another name of INITIALKEY
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_MOST_SEGMENTS = 255  # of an Ogg page, each of up to 255 bytes


def with_tags(content: bytes, form: str, tags: Mapping[str, str], xmp: bytes | None) -> bytes:
    """File with tags added.

    Args:
        content: file as libsndfile writes it, without a comment.
        form: ``FLAC``, ``OGG`` or ``MP3``.
        tags: name -> text.
        xmp: XMP packet, which mp3 has a place for.
    """
    if not tags:
        return content
    if form == "MP3":
        return _id3(tags, xmp) + content
    comments = [f"{name}={text}".encode() for name, text in tags.items()]
    return (_flac if form == "FLAC" else _ogg)(content, comments)


def _id3(tags: Mapping[str, str], xmp: bytes | None) -> bytes:
    """ID3v2.3 tag, which more programs read than version 2.4."""
    body = b"" if xmp is None else _frame("PRIV", b"XMP\0" + xmp)
    for name, text in tags.items():
        if name in _VORBIS_ONLY:
            continue
        code, mark, codec = (0, b"", "ascii") if text.isascii() else (1, b"\xff\xfe", "utf-16-le")
        parts = [text] if name in _FRAMES else ["" if name == "COMMENT" else name, text]
        content = "\0".encode(codec).join(mark + part.encode(codec) for part in parts)
        language = b"eng" if name == "COMMENT" else b""
        frame = "COMM" if name == "COMMENT" else _FRAMES.get(name, "TXXX")
        body += _frame(frame, bytes((code,)) + language + content)
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\3\0\0" + size + body


def _frame(name: str, data: bytes) -> bytes:
    return name.encode() + struct.pack(">IH", len(data), 0) + data


def _flac(content: bytes, comments: Sequence[bytes]) -> bytes:
    """FLAC stream whose block of comments is extended."""
    place, blocks = 4, []
    while True:
        head = content[place : place + 4]
        size = int.from_bytes(head[1:], "big")
        data = content[place + 4 : place + 4 + size]
        kind = head[0] & 0x7F
        blocks.append((kind, _extended(data, comments) if kind == 4 else data))
        place += 4 + size
        if head[0] & 0x80:
            break
    written = b"fLaC"
    for number, (kind, data) in enumerate(blocks, 1):
        last = 0x80 if number == len(blocks) else 0
        written += bytes((kind | last,)) + len(data).to_bytes(3, "big") + data
    return written + content[place:]


def _extended(block: bytes, comments: Sequence[bytes]) -> bytes:
    """Block of Vorbis comments with more of them at its end."""
    place = 4 + int.from_bytes(block[:4], "little")
    count = int.from_bytes(block[place : place + 4], "little")
    end = place + 4
    for _ in range(count):
        end += 4 + int.from_bytes(block[end : end + 4], "little")
    added = b"".join(struct.pack("<I", len(comment)) + comment for comment in comments)
    total = struct.pack("<I", count + len(comments))
    return block[:place] + total + block[place + 4 : end] + added + block[end:]


def _ogg(content: bytes, comments: Sequence[bytes]) -> bytes:
    """Ogg Vorbis stream with comments added, its pages numbered anew (RFC 3533).

    The comment and the setup packet follow the page of the first packet, and audio begins on a page
    of its own.
    """
    pages = list(_pages(content))
    packets: list[bytes] = []
    packet, used = b"", 1
    while len(packets) < 2:
        head, lengths, body = pages[used]
        used += 1
        place = 0
        for length in lengths:
            packet += body[place : place + length]
            place += length
            if length < 255:
                packets.append(packet)
                packet = b""
    start = b"\3vorbis"
    packets[0] = start + _extended(packets[0][len(start) :], comments)
    lengths = b"".join(b"\xff" * (len(p) // 255) + bytes((len(p) % 255,)) for p in packets)
    body, made = b"".join(packets), [pages[0]]
    for first in range(0, len(lengths), _MOST_SEGMENTS):
        part = lengths[first : first + _MOST_SEGMENTS]
        is_continued = first > 0 and lengths[first - 1] == 255
        # A page on which no packet ends has the position -1.
        position = 0 if min(part) < 255 else -1
        head = b"OggS\0" + bytes((is_continued,)) + struct.pack("<q", position) + pages[0][0][14:18]
        made.append((head, part, body[: sum(part)]))
        body = body[sum(part) :]
    made += pages[used:]
    return b"".join(_page(number, *page) for number, page in enumerate(made))


_Page = tuple[bytes, bytes, bytes]
"""First 18 bytes of the header, lengths of the segments, and content."""


def _pages(content: bytes) -> Iterator[_Page]:
    place = 0
    while place < len(content):
        lengths = content[place + 27 : place + 27 + content[place + 26]]
        begin = place + 27 + len(lengths)
        end = begin + sum(lengths)
        yield content[place : place + 18], lengths, content[begin:end]
        place = end


def _page(number: int, head: bytes, lengths: bytes, body: bytes) -> bytes:
    """Page with its number and checksum."""
    before = head + struct.pack("<I", number)
    after = bytes((len(lengths),)) + lengths + body
    return before + struct.pack("<I", _checksum(before + bytes(4) + after)) + after


def _checksum(data: bytes) -> int:
    """CRC-32 of Ogg: that of zlib with the bits of each byte and of the sum reversed."""
    value = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{value:032b}"[::-1], 2)
