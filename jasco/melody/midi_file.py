"""Music of a MIDI file: notes, tempo, metre, key and texts in ticks and seconds.

A file of type 0 or 1 is one sequence, whose tempo changes may stand in any track. Each track of a
type 2 file is a sequence by itself, with its own tempo.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import NamedTuple, TypeVar

from jasco.errors import MelodyError
from jasco.io.plain import read_bytes
from jasco.melody.pairing import pair_notes
from jasco.melody.percussion import DRUM_CHANNEL, ChannelUse, drum_channels
from jasco.melody.smf import (
    PROGRAM,
    ChannelMessage,
    MetaMessage,
    TrackChunk,
    parse_smf,
)
from jasco.melody.tempo_map import TempoMap

MAX_MIDI_BYTES = 2 * 2**20

_MOST_NOTICES = 20
_TEMPO, _TIME_SIGNATURE, _KEY_SIGNATURE = 0x51, 0x58, 0x59
_TEXTS = {1: "text", 2: "copyright", 3: "track", 4: "instrument", 5: "lyric", 6: "marker", 7: "cue"}


class MidiNote(NamedTuple):
    """Note of a MIDI file.

    Attributes:
        key: MIDI number, 60 is C4.
        onset, offset: time (s).
        onset_tick, offset_tick: the same in ticks.
        velocity: 1 to 127.
        channel: 1 to 16.
    """

    key: int
    onset: float
    offset: float
    onset_tick: int
    offset_tick: int
    velocity: int
    channel: int


class MidiText(NamedTuple):
    """Text of a ``kind``: text, copyright, track, instrument, lyric, marker or cue."""

    tick: int
    second: float
    kind: str
    text: str


class TimeSignature(NamedTuple):
    """Metre from a tick on, such as 6/8."""

    tick: int
    second: float
    numerator: int
    denominator: int


class KeySignature(NamedTuple):
    """Key from a tick on: sharps (flats below 0), and minor or major."""

    tick: int
    second: float
    sharps: int
    is_minor: bool


@dataclass(frozen=True)
class MidiTrack:
    """Track of a sequence.

    Attributes:
        name: of the track, else of its instrument; empty without.
        notes: in order of their onsets.
        drum_channels: channels (1 to 16) whose notes are drum strokes.
        programs: first General MIDI program (0 to 127) of a channel (1 to 16), where one is set.
        texts: in order of time.
        end: tick of the end of the track.
        has_channel_per_note: each channel carries a note (MPE), not an instrument.
    """

    name: str
    notes: tuple[MidiNote, ...]
    drum_channels: frozenset[int]
    programs: dict[int, int]
    texts: tuple[MidiText, ...]
    end: int
    has_channel_per_note: bool


@dataclass(frozen=True)
class MidiSequence:
    """Simultaneous tracks with their common tempo, metre and key."""

    tracks: tuple[MidiTrack, ...]
    tempo_map: TempoMap
    time_signatures: tuple[TimeSignature, ...]
    key_signatures: tuple[KeySignature, ...]


@dataclass(frozen=True)
class MidiFile:
    """MIDI file.

    Attributes:
        format: 0, 1 or 2.
        ticks_per_quarter: ticks of a quarter note; ``None`` where ticks are parts of a second.
        sequences: one, or with format 2 one for each track.
        notices: repaired errors and ambiguities, one line each.
    """

    format: int
    ticks_per_quarter: int | None
    sequences: tuple[MidiSequence, ...]
    notices: tuple[str, ...]


def read_midi(path: str | os.PathLike[str]) -> MidiFile:
    """Read a MIDI file of at most `MAX_MIDI_BYTES`.

    Raises:
        MelodyError: no such file, a larger one, or one that is no MIDI file.
    """
    data = read_bytes(path, MelodyError, MAX_MIDI_BYTES)
    try:
        return parse_midi(data)
    except MelodyError as error:
        raise MelodyError(
            f"{os.fspath(path)} is no MIDI file, or a broken one ({error})"
        ) from error


def parse_midi(data: bytes) -> MidiFile:
    """Music of the bytes of a MIDI file.

    Raises:
        MelodyError: other bytes.
    """
    stored = parse_smf(data)
    notices = list(stored.repairs)
    numbered = list(enumerate(stored.tracks, 1))
    groups = [[each] for each in numbered] if stored.format == 2 else [numbered]
    division = stored.division
    sequences = []
    for group in groups:
        tempo_map = TempoMap(division, _tempi(group, notices))
        sequences.append(_sequence(group, tempo_map, notices))
    quarter = division.ticks_per_quarter or None
    if len(notices) > _MOST_NOTICES:
        notices[_MOST_NOTICES:] = [f"{len(notices) - _MOST_NOTICES} more things like these"]
    return MidiFile(stored.format, quarter, tuple(sequences), tuple(notices))


_Numbered = Sequence[tuple[int, TrackChunk]]
"""(number in the file from 1, track) of several tracks."""
_Signature = TypeVar("_Signature", TimeSignature, KeySignature)


def _metas(group: _Numbered, kind: int) -> Iterator[tuple[int, MetaMessage]]:
    for number, track in group:
        for message in track.messages:
            if isinstance(message, MetaMessage) and message.kind == kind:
                yield number, message


def _tempi(group: _Numbered, notices: list[str]) -> list[tuple[int, int]]:
    """Tempo changes (tick, microseconds a quarter note) of all tracks."""
    tempi: dict[int, int] = {}
    later_tracks: dict[int, None] = {}
    unusable = contradicted = 0
    for number, (tick, _, data) in _metas(group, _TEMPO):
        tempo = int.from_bytes(data, "big")
        if len(data) != 3 or tempo == 0:
            unusable += 1
            continue
        if number != group[0][0]:
            later_tracks[number] = None
        contradicted += tempi.get(tick, tempo) != tempo
        tempi[tick] = tempo
    if unusable:
        notices.append(f"invalid tempo changes ({unusable}) are skipped: the tempo stays")
    if later_tracks:
        where = ", ".join(map(str, later_tracks))
        notices.append(f"the tempo changes in track chunk {where} count for all tracks")
    if contradicted:
        notices.append(f"of several tempo changes at one moment ({contradicted}) the last counts")
    return list(tempi.items())


def _sequence(group: _Numbered, tempo_map: TempoMap, notices: list[str]) -> MidiSequence:
    messages = merge(*(track.messages for _, track in group), key=lambda message: message.tick)
    use = ChannelUse.of(messages)
    return MidiSequence(
        tuple(_track(*numbered, use, tempo_map, notices) for numbered in group),
        tempo_map,
        tuple(_signatures(group, _TIME_SIGNATURE, _time_signature, tempo_map, notices)),
        tuple(_signatures(group, _KEY_SIGNATURE, _key_signature, tempo_map, notices)),
    )


def _track(
    number: int,
    track: TrackChunk,
    use: ChannelUse,
    tempo_map: TempoMap,
    notices: list[str],
) -> MidiTrack:
    played = [message for message in track.messages if isinstance(message, ChannelMessage)]
    paired = pair_notes(played, track.end, use.zones)
    seconds = tempo_map.seconds
    texts = tuple(
        MidiText(tick, seconds(tick), _TEXTS[kind], _decoded(data))
        for tick, kind, data in (m for m in track.messages if isinstance(m, MetaMessage))
        if kind in _TEXTS
    )
    names = [t.text.strip() for kind in ("track", "instrument") for t in texts if t.kind == kind]
    drums, has_channel_per_note = drum_channels(paired.notes, names, use)
    for count, words in (
        (paired.endless, "notes without a note-off last to the end of the track"),
        (paired.sustained, "notes last as long as the sustain pedal holds them"),
        (paired.empty, "notes of no length are left out"),
    ):
        if count:
            notices.append(f"track chunk {number}: {words} ({count})")
    channels = {note.channel for note in paired.notes}
    if has_channel_per_note and DRUM_CHANNEL in channels - drums:
        notices.append(
            f"track chunk {number}: channel 10 is read as notes and not as drums, because each "
            "note has a channel of its own (MPE)"
        )
    elif drums and channels - drums:
        listed = ", ".join(str(channel + 1) for channel in sorted(drums))
        notices.append(f"track chunk {number}: channel {listed} is drums beside other channels")
    programs: dict[int, int] = {}
    for message in played:
        if message.kind == PROGRAM:
            programs.setdefault(message.channel + 1, message.first)
    return MidiTrack(
        next(filter(None, names), ""),
        tuple(
            MidiNote(key, seconds(onset), seconds(offset), onset, offset, velocity, channel + 1)
            for onset, offset, channel, key, velocity in paired.notes
        ),
        frozenset(channel + 1 for channel in drums),
        programs,
        texts,
        track.end,
        has_channel_per_note,
    )


def _decoded(data: bytes) -> str:
    """Text in UTF-8, else in Latin-1, without control characters."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return "".join(c for c in text if c in "\n\r\t" or unicodedata.category(c)[0] != "C")


