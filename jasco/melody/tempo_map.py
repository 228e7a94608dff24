"""Conversion of ticks to seconds, through all tempo changes of a sequence."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from jasco.melody.smf import Division

DEFAULT_TEMPO = 500_000
"""Default length of a quarter note (microseconds): 120 quarters per minute."""


class TempoChange(NamedTuple):
    """Tempo change at ``tick``, the time ``second`` (s), to ``bpm`` quarter notes per minute."""

    tick: int
    second: float
    bpm: float


class TempoMap:
    """Times of ticks.

    Whole numbers are added and divided once, so that no rounding error accumulates.

    Args:
        division: unit of time of the file; parts of a second are independent of the tempo.
        tempi: changes (tick, microseconds per quarter note) in any order; of several at one tick
            the last counts.

    Attributes:
        changes: tempo at tick 0 and all changes; empty for parts of a second.
    """

    def __init__(self, division: Division, tempi: Iterable[tuple[int, int]]) -> None:
        if division.ticks_per_second is not None:
            per_second = division.ticks_per_second
            self._ticks, self._before = [0], [0]
            self._steps, self._unit = [per_second.denominator], per_second.numerator
            self.changes: tuple[TempoChange, ...] = ()
            return
        steps = {0: DEFAULT_TEMPO}
        for tick, tempo in sorted(tempi, key=lambda change: change[0]):
            steps[tick] = tempo
        self._ticks, self._steps = list(steps), list(steps.values())
        self._unit = division.ticks_per_quarter * 1_000_000
        self._before = [0]  # microseconds times ticks per quarter note, at each change
        for here, there, step in zip(self._ticks, self._ticks[1:], self._steps, strict=False):
            self._before.append(self._before[-1] + (there - here) * step)
        self.changes = tuple(
            TempoChange(tick, self.seconds(tick), 60_000_000 / step)
            for tick, step in zip(self._ticks, self._steps, strict=True)
        )

    def seconds(self, tick: int) -> float:
        """Time of a tick (s)."""
        at = bisect_right(self._ticks, tick) - 1
        return (self._before[at] + (tick - self._ticks[at]) * self._steps[at]) / self._unit
