"""Common result of all notations: symbols as written, each with its onset."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jasco.errors import ChordError

if TYPE_CHECKING:  # metres use the checks of this module
    from jasco.chords.metre import Metre

SYMBOL = re.compile(
    r"(?:\([^()|\n]*\)|(?i:omit|no)[1-9][13]?(?:,[1-9][13]?)+(?![A-Za-z0-9])|:(?!\|)|[^\s,;|:])+"
)
"""A chord symbol in running text; its brackets may hold commas and spaces."""

SHOWN = 32
"""Most characters of the user's text in a message."""

MAX_TEXT = 200_000
"""Most characters of a chart."""

MAX_SYMBOL = 100
"""Most characters of a chord symbol."""

MAX_CHORDS = 100_000
"""Most chords of a progression, repeats written out."""


@dataclass(frozen=True)
class Entry:
    """Chord symbol as written.

    Attributes:
        token: the symbol.
        onset: onset (s).
        position: index of its first character in the text, or of the entry in a list.
        where: the position in words, for messages (``"position 5"``, ``"line 2"``).
        key: key of a numeral, where the chart names one.
    """

    token: str
    onset: float
    position: int
    where: str
    key: str | None = None


@dataclass(frozen=True)
class Score:
    """Entries in time.

    Attributes:
        entries: in the order of writing.
        end: end of the last entry (s), if known.
        notices: notices for the user.
        lacks_tempo: no tempo is known, so the times are not in seconds.
        loop: the entries are repeated after ``end``.
        bars: onset of each bar (s), where there are bars.
        metres: metre of each of these.
    """

    entries: Sequence[Entry]
    end: float | None = None
    notices: tuple[str, ...] = ()
    lacks_tempo: bool = False
    loop: bool = False
    bars: tuple[float, ...] = ()
    metres: tuple[Metre, ...] = ()


def check_count(count: int, position: int = 0) -> None:
    """Check a number of chords before they are allocated.

    Raises:
        ChordError: more than `MAX_CHORDS`.
    """
    if count > MAX_CHORDS:
        raise ChordError(
            f"{count:,} chords or more: a progression has at most {MAX_CHORDS:,}, repeats written "
            "out; give a part of it",
            position=position,
        )


def as_text(value: object) -> str:
    """User input as a text; the type of a number that is too long to print."""
    try:
        return str(value)
    except ValueError:
        return type(value).__name__


def shown(value: object) -> str:
    """User input for a message: quoted and shortened."""
    text = as_text(value)
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")


def seconds(value: object, token: str, position: int, where: str) -> float:
    """Validated time of a chord (s), from a number or a text.

    Raises:
        ChordError: the value is no number, not finite, or negative.
    """
    time = math.nan
    if not isinstance(value, bool):
        try:
            time = float(value)  # type: ignore[arg-type]  # a list may hold any type
        except (TypeError, ValueError, OverflowError, RuntimeError):
            time = math.nan
    if not math.isfinite(time) or time < 0:
        raise ChordError(
            f"{shown(value)}, the time of {shown(token)} at {where}, is not one: "
            "give seconds from the start, 0 or more",
            position=position,
            token=token,
        )
    return abs(time)  # no negative zero
