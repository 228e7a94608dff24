"""MIDI files: chord names in texts, or block chords; a melody track; metre and tempo.

Chord names are read from Yamaha XF messages, else from the kind of text (text, marker, lyric) that
holds the most of them, if they are at least half of its texts. Cue points and other markers are
sections, and so are markers A, B, C that come first in this order. Without names, the block chords
of a track are named by their pitch classes. The melody is the track of such a name (melody, vocal,
lead, ...), else the one of the highest notes. A first bar that is shorter than the next metre is a
pick-up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from jasco.charts.chart import (
    MAX_BARS,
    MAX_NOTES,
    Bar,
    Chart,
    ChartChord,
    ChartNote,
    Section,
    TempoChange,
)
from jasco.charts.keys import key_of_signature
from jasco.charts.templates import name_of_keys
from jasco.charts.written import Draft
from jasco.chords.metre import COMMON, Metre
from jasco.chords.naming import is_chord
from jasco.errors import ChartError, MelodyError

if TYPE_CHECKING:  # the package of melodies imports torch
    from jasco.melody.midi_file import MidiNote, MidiSequence, MidiText, MidiTrack

_KINDS = ("text", "marker", "lyric")
MELODY_NAMES = re.compile(r"melod|vocal|voice|\blead\b|sing|solo|theme|tune", re.IGNORECASE)
"""Names of a track with a melody."""
_CHORDS = re.compile(r"chord|piano|guitar|keys|pad|organ|string|comp", re.IGNORECASE)
_XF = b"\x43\x7b\x01"  # Yamaha, XF, chord name
_XF_ROOTS = "?CDEFGAB"
_XF_SHIFTS = ("bbb", "bb", "b", "", "#", "##", "###")
_XF_TYPES = (
    ": 6 maj7 maj7(#11) add9 maj9 69 aug m m6 m7 m7b5 m(add9) m9 m7(11) mmaj7 mmaj7(9) dim dim7 7 "
    "7sus4 7b5 9 7(#11) 7(13) 7(b9) 7(b13) 7(#9) maj7(#5) 7(#5) power power sus4 sus2"
).split()
_SMPTE_QUARTERS = 2  # a second, where the file has no beats: 120 a minute


@dataclass(frozen=True)
class _Track:
    """Pitched notes of a track, or of one channel of a track with several."""

    name: str
    notes: Sequence[MidiNote]

    @property
    def height(self) -> float:
        """Mean key."""
        return sum(note.key for note in self.notes) / len(self.notes)


def read_midi_chart(data: bytes, song: int | str | None) -> Chart:
    """Chart of a MIDI file.

    Raises:
        ChartError: no MIDI file, or neither chords nor a melody in it.
    """
    from jasco.melody.midi_file import MAX_MIDI_BYTES, parse_midi
    from jasco.melody.smf import parse_smf

    if song is not None:
        raise ChartError("song chooses of several, and a MIDI file holds one: leave it out")
    if len(data) > MAX_MIDI_BYTES:
        raise ChartError(f"the file is larger than the {MAX_MIDI_BYTES >> 20} MiB that are read")
    try:
        file = parse_midi(data)
        stored = parse_smf(data)
    except MelodyError as error:
        raise ChartError(str(error)) from error
    draft = Draft()
    draft.notes += file.notices
    sequence = next(
        (s for s in file.sequences if any(t.notes for t in s.tracks)), file.sequences[0]
    )
    per_second = stored.division.ticks_per_second
    if per_second is not None:
        quarter = per_second / _SMPTE_QUARTERS
        draft.notes.append("the file counts seconds and no beats (SMPTE): 120 quarters a minute")
    else:
        quarter = Fraction(stored.division.ticks_per_quarter)
    texts = sorted((t for track in sequence.tracks for t in track.texts), key=lambda t: t.tick)
    named = [*_xf_chords(stored.tracks)] or _text_chords(texts)
    found: list[tuple[int, str]] = []
    for tick, symbol in named:
        name = draft.name(symbol, f"tick {tick}")
        found += [(tick, name)] if name else []
    tracks = [*_tracks(sequence.tracks)]
    block = None
    if not found:
        block, found = _block_chords(tracks)
        if block is not None:
            line = f"no chord names: block chords of {block.name!r:.40} are named by their keys"
            draft.notes.append(line)
    melody = _melody(tracks, block, draft)
    return _chart(draft, sequence, quarter, found, melody, texts)


def _chart(
    draft: Draft,
    sequence: MidiSequence,
    quarter: Fraction,
    found: list[tuple[int, str]],
    melody: Sequence[MidiNote],
    texts: Sequence[MidiText],
) -> Chart:
    if not found and not melody:
        raise ChartError("no chord and no melody: the file has no pitched notes")
    if len(melody) > MAX_NOTES:
        raise ChartError(f"more than {MAX_NOTES:,} notes, the most that are read: give a part")
    sections = [t for t in texts if t.kind in ("marker", "cue") and t.text.strip()]
    letters = _are_letters([t for t in sections if t.kind == "marker"])
    chords = dict(found)  # of several at one tick the last
    ends = [track.end for track in sequence.tracks]
    ends += [note.offset_tick for note in melody] + [tick + 1 for tick in chords]
    bars = [*_bars(sequence, quarter, max(ends), draft)]
    end = bars[-1].onset + bars[-1].length
    tempi = [
        TempoChange(change.tick / quarter, Fraction(60_000_000, round(60_000_000 / change.bpm)))
        for change in sequence.tempo_map.changes
        if change.tick / quarter < end
    ]
    key = sequence.key_signatures[0] if sequence.key_signatures else None
    title = next((track.name for track in sequence.tracks[:1] if not track.notes), "")
    return Chart(
        chords=tuple(ChartChord(tick / quarter, name) for tick, name in sorted(chords.items())),
        end=end,
        bars=tuple(bars),
        tempo_map=tuple(tempi) or (TempoChange(Fraction(0), Fraction(60 * _SMPTE_QUARTERS)),),
        melody=tuple(
            sorted(
                ChartNote(n.onset_tick / quarter, (n.offset_tick - n.onset_tick) / quarter, n.key)
                for n in melody
            )
        ),
        sections=tuple(
            Section(t.tick / quarter, " ".join(t.text.split())[:80])
            for t in sections
            if (t.kind == "cue" or letters or not _is_name(t.text)) and t.tick / quarter < end
        ),
        key=None if key is None else key_of_signature(key.sharps, minor=key.is_minor),
        title=title,
        notes=draft.lines(),
    )


def _bars(sequence: MidiSequence, quarter: Fraction, last: int, draft: Draft) -> Iterator[Bar]:
    """Bars from the beginning to the bar of the last tick."""
    metres = {Fraction(0): COMMON}
    for sign in sequence.time_signatures:
        metres[sign.tick / quarter] = Metre(sign.numerator, sign.denominator)
    if not sequence.time_signatures:
        draft.notes.append("the file has no metre: 4/4")
    changes = sorted(metres.items())
    stops = [*(onset for onset, _ in changes[1:]), max(last / quarter, changes[-1][0])]
    count = sum(
        (stop - start) / (4 * metre.length)
        for (start, metre), stop in zip(changes, stops, strict=True)
    )
    if count > MAX_BARS:
        raise ChartError(f"more than {MAX_BARS:,} bars, the most that are read: give a part")
    found: list[Bar] = []
    for index, ((start, metre), stop) in enumerate(zip(changes, stops, strict=True)):
        at, is_last = start, index == len(changes) - 1
        while at < stop or (is_last and not found):
            length = 4 * metre.length if is_last else min(4 * metre.length, stop - at)
            found.append(Bar(at, length, metre))
            at += length
    if len(found) > 1 and found[0].length < 4 * found[1].metre.length != found[0].length:
        if found[0].metre != found[1].metre:
            found[0] = found[0]._replace(metre=found[1].metre)
    yield from found


def _tracks(tracks: Sequence[MidiTrack]) -> Iterator[_Track]:
    for track in tracks:
        pitched = [note for note in track.notes if note.channel not in track.drum_channels]
        channels = {0} if track.has_channel_per_note else {note.channel for note in pitched}
        for channel in sorted(channels):
            notes = [note for note in pitched if len(channels) == 1 or note.channel == channel]
            if notes:
                name = track.name + (f" channel {channel}" if len(channels) > 1 else "")
                yield _Track(name or f"channel {channel}", notes)


def _symbol(text: str) -> str:
    return re.sub(r"^chord\s*[:=]?\s*", "", text.strip(), flags=re.IGNORECASE).strip("[]{} ")


def _is_name(text: str) -> bool:
    """True for a chord name with a root in upper case, which syllables of a song have not."""
    symbol = _symbol(text)
    return symbol[:1].isupper() and is_chord(symbol)


def _text_chords(texts: Sequence[MidiText]) -> list[tuple[int, str]]:
    """Tick and chord name of the kind of text with the most names."""
    best: list[tuple[int, str]] = []
    for kind in _KINDS:
        of_kind = [text for text in texts if text.kind == kind and text.text.strip()]
        named = [(t.tick, _symbol(t.text)) for t in of_kind if _is_name(t.text)]
        if kind == "marker" and _are_letters(of_kind):
            continue
        if 2 * len(named) >= len(of_kind) and len(named) > len(best):
            best = named
    return best


def _are_letters(markers: Sequence[MidiText]) -> bool:
    """True for letters of sections: A, B, C in the order of the alphabet as they come first."""
    letters = [text.text.strip() for text in markers if _is_name(text.text)]
    first = "".join(dict.fromkeys(letters))
    return bool(first) and "ABCDEFG".startswith(first) and all(len(each) == 1 for each in letters)


def _xf_chords(tracks: Sequence[object]) -> Iterator[tuple[int, str]]:
    """Tick and chord name of Yamaha's XF messages: root, type, and bass where there is one."""
    for track in tracks:
        for message in getattr(track, "messages", ()):
            data = getattr(message, "data", b"")
            if getattr(message, "kind", None) == 0x7F and data[:3] == _XF and len(data) >= 5:
                root, kind = _xf_note(data[3]), data[4]
                if root is None or kind >= len(_XF_TYPES):
                    yield message.tick, "N"
                    continue
                bass = _xf_note(data[5]) if len(data) > 5 else None
                suffix = _XF_TYPES[kind].strip(":")
                yield message.tick, root + suffix + (f"/{bass}" if bass and bass != root else "")


