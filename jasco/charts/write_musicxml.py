"""MusicXML 4.0 of charts: a lead sheet of one part, with harmony above the melody."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TypeVar
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from jasco.charts.chart import Bar, Chart, ChartChord, ChartNote, Section, TempoChange
from jasco.charts.harmony import KIND_OF_QUALITY
from jasco.charts.keys import signature_of_key
from jasco.chords.vocabulary import NO_CHORD, UNKNOWN_CHORD, parts_of
from jasco.errors import ChartError

_Event = TypeVar("_Event", ChartChord, ChartNote, TempoChange, Section)
_STEPS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_TYPES = {
    **{Fraction(4): "whole", Fraction(2): "half", Fraction(1): "quarter"},
    **{Fraction(1, 2): "eighth", Fraction(1, 4): "16th", Fraction(1, 8): "32nd"},
}
_MOST_DIVISIONS = 100_000
_DOCTYPE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD '
    b'MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">\n'
)


def musicxml_of_chart(chart: Chart) -> bytes:
    """Bytes of a document.

    Raises:
        ChartError: the chart has no bars, or times that are finer than a document can say.
    """
    if not chart.bars:
        raise ChartError("the chart counts seconds and has no bars: write .lab or .jams")
    root = Element("score-partwise", version="4.0")
    if chart.title:
        SubElement(SubElement(root, "work"), "work-title").text = chart.title
    listed = SubElement(SubElement(root, "part-list"), "score-part", id="P1")
    SubElement(listed, "part-name").text = "Melody"
    part = SubElement(root, "part", id="P1")
    before: Bar | None = None
    tied: list[ChartNote] = []
    for number, bar in enumerate(chart.bars, chart.first_number):
        measure = SubElement(part, "measure", number=str(number))
        if bar.length != 4 * bar.metre.length:
            measure.set("implicit", "yes")
        tied = _Measure(chart, bar, measure).write(before, tied)
        before = bar
    indent(root, " ")
    return _DOCTYPE + tostring(root, encoding="utf-8")


class _Measure:
    """Contents of a bar, written from left to right."""

    def __init__(self, chart: Chart, bar: Bar, measure: Element) -> None:
        self.chart, self.bar, self.measure = chart, bar, measure
        self.at = bar.onset
        self.end = bar.onset + bar.length

    def write(self, before: Bar | None, tied: list[ChartNote]) -> list[ChartNote]:
        """Write the bar; notes that go on into it, and those that go on after it."""
        notes = [(n, True) for n in tied]
        notes += [(n, False) for n in _inside(self.chart.melody, self.bar)]
        chart, bar = self.chart, self.bar
        marks: list[Section | TempoChange] = [*_inside(chart.sections, bar)]
        marks += _inside(chart.tempo_map, bar)
        chords = _inside(chart.chords, bar)
        times = [self.end, *(each.onset for each in (*marks, *chords))]
        times += [time for n, _ in notes for time in (n.onset, n.onset + n.length)]
        self.divisions = math.lcm(*((time - self.bar.onset).denominator for time in times))
        if self.divisions > _MOST_DIVISIONS:
            raise ChartError("the onsets of a bar are finer than MusicXML can say")
        self._attributes(before)
        for mark in marks:
            self._direction(mark)
        for chord in chords:
            self._harmony(chord.name, chord.onset - self.bar.onset)
        after = []
        for note, is_held in notes:
            start = self.bar.onset if is_held else note.onset
            stop = min(note.onset + note.length, self.end)
            self._move(start)
            self._note(note.key, stop - start, is_held, note.onset + note.length > self.end)
            after += [note] if note.onset + note.length > self.end else []
        self._move(self.end)
        return after

    def _attributes(self, before: Bar | None) -> None:
        found = SubElement(self.measure, "attributes")
        SubElement(found, "divisions").text = str(self.divisions)
        if before is None and self.chart.key is not None:
            sharps, minor = signature_of_key(self.chart.key)
            key = SubElement(found, "key")
            SubElement(key, "fifths").text = str(sharps)
            SubElement(key, "mode").text = "minor" if minor else "major"
        if before is None or before.metre != self.bar.metre:
            time = SubElement(found, "time")
            SubElement(time, "beats").text = str(self.bar.metre.beats)
            SubElement(time, "beat-type").text = str(self.bar.metre.unit)

    def _direction(self, mark: Section | TempoChange) -> None:
        """Write a rehearsal mark or a tempo."""
        direction = SubElement(self.measure, "direction", placement="above")
        inside = SubElement(direction, "direction-type")
        if isinstance(mark, Section):
            SubElement(inside, "rehearsal").text = mark.name
        else:
            metronome = SubElement(inside, "metronome")
            SubElement(metronome, "beat-unit").text = "quarter"
            SubElement(metronome, "per-minute").text = _decimal(mark.bpm)
        self._offset(direction, mark.onset - self.bar.onset)
        if isinstance(mark, TempoChange):
            SubElement(direction, "sound", tempo=_decimal(mark.bpm))

    def _offset(self, element: Element, offset: Fraction) -> None:
        if offset:
            SubElement(element, "offset").text = str(int(offset * self.divisions))

    def _harmony(self, name: str, offset: Fraction) -> None:
        harmony = SubElement(self.measure, "harmony")
        if name in (NO_CHORD, UNKNOWN_CHORD):
            _pitch(SubElement(harmony, "root"), "root", "C")
            text = "N.C." if name == NO_CHORD else UNKNOWN_CHORD
            SubElement(harmony, "kind", text=text).text = "none"
        else:
            root, quality, bass = parts_of(name)
            _pitch(SubElement(harmony, "root"), "root", root)
            SubElement(harmony, "kind", text=quality).text = KIND_OF_QUALITY[quality]
            if bass:
                _pitch(SubElement(harmony, "bass"), "bass", bass)
        self._offset(harmony, offset)

    def _move(self, time: Fraction) -> None:
        """Go to a time: by a rest, or back."""
        length = time - self.at
        if length < 0:
            back = SubElement(self.measure, "backup")
            SubElement(back, "duration").text = str(int(-length * self.divisions))
        elif length > 0:
            note = SubElement(self.measure, "note")
            SubElement(note, "rest")
            self._duration(note, length)
        self.at = time

    def _note(self, key: int, length: Fraction, is_held: bool, is_tied: bool) -> None:
        note = SubElement(self.measure, "note")
        _pitch(SubElement(note, "pitch"), "", _STEPS[key % 12])
        SubElement(note[0], "octave").text = str(key // 12 - 1)
        self._duration(note, length, [("stop", is_held), ("start", is_tied)])
        self.at += length

    def _duration(
        self, note: Element, length: Fraction, ties: Iterable[tuple[str, bool]] = ()
    ) -> None:
        SubElement(note, "duration").text = str(int(length * self.divisions))
        kinds = [kind for kind, there in ties if there]
        for kind in kinds:
            SubElement(note, "tie", type=kind)
        SubElement(note, "voice").text = "1"
        for dots, factor in ((0, Fraction(1)), (1, Fraction(2, 3))):
            if name := _TYPES.get(length * factor):
                SubElement(note, "type").text = name
                for _ in range(dots):
                    SubElement(note, "dot")
        if kinds:
            notations = SubElement(note, "notations")
            for kind in kinds:
                SubElement(notations, "tied", type=kind)


def _inside(events: Sequence[_Event], bar: Bar) -> Sequence[_Event]:
    """Events that begin in a bar."""
    first, last = (
        bisect_left(events, onset, key=lambda event: event.onset)
        for onset in (bar.onset, bar.onset + bar.length)
    )
    return events[first:last]


def _pitch(element: Element, prefix: str, name: str) -> None:
    """Write step and alteration of a spelled note."""
    dash = f"{prefix}-" if prefix else ""
    SubElement(element, f"{dash}step").text = name[0]
    if len(name) > 1:
        SubElement(element, f"{dash}alter").text = "1" if name[1] == "#" else "-1"


def _decimal(number: Fraction) -> str:
    return f"{float(number):.6f}".rstrip("0").rstrip(".")
