"""Metre and tempo: time signatures, beats per minute, and the length of a bar in seconds.

``bpm`` counts notes of the time signature's denominator: quarters in 4/4 and **eighths in 6/8**,
where a tempo in dotted quarters has to be multiplied by three. Where the metre changes within a
chart, note values keep their lengths (an eighth of 6/8 is half a quarter of 4/4).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from jasco.chords.score import as_text, shown
from jasco.errors import ChordError

BPM_RANGE = (20.0, 600.0)
"""Range of accepted tempi (beats per minute); the eighths of a fast 12/8 come near the top."""

UNITS = (1, 2, 4, 8, 16, 32)
"""Denominators."""
MOST_BEATS = 59
"""Largest numerator."""

_UNIT = UNITS[-1]
"""Common multiple of all denominators."""

_TIME_SIGNATURE = re.compile(r"\s*([1-9]|[1-5][0-9])\s*/\s*(1|2|4|8|16|32)\s*")


@dataclass(frozen=True)
class Metre:
    """A time signature.

    Attributes:
        beats: numerator.
        unit: denominator.
    """

    beats: int
    unit: int

    @classmethod
    def parse(cls, text: str, position: int = 0) -> Metre:
        """Read ``"4/4"``, ``"6/8"``, ...

        Raises:
            ChordError: anything else.
        """
        found = _TIME_SIGNATURE.fullmatch(as_text(text))
        if found is None:
            raise ChordError(
                f"time_signature is {shown(text)}: give beats and note value, such as '4/4', "
                "'3/4' or '6/8'",
                position=position,
                token=as_text(text),
                suggestion="4/4",
            )
        return cls(int(found[1]), int(found[2]))

    @property
    def length(self) -> Fraction:
        """Length of a bar in whole notes."""
        return Fraction(self.beats, self.unit)

    @property
    def is_readable(self) -> bool:
        """True where `parse` reads it; MIDI files hold others too."""
        return self.beats <= MOST_BEATS and self.unit in UNITS

    @property
    def compound(self) -> bool:
        """True where the beat is a dotted note of three units (6/8, 9/8, 12/8)."""
        return self.unit >= 8 and self.beats % 3 == 0 and self.beats > 3

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}"


COMMON = Metre(4, 4)


def cropped_bars(
    bars: Sequence[float],
    metres: Sequence[Metre],
    end: float | None,
    start: float,
    until: float,
) -> tuple[tuple[float, ...], tuple[Metre, ...]]:
    """Onsets and metres of the bars that begin from ``start`` on and before ``until`` (s).

    The metre of a last bar that is cut is its length, in 32nds.
    """
    kept = [index for index, bar in enumerate(bars) if start <= bar < until]
    found = [metres[index] for index in kept if metres]
    if found and end is not None:
        bar, stop = (*bars, end)[kept[-1] : kept[-1] + 2]
        share = (until - bar) / (stop - bar) if until < stop else 1
        length = Fraction(round(share * found[-1].length * _UNIT), _UNIT)
        if share < 1 and 0 < length.numerator <= MOST_BEATS:
            found[-1] = Metre(length.numerator, length.denominator)
    return tuple(bars[index] - start for index in kept), tuple(found)


def whole_note(bpm: float, metre: Metre, position: int = 0) -> Fraction:
    """Length of a whole note (s), exact so that no error adds up over the bars.

    Args:
        bpm: tempo in units of the metre's denominator per minute.
        metre: metre of the tempo.
        position: index of the tempo in the text, for the error.

    Raises:
        ChordError: a tempo out of range.
    """
    low, high = BPM_RANGE
    try:
        tempo = math.nan if isinstance(bpm, bool | str) else float(bpm)
    except (TypeError, ValueError, OverflowError):
        tempo = math.nan
    if not low <= tempo <= high:
        raise ChordError(
            f"bpm is {shown(bpm)}: give beats per minute from {low:g} to {high:g}",
            position=position,
            token=as_text(bpm),
        )
    return 60 * metre.unit / Fraction(tempo)


class Clock:
    """Time (s) of bars that follow each other, each with its metre and tempo.

    Whole numbers of the shortest unit are added and divided once, so that no rounding error
    accumulates over the bars of a tempo.
    """

    def __init__(self) -> None:
        self._origin = 0.0  # s, start of the tempo
        self._units = 0  # since the origin, each 1 / `_UNIT` of a whole note
        self._whole = Fraction(1)

    def at(self, share: int = 0, shares: int = 1, metre: Metre = COMMON) -> float:
        """Time of one of the equal shares of the bar that begins now."""
        units = self._units * shares + share * (metre.beats * (_UNIT // metre.unit))
        time = units * self._whole.numerator / (_UNIT * shares * self._whole.denominator)
        return self._origin + time

    def tempo(self, whole: Fraction) -> None:
        """Set the length of a whole note (s) from now on."""
        if whole != self._whole:
            self._origin, self._units, self._whole = self.at(), 0, whole

    def advance(self, metre: Metre) -> None:
        """Go to the next bar."""
        self._units += metre.beats * (_UNIT // metre.unit)
