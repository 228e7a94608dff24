"""Chunks and messages of Standard MIDI Files, read tolerantly.

The format is that of the MIDI Association (RP-001): a header chunk ``MThd`` and track chunks
``MTrk``, whose messages carry the ticks since the previous one. mido 1.3.3 rejects a whole file for
one wrong byte (an invalid key signature, an unknown chunk, a wrong number of tracks); here such
errors are repaired and each repair is named. Pitch bends and key and channel pressure are checked
and dropped.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from jasco.errors import MelodyError

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x8, 0x9, 0xB, 0xC
"""Kinds of channel messages, the upper half of their status byte."""

_KEPT = {NOTE_OFF, NOTE_ON, CONTROL, PROGRAM}
_DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
_SYSTEM_BYTES = {
    0xF1: 1,
    0xF2: 2,
    0xF3: 1,
}  # data bytes of system messages, invalid in files
_END_OF_TRACK = 0x2F
_MOST_TRACKS = 1000
_LONGEST_PREFIX = 4096  # bytes searched for the header: RIFF and MacBinary wrappers are shorter
_LARGEST_QUANTITY = 0x0FFFFFFF


class ChannelMessage(NamedTuple):
    """Message of one of the 16 channels.

    Attributes:
        tick: ticks since the start of the track.
        kind: `NOTE_OFF`, `NOTE_ON` (with a velocity of 1 or more), `CONTROL` or `PROGRAM`.
        channel: 0 to 15; users count from 1.
        first: key, controller or program, 0 to 127.
        second: velocity or value, 0 to 127; 0 for `PROGRAM`.
    """

    tick: int
    kind: int
    channel: int
    first: int
    second: int


class MetaMessage(NamedTuple):
    """Meta message: text, tempo, metre, key; ``kind`` is its type byte."""

    tick: int
    kind: int
    data: bytes


class Sysex(NamedTuple):
    """System exclusive message, its data without the leading F0."""

    tick: int
    data: bytes


Message = ChannelMessage | MetaMessage | Sysex


@dataclass(frozen=True)
class TrackChunk:
    """Messages of a track in order of time, without the end of track at ``end`` (ticks)."""

    messages: tuple[Message, ...]
    end: int


@dataclass(frozen=True)
class Division:
    """Unit of time of a file.

    Attributes:
        ticks_per_quarter: ticks of a quarter note; 0 where ticks are parts of a second.
        ticks_per_second: ticks of a second (SMPTE division, independent of tempo); else ``None``.
    """

    ticks_per_quarter: int
    ticks_per_second: Fraction | None = None


@dataclass(frozen=True)
class StandardMidiFile:
    """Contents of a Standard MIDI File.

    Attributes:
        format: 0 (one track), 1 (simultaneous tracks) or 2 (independent sequences).
        division: unit of time.
        tracks: the track chunks.
        repairs: repaired errors, one line each.
    """

    format: int
    division: Division
    tracks: tuple[TrackChunk, ...]
    repairs: tuple[str, ...]


def parse_smf(data: bytes) -> StandardMidiFile:
    """Standard MIDI File from its bytes, with or without a RIFF wrapper (.rmi).

    Raises:
        MelodyError: no header, no track or too many, or an invalid division.
    """
    repairs: list[str] = []
    start = data.find(b"MThd", 0, _LONGEST_PREFIX)
    if start < 0:
        raise MelodyError("it has no header 'MThd'")
    if data[:4] == b"RIFF" and start >= 20:
        size = int.from_bytes(data[start - 4 : start], "little")
        data = data[: start + size] if size >= 14 else data
        repairs.append("the file is wrapped in RIFF (RMID), and what is inside is read")
    elif start:
        repairs.append(f"{start} bytes before the header are skipped")
    size = int.from_bytes(data[start + 4 : start + 8], "big")
    fields = data[start + 8 : start + 14]
    if len(fields) < 6:
        raise MelodyError("its header is cut off")
    kind, count, ticks = (int.from_bytes(fields[i : i + 2], "big") for i in (0, 2, 4))
    if kind > 2:
        repairs.append(f"the file is of type {kind}, which does not exist: it is read as type 1")
        kind = 1
    division = _division(ticks, repairs)
    tracks = _read_chunks(data, start + 8 + max(size, 6), start + 14, repairs)
    if not tracks:
        raise MelodyError("it has no track")
    if len(tracks) != count:
        repairs.append(f"the header says {count} tracks, and {len(tracks)} are there")
    if kind == 0 and len(tracks) > 1:
        repairs.append("the file is of type 0 and has several tracks: they sound together")
    return StandardMidiFile(kind, division, tuple(tracks), tuple(repairs))


def _division(ticks: int, repairs: list[str]) -> Division:
    """Division from two bytes of the header; the upper bit marks SMPTE."""
    if ticks < 0x8000:
        if ticks == 0:
            raise MelodyError("its header says 0 ticks a quarter note, so nothing has a time")
        return Division(ticks)
    frames, per_frame = 0x100 - (ticks >> 8), ticks & 0xFF
    if per_frame == 0:
        raise MelodyError("its header says 0 ticks a frame, so nothing has a time")
    if frames not in (24, 25, 29, 30):
        repairs.append(f"the header says {frames} frames a second, which SMPTE does not have")
    rate = Fraction(30_000, 1001) if frames == 29 else Fraction(frames)  # 29 stands for 29.97
    return Division(0, rate * per_frame)


def _read_chunks(data: bytes, position: int, earliest: int, repairs: list[str]) -> list[TrackChunk]:
    """Tracks of the chunks from ``position`` on.

    A chunk with a wrong length ends where the next ``MTrk`` begins.
    """
    tracks: list[TrackChunk] = []
    if not _is_chunk(data, position):
        position = earliest
    while position < len(data):
        if not _is_chunk(data, position):
            found = data.find(b"MTrk", position)
            found = found if _is_chunk(data, found) else len(data)
            repairs.append(f"{found - position} bytes between chunks are skipped")
            position = found
            continue
        name = data[position : position + 4]
        body = position + 8
        end = body + int.from_bytes(data[position + 4 : body], "big")
        if name != b"MTrk":
            repairs.append(f"the chunk {name.decode('ascii')!r} is none of MIDI's and is skipped")
            position = end
            continue
        stated = end == len(data) or _is_chunk(data, end)
        if not stated:
            found = data.find(b"MTrk", body)
            end = found if _is_chunk(data, found) else len(data)
        if len(tracks) == _MOST_TRACKS:
            raise MelodyError(f"it has more than {_MOST_TRACKS:,} tracks, the most that are read")
        label = f"track chunk {len(tracks) + 1}"
        track, stop, odd, is_whole = _read_track(data, body, end)
        if not stated:
            repairs.append(f"{label} is not as long as it says, and is read to its end")
        if data[stop : stop + 4] == b"MTrk":
            end = stop
        elif stop < end and is_whole:
            repairs.append(f"{label}: {end - stop} bytes after the end of track are left out")
        repairs += _named(odd, label)
        tracks.append(track)
        position = end
    return tracks


def _is_chunk(data: bytes, position: int) -> bool:
    """True for a printable name of four letters and a length at ``position``."""
    return 0 <= position <= len(data) - 8 and all(
        32 <= b < 127 for b in data[position : position + 4]
    )


def _named(odd: Counter[str], label: str) -> list[str]:
    return [f"{label} {what}" + (f" ({n} times)" if n > 1 else "") for what, n in odd.items()]


def _read_track(data: bytes, start: int, end: int) -> tuple[TrackChunk, int, Counter[str], bool]:
    """Track of a range of bytes, its end, counts of its errors, and false where it is broken.

    Running status continues after meta and system exclusive messages: the standard forbids it, but
    many programs write it.
    """
    messages: list[Message] = []
    odd: Counter[str] = Counter()
    tick = status = 0
    position = began = start
    try:
        while True:
            began = position
            if position >= end:
                odd["has no end of track"] += 1
                break
            delta, position = _quantity(data, position)
            byte = data[position]
            if byte >= 0x80:
                position += 1
            elif status:
                byte = status
            else:
                raise _Broken
            if byte in (0xFF, 0xF0, 0xF7):
                meta = data[position]
                width, position = _quantity(data, position + (byte == 0xFF))
            elif byte >= 0xF0:
                width = _SYSTEM_BYTES.get(byte, 0)
            else:
                status = byte
                width = _DATA_BYTES[byte >> 4]
            content = data[position : position + width]
            position += width
            if position > end:
                raise _Broken
            tick += delta
            if byte < 0xF0:
                message = _channel_message(tick, byte, content, odd)
                if message is not None:
                    messages.append(message)
            elif byte == 0xFF and meta == _END_OF_TRACK:
                break
            elif byte == 0xFF:
                messages.append(MetaMessage(tick, meta, content))
            elif byte in (0xF0, 0xF7):
                messages.append(Sysex(tick, content))
            else:
                odd[f"has system messages ({byte:02X}), which are skipped"] += 1
    except (IndexError, _Broken):
        odd[f"is broken at byte {began - start} of {end - start}: the rest of it is left out"] += 1
        return TrackChunk(tuple(messages), tick), began, odd, False
    return TrackChunk(tuple(messages), tick), position, odd, True


def _channel_message(
    tick: int, status: int, content: bytes, odd: Counter[str]
) -> ChannelMessage | None:
    """Channel message; ``None`` for kinds that are dropped and keys above 127."""
    kind = status >> 4
    first, second = content if len(content) == 2 else (content[0], 0)
    if first > 127 or second > 127:
        if first > 127 and kind in (NOTE_OFF, NOTE_ON):
            odd["has notes of a key above 127, which are left out"] += 1
            return None
        odd["has values above 127, which are read as 127"] += 1
        first, second = min(first, 127), min(second, 127)
    if kind not in _KEPT:
        return None
    if kind == NOTE_ON and second == 0:
        kind = NOTE_OFF
    return ChannelMessage(tick, kind, status & 0xF, first, second)


class _Broken(Exception):
    """Invalid bytes of a message."""


def _quantity(data: bytes, position: int) -> tuple[int, int]:
    """Variable-length quantity of 7 bits per byte, and the position after it."""
    byte = data[position]
    value = byte & 0x7F
    while byte >= 0x80:
        position += 1
        byte = data[position]
        value = value << 7 | byte & 0x7F
        if value > _LARGEST_QUANTITY:
            raise _Broken
    return value, position + 1
