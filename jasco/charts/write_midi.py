"""MIDI files of charts: chord names as markers and as texts, as programs read one or the other.

Track 1 has title, tempo, metre, key, and the sections as cue points; track 2 the chord names, and
track 3 the melody. A pick-up is a bar of a metre of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from jasco.charts.chart import Chart
from jasco.charts.keys import signature_of_key

_MOST_TICKS = 0x7FFF  # of a quarter note, by the format
_USUAL_TICKS = 10_080
_VELOCITY = 90
_TEXT, _TITLE, _MARKER, _CUE, _TEMPO, _METRE, _KEY = 0x01, 0x03, 0x06, 0x07, 0x51, 0x58, 0x59

Event = tuple[Fraction, int, bytes]
"""Onset (quarter notes), order among the events there, and message."""

_Note = tuple[Any, ...]
"""Onset and length (quarter notes), MIDI key, and velocity where it is not the usual one."""


def midi_of_chart(chart: Chart, more: Iterable[tuple[str, int, Iterable[_Note]]] = ()) -> bytes:
    """Bytes of a MIDI file of type 1; times finer than its ticks are rounded to them.

    Args:
        chart: chart.
        more: name, channel (from 0) and notes of further tracks.
    """
    more = [(name, channel, [*notes]) for name, channel, notes in more]
    times = {bar.onset for bar in chart.bars} | {chord.onset for chord in chart.chords}
    times |= {change.onset for change in chart.tempo_map}
    times |= {section.onset for section in chart.sections}
    played = [*chart.melody, *(note for _, _, notes in more for note in notes)]
    times |= {time for note in played for time in (note[0], note[0] + note[1])}
    ticks = math.lcm(*(time.denominator for time in times), chart.end.denominator)
    ticks *= 96 // math.gcd(ticks, 96)
    ticks = ticks if ticks <= _MOST_TICKS else _USUAL_TICKS
    names = [
        (chord.onset, 1, _meta(kind, chord.name.encode()))
        for chord in chart.chords
        for kind in (_MARKER, _TEXT)
    ]
    tracks = [[*_head(chart)], [_title("chords"), *names]]
    for name, channel, notes in [("melody", 0, chart.melody), *more]:
        tracks.append([_title(name), *_strikes(notes, channel)])
    header = b"MThd" + (6).to_bytes(4, "big") + bytes((0, 1, 0, len(tracks)))
    return header + ticks.to_bytes(2, "big") + b"".join(_track(t, ticks, chart.end) for t in tracks)


def _strikes(notes: Iterable[_Note], channel: int) -> Iterator[Event]:
    for onset, length, key, *velocity in notes:
        yield onset, 2, bytes((0x90 | channel, key, *(velocity or [_VELOCITY])))
        yield onset + length, 1, bytes((0x80 | channel, key, 0))


def _head(chart: Chart) -> Iterable[Event]:
    yield _title(chart.title)
    for change in chart.tempo_map:
        micros = min(max(round(60_000_000 / change.bpm), 1), 0xFFFFFF)
        yield change.onset, 1, _meta(_TEMPO, micros.to_bytes(3, "big"))
    metre, is_short = None, False
    for index, bar in enumerate(chart.bars):
        is_pick_up = index == 0 and len(chart.bars) > 1 and bar.is_short
        written = bar.sounding if is_pick_up else bar.metre
        if written != metre or is_short:
            unit = written.unit.bit_length() - 1
            yield bar.onset, 1, _meta(_METRE, bytes((written.beats, unit, 24, 8)))
        metre, is_short = written, bar.length != 4 * written.length
    if chart.key is not None:
        sharps, minor = signature_of_key(chart.key)
        yield Fraction(0), 1, _meta(_KEY, bytes((sharps % 256, minor)))
    for section in chart.sections:
        yield section.onset, 1, _meta(_CUE, section.name.encode())


def _title(text: str) -> Event:
    return Fraction(0), 0, _meta(_TITLE, text.encode())


def _meta(kind: int, data: bytes) -> bytes:
    return bytes((0xFF, kind)) + _quantity(len(data)) + data


def _track(events: Iterable[Event], ticks: int, end: Fraction) -> bytes:
    data, now = b"", 0
    for onset, _, message in sorted(events, key=lambda event: event[:2]):
        tick = round(onset * ticks)
        data += _quantity(tick - now) + message
        now = tick
    data += _quantity(max(round(end * ticks) - now, 0)) + _meta(0x2F, b"")
    return b"MTrk" + len(data).to_bytes(4, "big") + data


def _quantity(number: int) -> bytes:
    """Variable-length quantity: seven bits a byte, the highest set in all but the last."""
    parts = [number & 0x7F]
    while number := number >> 7:
        parts.append(number & 0x7F | 0x80)
    return bytes(reversed(parts))
