"""Bars: ``C Am | F G7 | %`` with a tempo, or ``C G,G:7 E:min`` (space = bar, comma = within).

The chords of a bar share it evenly. ``%`` repeats the bar before, ``.`` (or ``/``) gives one more
share to the chord that sounds, ``|: ... :|`` plays twice. A new line ends a bar too. Where there is
neither a ``|`` nor a comma, a line is one bar.

Tempo: ``bpm`` counts the notes that the denominator of the time signature names, so a bar of
``n/d`` lasts ``60 n / bpm`` s. That is quarters in 4/4 and **eighths in 6/8**: there a tempo felt
in dotted quarters is three times as many.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

from jasco.chords.characters import plain
from jasco.chords.score import SYMBOL, Entry, Score, as_text, shown
from jasco.errors import ChordError

BPM_RANGE = (20.0, 600.0)
"""Tempi that are believed (beats per minute); the eighths of a fast 12/8 come near the top."""

_PART = re.compile(
    r"(?P<line>:*\[?\|[|\]]*:*)|(?P<newline>\s*\n\s*)|(?P<space>\s+)|(?P<comma>[,;])"
    rf"|(?P<symbol>{SYMBOL.pattern})|(?P<stray>.)"
)
_TIME_SIGNATURE = re.compile(r"\s*([1-9]|[1-5][0-9])\s*/\s*(1|2|4|8|16|32)\s*")
_HOLD = re.compile(r"[./]+")


@dataclass(frozen=True)
class _Slot:
    """One share of a bar."""

    token: str
    position: int

    @property
    def holds(self) -> bool:
        return self.token in (".", "/")

    def error(self, reason: str, suggestion: str | None = None) -> ChordError:
        return ChordError(
            f"{shown(self.token)} at position {self.position}: {reason}",
            position=self.position,
            token=self.token,
            suggestion=suggestion,
        )


def _bar_length(bpm: float, time_signature: str) -> Fraction:
    """Length of a bar (s), exact so that no error adds up over the bars.

    Raises:
        ChordError: a tempo out of range, or no time signature.
    """
    low, high = BPM_RANGE
    try:
        tempo = math.nan if isinstance(bpm, bool | str) else float(bpm)
    except (TypeError, ValueError, OverflowError):
        tempo = math.nan
    if not low <= tempo <= high:
        raise ChordError(
            f"bpm is {shown(bpm)}: give beats per minute from {low:g} to {high:g}",
            position=0,
            token=as_text(bpm),
        )
    found = _TIME_SIGNATURE.fullmatch(as_text(time_signature))
    if found is None:
        raise ChordError(
            f"time_signature is {shown(time_signature)}: give beats and note value, such as '4/4', "
            "'3/4' or '6/8'",
            position=0,
            token=as_text(time_signature),
            suggestion="4/4",
        )
    return 60 * int(found[1]) / Fraction(tempo)


def no_tempo(first: Entry) -> ChordError:
    """What to say when bars come without a tempo."""
    return ChordError(
        f"bars need a tempo, and none came with {shown(first.token)} at {first.where}: give bpm, "
        "for example bpm=100, or write the onset of every chord in seconds ('C:0 Am:2.5'; "
        "'C:7' is Harte's seventh chord, 'C:7.0' has a time)",
        position=first.position,
        token=first.token,
        suggestion=f"{first.token}:0.0",
    )


def read_bars(text: str, original: str, *, bpm: float | None, time_signature: str = "4/4") -> Score:
    """Read bars.

    Args:
        text: plain text without tags.
        original: the text it was made from, of the same length.
        bpm: tempo (beats per minute); without one the score counts bars, and says so.
        time_signature: ``"4/4"``, ``"6/8"``, ...

    Raises:
        ChordError: a tempo out of range, an empty bar, or ``%`` and ``.`` with nothing before them.
    """
    parts = list(_PART.finditer(text))
    kinds = {part.lastgroup for part in parts}
    commas = "comma" in kinds and "line" not in kinds
    bars = _split(parts, original, space_ends_bar=commas)
    notices = []
    if commas and re.search(r"[,;][ \t]|[ \t][,;]", text):
        notices.append("a comma beside a space: the space ends the bar")
    if not kinds & {"line", "comma"} and any(len(bar) > 1 for bar in bars):
        notices.append("no bar line: the chords of a line share one bar (| ends a bar)")

    length = Fraction(1) if bpm is None else _bar_length(bpm, time_signature)
    entries = []
    before: list[_Slot] = []
    sounding: _Slot | None = None
    for index, bar in enumerate(bars):
        if bar[0].token == "%" and len(bar) == 1:
            if not before:
                raise bar[0].error("there is no bar before it to repeat")
            bar = before
        # Repeated, a bar that begins by holding a chord strikes that chord again.
        before = [sounding, *bar[1:]] if bar[0].holds and sounding else bar
        for share, slot in enumerate(bar):
            if slot.token == "%":
                raise slot.error("it repeats a whole bar and stands alone; . holds a chord", ".")
            if set(plain(slot.token)) == {"-"}:
                raise slot.error("write . to hold a chord, or | between bars", ".")
            if not slot.holds:
                onset = float((index + Fraction(share, len(bar))) * length)
                where = f"position {slot.position}"
                entries.append(Entry(slot.token, onset, slot.position, where))
                sounding = slot
            elif sounding is None:
                raise slot.error("there is no chord before it to hold", "N")
    return Score(entries, float(len(bars) * length), tuple(notices), lacks_tempo=bpm is None)


def _split(parts: list[re.Match[str]], original: str, *, space_ends_bar: bool) -> list[list[_Slot]]:
    """The shares of each bar, repeats written out."""
    bars: list[list[_Slot]] = [[]]
    repeat_from = 0
    line_end = -1  # where the last bar line ended, while nothing but blanks followed
    for part in parts:
        kind, token = part.lastgroup, original[part.start() : part.end()]
        if kind == "symbol":
            held = _HOLD.fullmatch(part[0]) or part[0] == "%"
            bars[-1] += [_Slot(c, part.start()) for c in part[0]] if held else []
            bars[-1] += [] if held else [_Slot(token, part.start())]
            line_end = -1
        elif kind == "stray":
            raise _Slot(token, part.start()).error("it stands for nothing here")
        elif kind == "line" and line_end not in (-1, part.start()):
            raise _Slot(token, part.start()).error(
                "the bar before it is empty; write % to repeat a bar, N for no chord", "%"
            )
        elif kind == "newline":
            line_end = -1
        if bars[-1] and (kind in ("line", "newline") or (kind == "space" and space_ends_bar)):
            bars.append([])
        if kind == "line":
            line_end = part.end()
            if part[0].startswith(":"):
                bars[-1:] = [*bars[repeat_from:-1], []]
                repeat_from = len(bars) - 1
            if part[0].endswith(":"):
                repeat_from = len(bars) - 1
    return [bar for bar in bars if bar]