def _signatures(
    group: _Numbered,
    kind: int,
    decode: Callable[[int, float, bytes], _Signature | None],
    tempo_map: TempoMap,
    notices: list[str],
) -> list[_Signature]:
    """Signatures of all tracks in order of time; invalid ones are skipped with a notice."""
    found: list[_Signature] = []
    for number, (tick, _, data) in _metas(group, kind):
        signature = decode(tick, tempo_map.seconds(tick), data)
        if signature is None:
            name = "time" if kind == _TIME_SIGNATURE else "key"
            notices.append(
                f"track chunk {number}: the {name} signature {data[:8].hex(' ') or 'of no bytes'} "
                "does not exist and is skipped"
            )
        else:
            found.append(signature)
    return sorted(found, key=lambda signature: signature.tick)


def _time_signature(tick: int, second: float, data: bytes) -> TimeSignature | None:
    """Numerator and power of two of the denominator; the bytes of the metronome are ignored."""
    if len(data) < 2 or not data[0] or data[1] > 6:
        return None
    return TimeSignature(tick, second, data[0], 2 ** data[1])


def _key_signature(tick: int, second: float, data: bytes) -> KeySignature | None:
    """Sharps as a signed byte, and 1 for minor."""
    if len(data) != 2 or data[1] > 1:
        return None
    sharps = int.from_bytes(data[:1], "big", signed=True)
    return KeySignature(tick, second, sharps, data[1] == 1) if -7 <= sharps <= 7 else None
