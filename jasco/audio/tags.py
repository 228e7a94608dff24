"""Texts in the tags of audio files, under all names of a comment.

libsndfile 1.2.2 reads a comment only under the name that it writes. Comments of files that
ffmpeg 5.1 converts (measured with comments of 20 kB):

==========  ====================================  ===============================================
container   place of the comment                  kept in a conversion from
==========  ====================================  ===============================================
wav         LIST INFO ICMT                        flac, mp3, m4a
flac        Vorbis comment DESCRIPTION            wav, mp3, m4a
mp3         ID3v2 ``TXXX:comment``                wav, flac, m4a
m4a, mp4    ``ilst`` item ``©cmt``                wav, flac, mp3
ogg, opus   Vorbis comment ``comment``            wav, flac, mp3, m4a, ogg, opus
webm, mka   Matroska tag COMMENT                  all
==========  ====================================  ===============================================

From Ogg it keeps comments only into Ogg and Matroska, unless ``-map_metadata 0:s:0`` is given: Ogg
stores comments in the stream, and ffmpeg copies those of the file. Matroska, Windows Media, AIFF
and others are read by ``ffprobe`` where it is on the PATH.
"""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from jasco.audio import riff
from jasco.audio.mpeg import syncsafe

Tag = tuple[str, str]
"""(name in lower case, text)."""

MAX_BYTES = 64 << 20
"""Most bytes read of one block of tags."""
_MOST_PARTS = 10_000  # most blocks, pages or atoms read
_COMMENTS = ("comment", "description", "icmt", "comm", "com", "\xa9cmt")
_ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")
_CONTAINERS = ("moov", "udta", "meta", "ilst")
_DEEPEST = 6  # nested atoms: moov, udta, meta, ilst, the item


def read_tags(file: BinaryIO) -> list[Tag]:
    """Tags of an open file, comments first; none for an unknown format."""
    found = [*_tags(file)]
    found.sort(key=lambda tag: _COMMENTS.index(tag[0]) if tag[0] in _COMMENTS else len(_COMMENTS))
    return found


def is_known(file: BinaryIO) -> bool:
    """True for a file format whose tags are read here."""
    file.seek(0)
    head = file.read(8)
    return head[:4] in (b"RIFF", b"fLaC", b"OggS") or head[:3] == b"ID3" or head[4:] == b"ftyp"


def probed(path: Path) -> list[Tag]:
    """Tags of a file, read by ``ffprobe``; none where it is not on the PATH."""
    program = shutil.which("ffprobe")
    if program is None:
        return []
    command = [program, "-v", "error", "-protocol_whitelist", "file,pipe", "-of", "json"]
    command += ["-show_entries", "format_tags:stream_tags", "-i", f"file:{path}"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False
        )
        said = json.loads(done.stdout)
        parts = [said.get("format", {}), *said.get("streams", [])]
        return [
            (name.lower(), str(text))
            for part in parts
            for name, text in part.get("tags", {}).items()
        ]
    except (subprocess.TimeoutExpired, OSError, ValueError, AttributeError, TypeError):
        return []


def _tags(file: BinaryIO) -> Iterator[Tag]:
    file.seek(0)
    head = file.read(10)
    if head[:4] == b"RIFF":
        yield from _riff(file)
    elif head[:4] == b"OggS":
        yield from _ogg(file)
    elif head[4:8] == b"ftyp":
        yield from _mp4(file, 0, file.seek(0, io.SEEK_END))
    elif head[:3] == b"ID3" and len(head) == 10:
        size = syncsafe(head[6:10])
        yield from id3(head + file.read(min(size, MAX_BYTES)))
        file.seek(10 + size)
        yield from _flac(file)
    else:
        file.seek(0)
        yield from _flac(file)


def _riff(file: BinaryIO) -> Iterator[Tag]:
    file.seek(0)
    for name, size in riff.chunks(file):
        if name == b"LIST":
            for item, text in riff.info(file.read(min(size, MAX_BYTES))):
                yield item.decode("latin-1").lower(), text
        elif name in (b"id3 ", b"ID3 "):
            yield from id3(file.read(min(size, MAX_BYTES)))
        elif name == b"_PMX":
            yield "xmp", file.read(min(size, MAX_BYTES)).decode("utf-8", "replace")


def _flac(file: BinaryIO) -> Iterator[Tag]:
    if file.read(4) != b"fLaC":
        return
    for _ in range(_MOST_PARTS):
        head = file.read(4)
        if len(head) < 4:
            return
        size = int.from_bytes(head[1:], "big")
        if head[0] & 0x7F == 4:
            yield from vorbis(file.read(size))
        else:
            file.seek(size, io.SEEK_CUR)
        if head[0] & 0x80:
            return


