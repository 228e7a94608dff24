"""Bars: ``C Am | F G7 | %`` with a tempo, or ``C G,G:7 E:min`` (space = bar, comma = within).

The chords of a bar share it evenly. ``%`` repeats the bar before, ``.`` (or ``/``) gives one more
share to the current chord, ``|: ... :|`` plays twice. A new line ends a bar too. Brackets are read
by `jasco.chords.brackets`; `jasco.chords.metre` defines the tempo.

Without ``|`` and comma each chord lasts a bar and the chords loop to the end of the clip. With
``.`` among them each sign is a beat, where the beats fill whole bars.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from jasco.chords.brackets import KeyChange, Mark, Section, Tempo
from jasco.chords.characters import plain
from jasco.chords.metre import COMMON, Clock, Metre, whole_note
from jasco.chords.score import SYMBOL, Entry, Score, check_count, shown
from jasco.errors import ChordError

_PART = re.compile(
    r"(?P<line>:*\[?\|[|\]]*:*)|(?P<newline>\s*\n\s*)|(?P<space>\s+)|(?P<comma>[,;])"
    rf"|(?P<symbol>{SYMBOL.pattern})|(?P<stray>.)"
)
_UNKNOWN = Fraction(1)  # length (s) of a whole note while the tempo is unknown
_HOLD = re.compile(r"[./]+")


@dataclass(frozen=True)
class _Slot:
    """One share of a bar."""

    token: str
    position: int
    key: str | None = None

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


@dataclass(frozen=True)
class _Bar:
    """Shares of a bar, its metre, and the length of a whole note (s) where it is known."""

    slots: tuple[_Slot, ...]
    metre: Metre
    whole: Fraction | None


def no_tempo(first: Entry) -> ChordError:
    """Error for bars without a tempo."""
    return ChordError(
        f"bars need a tempo, and none came with {shown(first.token)} at {first.where}: give bpm, "
        "for example bpm=100, or write the onset of every chord in seconds ('C:0 Am:2.5'; "
        "'C:7' is Harte's seventh chord, 'C:7.0' has a time)",
        position=first.position,
        token=first.token,
        suggestion=f"{first.token}:0.0",
    )


def read_bars(
    text: str,
    original: str,
    marks: Mapping[int, Mark] | None = None,
    *,
    bpm: float | None,
    time_signature: str | None = None,
) -> Score:
    """Read bars.

    Args:
        text: plain text without brackets.
        original: the text it was made from, of the same length.
        marks: position of a bracket -> its mark.
        bpm: tempo (beats per minute); without one, `Score.lacks_tempo` is true.
        time_signature: ``"4/4"``, ``"6/8"``, ...; 4/4 where the chart gives none either.

    Raises:
        ChordError: a tempo out of range, an empty bar, metre or tempo within a bar, or ``%`` and
            ``.`` with nothing before them.
    """
    parts = list(_PART.finditer(text))
    kinds = {part.lastgroup for part in parts}
    commas = "comma" in kinds and "line" not in kinds
    unbarred = not kinds & {"line", "comma"}
    beats = unbarred and any(
        part.lastgroup == "symbol" and _HOLD.fullmatch(part[0]) for part in parts
    )
    chart = _Chart(
        sorted((marks or {}).items()),
        bpm=bpm,
        time_signature=time_signature,
        space_ends_bar=commas or (unbarred and not beats),
        beats=beats,
    )
    bars = chart.read(parts, original)
    notices = chart.notices
    if commas and re.search(r"[,;][ \t]|[ \t][,;]", text):
        notices.append("a comma beside a space: the space ends the bar")
    score = _timed(bars)
    loop = unbarred and not beats and len({entry.token for entry in score.entries}) > 1
    if loop:
        notices.append(
            "no bar line: each chord lasts a bar, and they repeat to the end of the clip (| ends a "
            "bar)"
        )
    return Score(
        score.entries,
        score.end,
        tuple(notices),
        lacks_tempo=score.lacks_tempo,
        loop=loop,
        bars=score.bars,
        metres=score.metres,
    )


def _timed(bars: list[_Bar]) -> Score:
    clock = Clock()
    entries: list[Entry] = []
    onsets: list[float] = []
    before: tuple[_Slot, ...] = ()
    sounding: _Slot | None = None
    for bar in bars:
        slots = bar.slots
        if slots[0].token == "%" and all(slot.holds for slot in slots[1:]):
            if not before:
                raise slots[0].error("there is no bar before it to repeat")
            slots = before
        # A repeated bar that begins with a held chord strikes that chord again.
        before = (sounding, *slots[1:]) if slots[0].holds and sounding else slots
        clock.tempo(bar.whole or _UNKNOWN)
        onsets.append(clock.at())
        for share, slot in enumerate(slots):
            if slot.token == "%":
                raise slot.error("it repeats a whole bar and stands alone; . holds a chord", ".")
            if set(plain(slot.token)) == {"-"}:
                raise slot.error("write . to hold a chord, or | between bars", ".")
            if not slot.holds:
                check_count(len(entries) + 1, slot.position)
                onset = clock.at(share, len(slots), bar.metre)
                where = f"position {slot.position}"
                entries.append(Entry(slot.token, onset, slot.position, where, slot.key))
                sounding = slot
            elif sounding is None:
                raise slot.error("there is no chord before it to hold", "N")
        clock.advance(bar.metre)
    lacks_tempo = any(bar.whole is None for bar in bars)
    metres = tuple(bar.metre for bar in bars)
    return Score(entries, clock.at(), lacks_tempo=lacks_tempo, bars=tuple(onsets), metres=metres)


class _Chart:
    """Reader of the bars of a chart, repeats written out."""

    def __init__(
        self,
        marks: list[tuple[int, Mark]],
        *,
        bpm: float | None,
        time_signature: str | None,
        space_ends_bar: bool,
        beats: bool,
    ) -> None:
        self.notices: list[str] = []
        self._marks = deque(marks)
        self._given = {"bpm": bpm, "time_signature": time_signature}
        self._metre = COMMON if time_signature is None else Metre.parse(time_signature)
        self._whole: Fraction | None = None
        # A tempo counts in the metre of its bar, which a later bracket may set.
        self._tempo: tuple[float, int] | None = None if bpm is None else (bpm, 0)
        if bpm is not None:
            whole_note(bpm, self._metre)
        self._space_ends_bar = space_ends_bar
        self._beats = beats
        self._key: str | None = None
        self._open: list[_Slot] = []
        self._bars: list[_Bar] = []
        self._repeat_from = 0
        self._section, self._times = 0, 1

    def read(self, parts: list[re.Match[str]], original: str) -> list[_Bar]:
        line_end = -1  # end of the last bar line, while only blanks follow it
        for part in parts:
            kind, token = part.lastgroup, original[part.start() : part.end()]
            if kind == "line" and line_end not in (-1, part.start()):
                raise _Slot(token, part.start()).error(
                    "the bar before it is empty; write % to repeat a bar, N for no chord", "%"
                )
            if kind in ("line", "newline") or (kind == "space" and self._space_ends_bar):
                self._close(ends_line=kind != "space")
            self._apply(part.start() if kind in ("symbol", "stray") else part.end())
            if kind == "symbol":
                held = _HOLD.fullmatch(part[0]) or part[0] == "%"
                check_count(len(self._open) + len(part[0]) * bool(held), part.start())
                signs = part[0] if held else [token]
                self._open += [_Slot(sign, part.start(), self._key) for sign in signs]
                line_end = -1
            elif kind == "stray":
                raise _Slot(token, part.start()).error("it stands for nothing here")
            elif kind == "newline":
                line_end = -1
            elif kind == "line":
                line_end = part.end()
                if part[0].startswith(":"):
                    self._repeat(self._repeat_from, 2)
                if part[0].endswith(":"):
                    self._repeat_from = len(self._bars)
        self._close()
        self._apply(len(original) + 1)
        self._repeat(self._section, self._times)
        return self._bars

    def _close(self, *, ends_line: bool = True) -> None:
        slots, size = self._open, len(self._open)
        if not slots:
            return
        if self._tempo is not None:
            bpm, position = self._tempo
            self._whole, self._tempo = whole_note(bpm, self._metre, position), None
        if self._beats and ends_line:
            if len(slots) % self._metre.beats == 0:
                size = self._metre.beats
            elif len(slots) > 1:
                self.notices.append(
                    "no bar line: the chords of a line share one bar (| ends a bar)"
                )
        for start in range(0, len(slots), size):
            bar = _Bar(tuple(slots[start : start + size]), self._metre, self._whole)
            self._bars.append(bar)
        check_count(len(self._bars), slots[0].position)
        self._open = []

    def _repeat(self, start: int, times: int) -> None:
        """Play the bars from ``start`` on several times."""
        check_count(len(self._bars) + (times - 1) * (len(self._bars) - start))
        self._bars += self._bars[start:] * (times - 1)
        self._repeat_from = len(self._bars)

    def _apply(self, before: int) -> None:
        """Apply the brackets before a position."""
        while self._marks and self._marks[0][0] < before:
            position, mark = self._marks.popleft()
            if isinstance(mark, KeyChange):
                self._key = mark.key
            elif isinstance(mark, Section):
                if self._times > 1:
                    self._repeat(self._section, self._times)
                self._section, self._times = len(self._bars), mark.times
            elif self._open:
                name = "a tempo" if isinstance(mark, Tempo) else "a time signature"
                raise ChordError(
                    f"{name} at position {position} stands within a bar: write it at the beginning "
                    "of one",
                    position=position,
                    token=str(mark),
                )
            elif isinstance(mark, Tempo):
                self._say_unused("bpm", f"{mark.bpm:g}")
                self._tempo = mark.bpm, position
            else:
                self._say_unused("time_signature", str(mark))
                self._metre = mark

    def _say_unused(self, name: str, said: str) -> None:
        if not self._bars and self._given[name] is not None:
            if str(self._given[name]) != said:
                self.notices.append(f"{name} is not used: the chart says {said}")
            self._given[name] = None