def _xf_note(byte: int) -> str | None:
    shift, step = byte >> 4, byte & 15
    if not 1 <= step <= 7 or shift >= len(_XF_SHIFTS):
        return None
    return _XF_ROOTS[step] + _XF_SHIFTS[shift]


def _block_chords(tracks: Sequence[_Track]) -> tuple[_Track | None, list[tuple[int, str]]]:
    """Track with block chords, and tick and name of each change of them."""
    best: tuple[tuple[bool, int], _Track, list[tuple[int, str]]] | None = None
    for track in tracks:
        onsets: dict[int, list[int]] = {}
        for note in track.notes:
            onsets.setdefault(note.onset_tick, []).append(note.key)
        names = [
            (tick, name)
            for tick, keys in sorted(onsets.items())
            if (name := name_of_keys(keys)) is not None
        ]
        rank = bool(_CHORDS.search(track.name)) and len(names) > 0, len(names)
        if names and (best is None or rank > best[0]):
            best = rank, track, names
    if best is None:
        return None, []
    changes = [
        (tick, name)
        for index, (tick, name) in enumerate(best[2])
        if not index or best[2][index - 1][1] != name
    ]
    return best[1], changes


def _melody(tracks: Sequence[_Track], block: _Track | None, draft: Draft) -> Sequence[MidiNote]:
    """Notes of the melody track."""
    others = [track for track in tracks if track is not block]
    named = [track for track in others if MELODY_NAMES.search(track.name)]
    if not others:
        return ()
    chosen = named[0] if named else max(others, key=lambda track: track.height)
    if len(others) > 1:
        why = "by its name" if named else "the highest"
        draft.notes.append(f"melody of {chosen.name!r:.40}, {why} of {len(others)} tracks")
    return chosen.notes
