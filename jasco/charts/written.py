"""Written bars with their repeats, and the order in which they are played.

Repeats may have endings (voltas) and are not nested. After D.C. or D.S. they are not repeated, and
the last ending is played, or the one that leads to the coda or holds the Fine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby

from jasco.charts.chart import (
    MAX_BARS,
    MAX_NOTES,
    Bar,
    Chart,
    ChartChord,
    ChartNote,
    Section,
    TempoChange,
)
from jasco.chords.metre import BPM_RANGE, Metre
from jasco.chords.naming import name_chord
from jasco.chords.numerals import Key
from jasco.chords.score import MAX_CHORDS
from jasco.errors import ChartError, ChordError

MAX_LINE = 200_000
"""Most characters of a line with bars."""


FINEST = 10**9
"""Most parts of a quarter note in sums of lengths, which else grow with each of them."""
_MOST_LINES = 10_000  # about what was left out
_MOST_SHOWN = 100


def checked_time(time: Fraction, where: str) -> Fraction:
    """Time (quarter notes), if it is no finer than `FINEST`.

    Raises:
        ChartError: it is.
    """
    if time.denominator > FINEST:
        raise ChartError(f"the lengths up to {where} are finer than is read: round them")
    return time


@dataclass
class WrittenBar:
    """Bar as written. Offsets and lengths are quarter notes from its beginning.

    Attributes:
        metre: time signature.
        length: length; by default that of the metre.
        chords: offset and name of each chord.
        notes: offset, length and MIDI key of each melody note.
        tempi: offset and quarter notes a minute of each tempo.
        section: name of the section that begins here.
        starts_repeat: a repeat begins here.
        ends_repeat: times that the repeat ending here is played; 0 without one.
        endings: rounds in which this bar is played, where it belongs to an ending.
        segno, coda: marks at the beginning, to jump to.
        to_coda, fine: marks at the end, which count after a jump.
        jump: ``"D.C."`` or ``"D.S."`` at the end.
        until: end of the playing after the jump: ``"Fine"``, ``"Coda"``, the number of an ending,
            or empty for whichever of the first two there is.
        repeats_after_jump: the repeat that ends here is played after a jump too.
    """

    metre: Metre
    length: Fraction = Fraction(0)
    chords: list[tuple[Fraction, str]] = field(default_factory=list)
    notes: list[tuple[Fraction, Fraction, int]] = field(default_factory=list)
    tempi: list[tuple[Fraction, Fraction]] = field(default_factory=list)
    section: str = ""
    starts_repeat: bool = False
    ends_repeat: int = 0
    endings: frozenset[int] = frozenset()
    segno: bool = False
    coda: bool = False
    to_coda: bool = False
    fine: bool = False
    jump: str = ""
    until: str = ""
    repeats_after_jump: bool = False

    def __post_init__(self) -> None:
        self.length = self.length or 4 * self.metre.length


class Draft:
    """Chart while it is read.

    Attributes:
        title, key: as in `jasco.charts.Chart`.
        has_outro: without a jump, the coda follows its first mark in the last repeat.
        bars: written bars.
        notes: what was left out or changed.
    """

    def __init__(self) -> None:
        self.title = ""
        self.key: str | None = None
        self.bars: list[WrittenBar] = []
        self.notes: list[str] = []
        self.has_outro = False
        self._unread: str | None = None

    def add(self, bar: WrittenBar) -> WrittenBar:
        """Append a bar.

        Raises:
            ChartError: more than `MAX_BARS`.
        """
        if len(self.bars) >= MAX_BARS:
            raise ChartError(f"more than {MAX_BARS:,} bars, the most that are read: give a part")
        self.bars.append(bar)
        return bar

    def name(self, symbol: str, where: str, key: str | None = None) -> str | None:
        """Name of the vocabulary for a symbol; ``None`` with a note where it cannot be read."""
        try:
            tonality = None if key is None else Key.parse(key)
            name, change = name_chord(symbol, tonality, position=0, where=where)
        except ChordError as error:
            self._unread = self._unread or str(error)
            if len(self.notes) >= _MOST_LINES:
                raise ChartError(f"{_MOST_LINES:,} chords cannot be read: {self._unread}") from None
            self.notes.append(f"left out, the chord before it is held: {error}")
            return None
        if change:
            self.notes.append(change)
        return name

    def tempo(self, bpm: Fraction | float, where: str) -> Fraction | None:
        """Tempo in quarter notes a minute; ``None`` with a note where it is out of range."""
        low, high = BPM_RANGE
        if not low <= bpm <= high:
            self.notes.append(f"tempo {float(bpm):g} at {where} is not used: {low:g} to {high:g}")
            return None
        return Fraction(bpm)

    def lines(self) -> tuple[str, ...]:
        """Notes, each once; the number of those after the first `_MOST_SHOWN`."""
        notes = tuple(dict.fromkeys(self.notes))
        more = len(notes) - _MOST_SHOWN
        return (*notes[:_MOST_SHOWN], f"{more} more things like these") if more > 0 else notes

    def chart(self) -> Chart:
        """Chart of the bars as they are played.

        Raises:
            ChartError: no chord and no note, repeats within repeats, or too many bars.
        """
        if not any(bar.chords or bar.notes for bar in self.bars):
            why = f": {self._unread}" if self._unread else ""
            raise ChartError(f"no chord and no melody in the chart{why}")
        played, chords, melody = [], [], []
        tempi: list[TempoChange] = []
        sections: list[Section] = []
        held = list(_held(self.bars))
        onset, previous = Fraction(0), -1
        for index in playing_order(self.bars, self.notes, self.has_outro):
            bar, (chord, tempo, section) = self.bars[index], held[index]
            new = list(bar.chords)
            if index != previous + 1:
                if chord and (not new or new[0][0] > 0):
                    new.insert(0, (Fraction(0), chord))
            if section and (bar.section or index != previous + 1):
                if not sections or (sections[-1].name != section or bar.section):
                    sections.append(Section(onset, section))
            changes = [*([(Fraction(0), tempo)] if tempo else []), *bar.tempi]
            for at, bpm in changes:
                if tempi and tempi[-1].onset == onset + at:
                    tempi.pop()
                if not tempi or tempi[-1].bpm != bpm:
                    tempi.append(TempoChange(onset + at, bpm))
            chords += [ChartChord(onset + at, name) for at, name in new]
            melody += [ChartNote(onset + at, length, key) for at, length, key in bar.notes]
            played.append(Bar(onset, bar.length, bar.metre))
            if len(chords) > MAX_CHORDS or len(melody) > MAX_NOTES:
                raise ChartError(
                    f"more than {MAX_CHORDS:,} chords or {MAX_NOTES:,} notes, repeats played: give "
                    "a part of the chart"
                )
            onset = checked_time(onset + bar.length, f"bar {len(played)}")
            previous = index
        if tempi and tempi[0].onset > 0:
            tempi[0] = tempi[0]._replace(onset=Fraction(0))
        return Chart(
            chords=tuple(chords),
            end=onset,
            bars=tuple(played),
            tempo_map=tuple(tempi),
            melody=tuple(sorted(n for n in melody if n.onset < onset)),
            sections=tuple(sections),
            key=self.key,
            title=self.title,
            notes=self.lines(),
        )


def _held(bars: Sequence[WrittenBar]) -> Iterator[tuple[str, Fraction | None, str]]:
    """Chord, tempo and section that hold at the beginning of each written bar."""
    chord, tempo, section = "", None, ""
    for bar in bars:
        section = bar.section or section
        yield chord, tempo, section
        chord = bar.chords[-1][1] if bar.chords else chord
        tempo = bar.tempi[-1][1] if bar.tempi else tempo


def playing_order(
    bars: Sequence[WrittenBar], notes: list[str], has_outro: bool = False
) -> list[int]:
    """Indices of written bars in the order of playing.

    Args:
        bars: written bars.
        notes: receives a note about each mark that cannot be followed.
        has_outro: see `Draft`.

    Raises:
        ChartError: repeats within repeats, or more than `MAX_BARS` bars.
    """
    order: list[int] = []
    groups = _ending_groups(bars)
    start, turn, index = 0, 1, 0
    jump: WrittenBar | None = None  # until its coda, Fine or ending is reached
    jumped = False
    while index < len(bars):
        bar, group = bars[index], groups[index]
        if bar.starts_repeat and index != start:
            _check_nesting(bars, start, index)
            start, turn = index, 1
        elif index > start and groups[index - 1] is not None and group is None:
            start, turn = index, 1
        if group is not None:
            wanted = turn if jump is None or group.repeats else group.after(jump)
            if wanted not in bar.endings:
                index = _end_of_ending(bars, index)
                continue
        order.append(index)
        if len(order) > MAX_BARS:
            raise ChartError(
                f"more than {MAX_BARS:,} bars with the repeats played, the most that are read: "
                "give a part of the chart"
            )
        if has_outro and bar.to_coda and _is_last_turn(bars, index, turn):
            jump = WrittenBar(bar.metre, until="Coda")
        if jump is not None and _is_last_turn(bars, index, turn, after_jump=jumped):
            if bar.fine and jump.until in ("", "Fine"):
                break
            if bar.to_coda and jump.until in ("", "Coda"):
                codas = [i for i in range(index + 1, len(bars)) if bars[i].coda]
                if codas:
                    index, start, turn, jump = codas[-1], codas[-1], 1, None
                    continue
                notes.append(f"bar {index + 1} leads to a coda that is not there: the bars go on")
            ends_there = jump.until.isdigit() and int(jump.until) in bar.endings
            if ends_there and _end_of_ending(bars, index) == index + 1:
                break
        if bar.ends_repeat and (jump is None or bar.repeats_after_jump):
            if turn < (bar.ends_repeat if group is None else group.turns):
                index, turn = start, turn + 1
                continue
            start, turn = index + 1, 1
        if bar.jump and not jumped:
            jump, jumped, turn, index = bar, True, 1, 0
            if bar.jump == "D.S.":
                segni = [i for i in order if bars[i].segno]
                if not segni:
                    notes.append("D.S. without a segno: played from the beginning")
                index = segni[-1] if segni else 0
            start = index
            continue
        index += 1
    return order


@dataclass(frozen=True)
class _Endings:
    """Adjacent endings of a repeat.

    Attributes:
        turns: times that the repeat is played; once more than the only ending says.
        marked: ending that leads to the coda or holds the Fine; 0 without one.
        repeats: the repeat is played after a jump too.
    """

    turns: int
    marked: int
    repeats: bool

    def after(self, jump: WrittenBar) -> int:
        """Number of the ending that is played after a jump."""
        return int(jump.until) if jump.until.isdigit() else self.marked or self.turns


def _ending_groups(bars: Sequence[WrittenBar]) -> list[_Endings | None]:
    """Endings that each bar belongs to."""
    groups: list[_Endings | None] = []
    for numbered, run in groupby(bars, key=lambda bar: bool(bar.endings)):
        found = list(run)
        group = None
        if numbered:
            last = max(max(bar.endings) for bar in found)
            several = len({bar.endings for bar in found}) > 1
            marked = [max(bar.endings) for bar in found if bar.to_coda or bar.fine]
            repeats = any(bar.repeats_after_jump for bar in found)
            group = _Endings(last if several else last + 1, max(marked, default=0), repeats)
        groups += [group] * len(found)
    return groups


def _is_last_turn(
    bars: Sequence[WrittenBar], index: int, turn: int, *, after_jump: bool = False
) -> bool:
    """True for a bar that is not played again by a repeat which ends after it."""
    for at in range(index, len(bars)):
        if bars[at].ends_repeat or (at > index and bars[at].starts_repeat):
            is_played = bars[at].repeats_after_jump or not after_jump
            return turn >= bars[at].ends_repeat or not is_played
    return True


def _end_of_ending(bars: Sequence[WrittenBar], index: int) -> int:
    """Index of the bar after an ending."""
    after = index
    while after < len(bars) and bars[after].endings == bars[index].endings:
        after += 1
    return after


def _check_nesting(bars: Sequence[WrittenBar], start: int, index: int) -> None:
    """Refuse a repeat that begins within another one; one that is never closed is played once."""
    if not bars[start].starts_repeat or any(bar.ends_repeat for bar in bars[start:index]):
        return
    ends = 0
    for bar in bars[index:]:
        if bar.starts_repeat and ends:
            break
        ends += bool(bar.ends_repeat) and not bar.endings
    if ends > 1:
        raise ChartError(
            f"bar {index + 1} begins a repeat within that of bar {start + 1}: write one of them out"
        )
