"""Rhythm as musicians sketch it: a bar as a row of equal steps, and a clock for beats.

A beat is a quarter note in every metre here, so that a bar of 6/8 has three.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class Meter(NamedTuple):
    """A metre: its time signature, the beats of a bar, and the beats of a felt pulse."""

    name: str
    beats: float
    pulse: float


METERS = {m.name: m for m in (Meter("4/4", 4, 1), Meter("3/4", 3, 1), Meter("6/8", 3, 1.5))}


class Stroke(NamedTuple):
    """A step of a row that sounds: its place in the bar, its length (beats), and its mark."""

    at: float
    length: float
    mark: str

    def later(self, beats: float) -> Stroke:
        """The stroke moved in time."""
        return Stroke(self.at + beats, self.length, self.mark)


class Event(NamedTuple):
    """A note of a part, in beats: MIDI pitch, velocity, onset and length."""

    pitch: int
    velocity: int
    at: float
    length: float

    def later(self, beats: float) -> Event:
        """The note moved in time."""
        return Event(self.pitch, self.velocity, self.at + beats, self.length)


@lru_cache(maxsize=4096)
def read_row(row: str, beats: float) -> tuple[Stroke, ...]:
    """The strokes of a bar of ``beats``.

    In a row such as ``"x--.o-x."`` a dot is a rest, a dash holds the stroke before it, and any
    other mark is a stroke. The steps share the bar: 16 of them are sixteenths in 4/4, 12 triplets.
    """
    step = beats / len(row)
    strokes = []
    for index, mark in enumerate(row):
        if mark not in ".-":
            held = len(row[index + 1 :]) - len(row[index + 1 :].lstrip("-"))
            strokes.append(Stroke(index * step, (1 + held) * step, mark))
    return tuple(strokes)


class Clock(NamedTuple):
    """When a beat sounds.

    Attributes:
        tempo: beats a minute.
        swing: where the middle of a swung unit falls, .5 (straight) to .67 (triplets).
        unit: what is swung: 1 the eighths of a beat, .5 the sixteenths of half a beat.
    """

    tempo: float
    swing: float = 0.5
    unit: float = 1.0

    def seconds(self, beat: float) -> float:
        """Time of a beat (s); what lies between the swung places is moved in proportion."""
        whole, part = divmod(beat / self.unit, 1.0)
        if part < 0.5:
            part *= 2 * self.swing
        else:
            part = self.swing + (part - 0.5) * 2 * (1 - self.swing)
        return (whole + part) * self.unit * 60 / self.tempo