def _ogg(file: BinaryIO) -> Iterator[Tag]:
    """Comments in the second packet of the first stream: Vorbis, Opus or FLAC in Ogg."""
    file.seek(0)
    packets, packet, first = 0, bytearray(), None
    for _ in range(_MOST_PARTS):
        head = file.read(27)
        if len(head) < 27 or head[:4] != b"OggS":
            return
        lengths = file.read(head[26])
        body = file.read(sum(lengths))
        first = first or head[14:18]
        if head[14:18] != first:
            continue
        place = 0
        for length in lengths:
            packet += body[place : place + length]
            place += length
            if length == 255:
                continue
            packets += 1
            if packets == 2:
                for start in (b"\x03vorbis", b"OpusTags"):
                    if packet.startswith(start):
                        yield from vorbis(bytes(packet[len(start) :]))
                if packet[:1] and packet[0] & 0x7F == 4:
                    yield from vorbis(bytes(packet[4:]))
                return
            packet.clear()
        if len(packet) > MAX_BYTES:
            return


def vorbis(data: bytes) -> Iterator[Tag]:
    """Tags of a block of Vorbis comments."""
    try:
        place = 4 + struct.unpack_from("<I", data)[0]
        (count,) = struct.unpack_from("<I", data, place)
        place += 4
        for _ in range(count):
            (size,) = struct.unpack_from("<I", data, place)
            text = data[place + 4 : place + 4 + size].decode("utf-8", "replace")
            name, equals, value = text.partition("=")
            if equals:
                yield name.lower(), value
            place += 4 + size
    except struct.error:  # cut short
        return


def id3(data: bytes) -> Iterator[Tag]:
    """Text tags of an ID3 block of version 2.2, 2.3 or 2.4."""
    if data[:3] != b"ID3" or len(data) < 10 or data[3] not in (2, 3, 4):
        return
    version, flags = data[3], data[5]
    body = data[10 : 10 + syncsafe(data[6:10])]
    if flags & 0x80 and version < 4:
        body = body.replace(b"\xff\0", b"\xff")
    place = 0
    if flags & 0x40 and version > 2 and len(body) >= 4:  # extended header
        place = syncsafe(body[:4]) if version == 4 else 4 + int.from_bytes(body[:4], "big")
    named, long = (3, 6) if version == 2 else (4, 10)  # bytes of a frame's name and header
    while len(body) >= place + long and body[place]:
        head = body[place : place + long]
        name, size = head[:named].decode("latin-1"), head[named : 2 * named]
        length = syncsafe(size) if version == 4 else int.from_bytes(size, "big")
        content = body[place + long : place + long + length]
        if version == 4 and head[9] & 2:
            content = content.replace(b"\xff\0", b"\xff")
        if version == 4 and head[9] & 1:
            content = content[4:]  # length before unsynchronisation
        place += long + length
        if name.startswith(("T", "COM")):
            yield from _id3_text(name, content)
        elif name == "PRIV" and content.startswith(b"XMP\0"):
            yield "xmp", content[4:].decode("utf-8", "replace")


def _id3_text(name: str, content: bytes) -> Iterator[Tag]:
    if not content or content[0] >= len(_ENCODINGS):
        return
    encoding, text = _ENCODINGS[content[0]], content[1:]
    described = name in ("TXXX", "TXX")
    if name in ("COMM", "COM"):  # after three letters of a language
        text = text[3:]
    if described or name in ("COMM", "COM"):
        end = _end_of_text(text, 2 if content[0] in (1, 2) else 1)
        description = text[: end[0]].decode(encoding, "replace")
        text = text[end[1] :]
        name = description if described else name
    yield name.lower(), text.decode(encoding, "replace").rstrip("\0")


def _end_of_text(data: bytes, width: int) -> tuple[int, int]:
    """Offsets of the end of a text and of the next one, for characters of ``width`` bytes."""
    for place in range(0, len(data) - width + 1, width):
        if not any(data[place : place + width]):
            return place, place + width
    return len(data), len(data)


def _mp4(file: BinaryIO, start: int, stop: int, within: tuple[str, ...] = ()) -> Iterator[Tag]:
    """Texts of the items between two offsets, inside the atoms of the names ``within``."""
    for _ in range(_MOST_PARTS if len(within) < _DEEPEST else 0):
        if stop - start < 8:
            return
        file.seek(start)
        head = file.read(16)
        size, name = int.from_bytes(head[:4], "big"), head[4:8].decode("latin-1")
        inner = start + 8
        if size == 1:
            size, inner = int.from_bytes(head[8:16], "big"), start + 16
        size = stop - start if size == 0 else size
        end = min(start + size, stop)
        if size < 8 or inner > end:
            return
        if name == "data" and within[-2:-1] == ("ilst",) and end - inner <= MAX_BYTES:
            file.seek(inner + 8)  # type and locale
            yield within[-1], file.read(end - inner - 8).decode("utf-8", "replace")
        elif name in _CONTAINERS or within[-1:] == ("ilst",):
            yield from _mp4(file, inner + (4 if name == "meta" else 0), end, (*within, name))
        start = end
