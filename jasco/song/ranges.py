"""Ranges of a take, in seconds or in bars."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from jasco.errors import SettingError, shortened
from jasco.io.plain import is_number

Ranges = tuple[tuple[float, float], ...]
"""Start and end (s) of each range, ascending."""

MAX_RANGES = 1000
TOLERANCE = 1e-3
"""Time (s) by which a range may pass the end, which is rounded to a sample."""
SHORTEST_BAR = 0.01
"""Shortest bar (s); one of 1/32 at the fastest tempo lasts 0.1 s."""
_NUMBER = r"\s*(\d{0,20}\.?\d{1,20}(?:e-?\d{1,2})?)\s*"
_SECONDS = re.compile(f"{_NUMBER}:{_NUMBER}")
_BARS = re.compile(r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?")


def parse_seconds(text: str) -> Ranges:
    """Ranges of ``"8:16"`` or ``"8:16,24:32.5"``.

    Raises:
        SettingError: another form.
    """
    found = [_SECONDS.fullmatch(part) for part in text.split(",")]
    if not all(found):
        raise SettingError(
            f"seconds is {shortened(text)}: give start and end, such as 8:16 or 8:16,24:32"
        )
    return checked_ranges([tuple(map(float, one.groups())) for one in found if one])


def parse_bars(text: str) -> list[tuple[int, int]]:
    """First and last bar, counted from 1, of each range of ``"5-8"``, ``"5"`` or ``"5-8,13-16"``.

    Raises:
        SettingError: another form.
    """
    found = [_BARS.fullmatch(part) for part in str(text).split(",")]
    bars = [(int(one[1]), int(one[2] or one[1])) for one in found if one]
    if len(bars) < len(found) or not all(1 <= first <= last for first, last in bars):
        raise SettingError(
            f"bars is {shortened(text)}: give the first and last, from 1, such as 5-8 or 5-8,13-16"
        )
    return bars


def bar_ranges(text: str, onsets: Sequence[float], length: float, whole: str = "take") -> Ranges:
    """Ranges in seconds of bars.

    Args:
        text: see `parse_bars`.
        onsets: onset of each bar that is known (s); later bars are as long as the last two are
            apart.
        length: length of the take or the song (s).
        whole: ``take`` or ``song``, for messages.

    Raises:
        SettingError: another form, or bars beyond the end.
    """
    bars, onsets = parse_bars(text), [*onsets]
    if len(onsets) < 2:
        remedy = "chords in bars with bpm" if whole == "song" else "bpm"
        raise SettingError(
            f"bars need a tempo, and the {whole} states none: give {remedy}, or seconds"
        )
    bar = onsets[-1] - onsets[-2]
    if bar < SHORTEST_BAR:
        raise SettingError(f"the bars of the {whole} last {bar:g} s: give seconds")

    def at(index: int) -> float:
        return (
            onsets[index] if index < len(onsets) else onsets[-1] + bar * (index + 1 - len(onsets))
        )

    count = next(index for index in range(10**7) if at(index) > length - 1e-3 * bar)
    if (most := max(last for _, last in bars)) > count:
        raise SettingError(f"bars {str(text).strip()}: the {whole} has {count} bars, not {most}")
    return checked_ranges([(at(first - 1), min(at(last), length)) for first, last in bars])


def checked_ranges(ranges: Any, length: float = math.inf, whole: str = "take") -> Ranges:
    """Ranges in ascending order.

    Raises:
        SettingError: no pairs of ascending seconds, ranges that overlap, or beyond ``length`` (s).
    """
    given = ranges if isinstance(ranges, Iterable) else ()
    pairs = [tuple(pair) if isinstance(pair, list | tuple) else () for pair in given]
    if not 1 <= len(pairs) <= MAX_RANGES or not all(
        len(pair) == 2 and all(map(is_number, pair)) and 0 <= pair[0] < pair[1] for pair in pairs
    ):
        raise SettingError(
            f"ranges are {shortened(ranges)}: give start and end in seconds, such as [(8.0, 16.0)]"
        )
    pairs.sort()
    for before, after in zip(pairs, pairs[1:], strict=False):
        if after[0] < before[1]:
            raise SettingError(
                f"the ranges {before[0]:g}:{before[1]:g} and {after[0]:g}:{after[1]:g} s overlap"
            )
    if pairs[-1][1] > length + TOLERANCE:
        raise SettingError(
            f"the range {pairs[-1][0]:g}:{pairs[-1][1]:g} s ends after the {whole}, which lasts "
            f"{length:.2f} s"
        )
    return tuple((float(start), min(float(stop), length)) for start, stop in pairs)
