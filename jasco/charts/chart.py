"""`Chart`: bars, tempo, key, sections, chords and melody, at exact times in quarter notes."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from jasco.charts.keys import transposed_key
from jasco.chords import CHORD_INDEX, ChordProgression
from jasco.chords.metre import COMMON, MOST_BEATS, UNITS, Metre, whole_note
from jasco.chords.naming import transposed_name
from jasco.errors import ChartError, shortened

if TYPE_CHECKING:  # melodies need torch, chords do not
    from jasco.melody import Melody

MAX_BARS = 10_000
"""Most bars of a chart, repeats played: five hours at 120 quarters a minute in 4/4."""
MAX_NOTES = 100_000
"""Most melody notes of a chart."""

_FINEST = 2**64  # parts of a second
_RANGE = re.compile(r"\s*(\d{1,6})\s*(?:(-)\s*(\d{1,6})?\s*)?")


class Bar(NamedTuple):
    """Bar at ``onset`` of ``length`` (quarter notes), shorter than its metre for a pick-up."""

    onset: Fraction
    length: Fraction
    metre: Metre

    @property
    def is_short(self) -> bool:
        """True for a bar that does not fill its metre."""
        return self.length < 4 * self.metre.length

    @property
    def sounding(self) -> Metre:
        """Metre of the length, where there is one; else that of the bar."""
        length = self.length / 4
        unit = max(length.denominator, self.metre.unit)
        fits = unit in UNITS and length * unit <= MOST_BEATS and length != self.metre.length
        return Metre(int(length * unit), unit) if fits else self.metre


class ChartChord(NamedTuple):
    """Chord from ``onset`` (quarter notes) on, named as in `jasco.chords.CHORD_NAMES`."""

    onset: Fraction
    name: str


class ChartNote(NamedTuple):
    """Melody note: ``onset`` and ``length`` (quarter notes), and MIDI ``key``."""

    onset: Fraction
    length: Fraction
    key: int


class TempoChange(NamedTuple):
    """Tempo from ``onset`` (quarter notes) on, ``bpm`` quarter notes a minute."""

    onset: Fraction
    bpm: Fraction


class Section(NamedTuple):
    """Section that begins at ``onset`` (quarter notes)."""

    onset: Fraction
    name: str


_Event = TypeVar("_Event", ChartChord, ChartNote, TempoChange, Section)


@dataclass(frozen=True)
class Chart:
    """Lead sheet as played, repeats written out. Times are quarter notes from the first bar on.

    Attributes:
        chords: in order of their onsets; each sounds until the next one.
        end: end of the last bar.
        bars: one after another; empty for files that count seconds, where a quarter note is 1 s.
        tempo_map: tempo changes, the first at 0; empty where the file names no tempo.
        melody: notes in order of their onsets.
        sections: in order of their onsets.
        key: tonic, and ``m`` in minor: ``"Bb"``, ``"F#m"``.
        title: title of the piece.
        notes: what was left out or changed, one line each; ignored by equality.

    Raises:
        ChartError: events out of order or beyond the end, unknown chord names, or too many.
    """

    chords: tuple[ChartChord, ...]
    end: Fraction
    bars: tuple[Bar, ...] = ()
    tempo_map: tuple[TempoChange, ...] = ()
    melody: tuple[ChartNote, ...] = ()
    sections: tuple[Section, ...] = ()
    key: str | None = None
    title: str = ""
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if len(self.bars) > MAX_BARS or len(self.melody) > MAX_NOTES:
            raise ChartError(
                f"a chart has at most {MAX_BARS:,} bars, repeats played, and {MAX_NOTES:,} notes: "
                "give a part of it"
            )
        at = Fraction(0)
        for bar in self.bars:
            if bar.onset != at or bar.length <= 0:
                raise ChartError(f"bars follow each other: one begins at {bar.onset}, not {at}")
            at += bar.length
        if self.bars and at != self.end:
            raise ChartError(f"the bars end at {at}, and the chart at {self.end}")
        for name in ("chords", "tempo_map", "melody", "sections"):
            onsets = [event.onset for event in getattr(self, name)]
            if onsets != sorted(onsets) or (
                onsets and not 0 <= onsets[0] <= onsets[-1] <= self.end
            ):
                raise ChartError(f"{name} lie in order between 0 and the end, {self.end}")
        if self.tempo_map and self.tempo_map[0].onset != 0:
            raise ChartError("the first tempo begins at 0")
        if unknown := next((c.name for c in self.chords if c.name not in CHORD_INDEX), None):
            raise ChartError(f"{shortened(unknown)} is none of the {len(CHORD_INDEX)} chord names")

    @property
    def first_number(self) -> int:
        """Number of the first bar: 0 for a pick-up, else 1."""
        return 0 if len(self.bars) > 1 and self.bars[0].is_short else 1

    def seconds(self, onset: Fraction) -> float:
        """Time (s) of an onset.

        Raises:
            ChartError: the chart has no tempo.
        """
        if not self.tempo_map:
            raise ChartError(
                f"the chart {self.title!r:.60} has no tempo: give bpm, for example bpm=100"
            )
        at = max(bisect_right(self.tempo_map, onset, key=lambda change: change.onset) - 1, 0)
        change = self.tempo_map[at]
        return float(self._before[at] + (onset - change.onset) * 60 / change.bpm)

    @cached_property
    def _before(self) -> list[Fraction]:
        """Time (s) of each tempo change."""
        times = [Fraction(0)]
        for here, there in zip(self.tempo_map, self.tempo_map[1:], strict=False):
            time = times[-1] + (there.onset - here.onset) * 60 / here.bpm
            # Sums of many tempi would grow without end.
            exact = time.denominator <= _FINEST
            times.append(time if exact else Fraction(round(time * _FINEST), _FINEST))
        return times

    def selected(
        self,
        bars: str | int | tuple[int, int] | None = None,
        transpose: int = 0,
        bpm: float | None = None,
    ) -> Chart:
        """Chart of some bars, transposed, at a tempo; see `excerpt`, `transposed`, `at_tempo`."""
        chart = self if bars is None else self.excerpt(bars)
        chart = chart.transposed(transpose)
        return chart if bpm is None else chart.at_tempo(bpm)

    def controls(self) -> dict[str, ChordProgression | Melody]:
        """Values of the controls ``chords`` and ``melody``, of those that the chart has.

        Raises:
            ChartError: the chart has no tempo, or neither chords nor a melody in its bars.
        """
        found = {"chords": self.to_chords(), "melody": self.to_melody()}
        given = {name: value for name, value in found.items() if value is not None}
        if not given:
            raise ChartError("these bars hold neither chords nor a melody: choose others")
        return given

    def excerpt(self, bars: str | int | tuple[int, int]) -> Chart:
        """Bars of a range, such as ``"9-16"``, ``"9-"`` or ``9``, with both ends.

        Bars are counted from 1 as they are played; a pick-up is bar 0. A chord or note that sounds
        at the beginning begins there.

        Raises:
            ChartError: no such bars, or the chart has none.
        """
        first, last = self._range(bars)
        start, until = self.bars[first].onset, self.bars[last].onset + self.bars[last].length

        def inside(events: Iterable[_Event], *, held: bool) -> list[_Event]:
            before = [event for event in events if event.onset < start][-1:] if held else []
            found = [event for event in events if start <= event.onset < until]
            if before and (not found or found[0].onset > start):
                found.insert(0, before[0]._replace(onset=start))
            return [event._replace(onset=event.onset - start) for event in found]

        sounding = [
            note._replace(onset=start, length=note.onset + note.length - start)
            for note in self.melody
            if note.onset < start < note.onset + note.length
        ]
        melody = inside([*sounding, *(n for n in self.melody if n.onset >= start)], held=False)
        return replace(
            self,
            chords=tuple(inside(self.chords, held=True)),
            end=until - start,
            bars=tuple(b._replace(onset=b.onset - start) for b in self.bars[first : last + 1]),
            tempo_map=tuple(inside(self.tempo_map, held=True)),
            melody=tuple(n._replace(length=min(n.length, until - start - n.onset)) for n in melody),
            sections=tuple(inside(self.sections, held=True)),
        )

    def _range(self, bars: str | int | tuple[int, int]) -> tuple[int, int]:
        """Indices of the first and the last bar of a range."""
        if not self.bars:
            raise ChartError("the file counts seconds and has no bars: use start or crop")
        first, last = self.first_number, self.first_number + len(self.bars) - 1
        text = "-".join(map(str, bars)) if isinstance(bars, tuple) else str(bars)
        found = _RANGE.fullmatch(text)
        low = int(found[1]) if found else -1
        high = low if not found or not found[2] else int(found[3]) if found[3] else last
        if not first <= low <= high <= last:
            raise ChartError(
                f"bars is {shortened(bars)}: give the first and the last of {first} to {last}, the "
                "repeats played, such as 9-16"
            )
        return low - first, high - first

    def transposed(self, semitones: int) -> Chart:
        """Chart with chords, melody and key moved by semitones, from -48 to 48.

        Raises:
            ChartError: another number.
        """
        if isinstance(semitones, bool) or semitones not in range(-48, 49):
            raise ChartError(f"transpose is {shortened(semitones)}: give semitones from -48 to 48")
        if not semitones:
            return self
        return replace(
            self,
            chords=tuple(c._replace(name=transposed_name(c.name, semitones)) for c in self.chords),
            melody=tuple(n._replace(key=_in_midi(n.key + semitones)) for n in self.melody),
            key=None if self.key is None else transposed_key(self.key, semitones),
        )

    def at_tempo(self, bpm: float) -> Chart:
        """Chart with a tempo at its beginning; later tempi keep their relation to it.

        Args:
            bpm: in units of the first metre's denominator (quarters in 4/4, eighths in 6/8).

        Raises:
            ChordError: a tempo out of range.
            ChartError: the file counts seconds.
        """
        if not self.bars:
            raise ChartError("bpm is not used: the file counts seconds, leave it out")
        quarters = 240 / whole_note(bpm, self.bars[0].metre)
        first, *later = self.tempo_map or [TempoChange(Fraction(0), quarters)]
        scaled = [c._replace(bpm=c.bpm * quarters / first.bpm) for c in later]
        return replace(self, tempo_map=(TempoChange(Fraction(0), quarters), *scaled))

    def to_chords(self) -> ChordProgression | None:
        """Chords in seconds, with the bars from bar 1 on; ``None`` where there are none.

        Raises:
            ChartError: the chart has no tempo.
        """
        if not self.chords:
            return None
        whole = self.bars[1 - self.first_number :]
        return ChordProgression(
            names=tuple(chord.name for chord in self.chords),
            onsets=tuple(self.seconds(chord.onset) for chord in self.chords),
            end=self.seconds(self.end),
            notices=self.notes,
            bars=tuple(self.seconds(bar.onset) for bar in whole),
            metres=tuple(bar.sounding for bar in whole),
        )

    def to_melody(self) -> Melody | None:
        """Melody in seconds; ``None`` where there is none.

        Raises:
            ChartError: the chart has no tempo.
            MelodyError: the chart is too long for a melody.
        """
        if not self.melody:
            return None
        from jasco.melody import Melody

        notes = [
            (note.key, self.seconds(note.onset), self.seconds(note.onset + note.length))
            for note in self.melody
        ]
        melody = Melody.from_notes(notes, duration=self.seconds(self.end))
        # Notes about a chart with chords are told once, with the chords.
        notices = () if self.chords else self.notes
        return replace(melody, notices=(*notices, *melody.notices))

    def metre_at(self, onset: Fraction) -> Metre:
        """Metre at an onset; 4/4 for a chart without bars."""
        index = bisect_right(self.bars, onset, key=lambda bar: bar.onset) - 1
        return self.bars[index].metre if self.bars else COMMON


def _in_midi(key: int) -> int:
    """Key moved by octaves into the range of MIDI."""
    return key % 12 + 120 - 12 * (key % 12 > 7) if key > 127 else key % 12 if key < 0 else key
