"""Rhythm notation: a bar as a row of equal steps, and a clock that maps beats to seconds.

A beat is a quarter note in every metre, so that a bar of 6/8 has three.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class Meter(NamedTuple):
    """Metre: time signature, beats of a bar, and beats of a felt pulse."""

    name: str
    beats: float
    pulse: float


METERS = {m.name: m for m in (Meter("4/4", 4, 1), Meter("3/4", 3, 1), Meter("6/8", 3, 1.5))}


class Stroke(NamedTuple):
    """Sounding step of a row: position in the bar and length (beats), and its mark."""

    at: float
    length: float
    mark: str

    def later(self, beats: float) -> Stroke:
        """Stroke shifted in time (beats)."""
        return Stroke(self.at + beats, self.length, self.mark)


class Event(NamedTuple):
    """Note of a part: MIDI pitch, velocity, onset and length (beats)."""

    pitch: int
    velocity: int
    at: float
    length: float

    def later(self, beats: float) -> Event:
        """Note shifted in time (beats)."""
        return Event(self.pitch, self.velocity, self.at + beats, self.length)


@lru_cache(maxsize=4096)
def read_row(row: str, beats: float) -> tuple[Stroke, ...]:
    """Strokes of a bar of ``beats``.

    In a row such as ``"x--.o-x."`` a dot is a rest, a dash prolongs the previous stroke, and any
    other mark is a stroke. The steps divide the bar evenly: 16 steps of 4/4 are sixteenths, 12 are
    triplets.
    """
    step = beats / len(row)
    strokes = []
    for index, mark in enumerate(row):
        if mark not in ".-":
            held = len(row[index + 1 :]) - len(row[index + 1 :].lstrip("-"))
            strokes.append(Stroke(index * step, (1 + held) * step, mark))
    return tuple(strokes)


class Clock(NamedTuple):
    """Clock: time (s) of a position (beats), with swing.

    Attributes:
        tempo: beats per minute.
        swing: position of the off-beat in a swung unit, .5 (straight) to .67 (triplets).
        unit: length of a swung unit (beats): 1 swings eighths, .5 swings sixteenths.
    """

    tempo: float
    swing: float = 0.5
    unit: float = 1.0

    def seconds(self, beat: float) -> float:
        """Time (s) of a position (beats), linear between the swung positions."""
        whole, part = divmod(beat / self.unit, 1.0)
        if part < 0.5:
            part *= 2 * self.swing
        else:
            part = self.swing + (part - 0.5) * 2 * (1 - self.swing)
        return (whole + part) * self.unit * 60 / self.tempo
