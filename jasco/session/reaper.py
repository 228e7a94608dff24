"""REAPER project: a text of nested chunks, read by REAPER 5 and later.

Positions of items, markers and tempi are seconds; a tempo counts quarter notes. The metre of a
tempo point is the numerator plus 65536 times the denominator, and shape 1 holds a tempo.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from jasco.session.session import NoteTrack, Session

_TICKS = 10_080  # of a quarter note in MIDI items
_HOLD = 1


def reaper_of(session: Session, paths: dict[str, str]) -> bytes:
    """Bytes of a project file.

    Args:
        session: session.
        paths: name of each audio -> path of its file from the project.
    """
    return "".join(f"{line}\n" for line in _lines(session, paths)).encode()


def _lines(session: Session, paths: dict[str, str]) -> Iterator[str]:
    chart = session.chart
    bpm, metre = chart.tempo_map[0].bpm, chart.bars[0].metre
    rate = next(iter(session.audio.values())).sample_rate
    yield '<REAPER_PROJECT 0.1 "7.0/x64" 0'
    yield f"  SAMPLERATE {rate} 1 0"
    yield f"  TEMPO {_number(bpm)} {metre.beats} {metre.unit}"
    yield "  <TEMPOENVEX"
    yield "    ACT 1"
    yield from (f"    {line}" for line in _tempi(session))
    yield "  >"
    yield from (f"  {line}" for line in _markers(session))
    for name in session.files:
        audio = session.audio[name]
        length = audio.samples.shape[-1] / audio.sample_rate
        yield from _item(name, length, ["<SOURCE WAVE", f"  FILE {_text(paths[name])}", ">"])
    for track in session.all_tracks:
        yield from _item(track.name, chart.seconds(chart.end), [*_midi(track, chart.end)])
    yield ">"


def _tempi(session: Session) -> Iterator[str]:
    """Points of the tempo map: where tempo or metre change."""
    chart = session.chart
    metres = {bar.onset: bar.metre for bar in reversed(chart.bars)}
    places = sorted({*(change.onset for change in chart.tempo_map), *metres})
    bpm, before = chart.tempo_map[0].bpm, None
    tempi = {change.onset: change.bpm for change in chart.tempo_map}
    for place in places:
        metre = metres.get(place, before)
        if place in tempi or metre != before:
            bpm = tempi.get(place, bpm)
            shown = f" {metre.beats + (metre.unit << 16)}" if metre and metre != before else ""
            yield f"PT {chart.seconds(place)!r} {_number(bpm)} {_HOLD}{shown}"
        before = metre


def _markers(session: Session) -> Iterator[str]:
    """Chords as markers, sections as regions."""
    chart = session.chart
    for number, chord in enumerate(chart.chords, 1):
        yield f"MARKER {number} {chart.seconds(chord.onset)!r} {_text(chord.name)} 0"
    ends = [*(section.onset for section in chart.sections[1:]), chart.end]
    for number, (section, end) in enumerate(zip(chart.sections, ends, strict=False), 1):
        yield f"MARKER {number} {chart.seconds(section.onset)!r} {_text(section.name)} 1"
        yield f'MARKER {number} {chart.seconds(end)!r} "" 1'


def _item(name: str, length: float, source: list[str]) -> Iterator[str]:
    """Track with one item at 0."""
    yield "  <TRACK"
    yield f"    NAME {_text(name)}"
    yield "    <ITEM"
    yield "      POSITION 0"
    yield f"      LENGTH {length!r}"
    yield "      LOOP 0"
    yield f"      NAME {_text(name)}"
    yield "      SOFFS 0"
    yield from (f"      {line}" for line in source)
    yield "    >"
    yield "  >"


def _midi(track: NoteTrack, end: Fraction) -> Iterator[str]:
    """MIDI source: events with the ticks since the one before, up to an all-notes-off."""
    events = []
    for note in track.notes:
        on, off = note.onset, note.onset + note.length
        events.append((on, 1, f"9{track.channel:x} {note.key:02x} {note.velocity:02x}"))
        events.append((off, 0, f"8{track.channel:x} {note.key:02x} 00"))
    yield "<SOURCE MIDI"
    yield f"  HASDATA 1 {_TICKS} QN"
    now = 0
    for time, _, message in [*sorted(events), (end, 2, f"b{track.channel:x} 7b 00")]:
        tick = round(time * _TICKS)
        yield f"  E {tick - now} {message}"
        now = tick
    yield ">"


def _text(text: str) -> str:
    """Text in the quotes that it does not hold itself; line breaks become blanks."""
    text = " ".join(text.split())
    for quote in ('"', "'", "`"):
        if quote not in text:
            return f"{quote}{text}{quote}"
    return "`" + text.replace("`", "'") + "`"


def _number(value: Fraction) -> str:
    """Decimal of at least 12 significant digits, without an exponent."""
    return f"{float(value):.12f}".rstrip("0").rstrip(".")
