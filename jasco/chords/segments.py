"""Conversion of segments, chords with start and end (s) of ``.lab`` and JAMS files, to a score.

Nested segments: the inner chord sounds, then the outer one resumes. Overlapping segments: the later
one takes over. A gap between segments is no chord.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from jasco.chords.score import Entry, Score, check_count, shown
from jasco.chords.vocabulary import NO_CHORD
from jasco.errors import ChordError

_GAP = 1e-3  # largest gap (s) that counts as rounding


@dataclass(frozen=True)
class Segment:
    """Chord with start and end, as written.

    Attributes:
        start, end: times (s); an end of ``None`` is the start of the next segment.
        token: name of the chord.
        position, where, key: see `jasco.chords.score.Entry`.
    """

    start: float
    end: float | None
    token: str
    position: int
    where: str
    key: str | None = None

    def entry(self, onset: float) -> Entry:
        return Entry(self.token, onset, self.position, self.where, self.key)


def in_a_row(segments: Sequence[Segment], notices: Iterable[str] = ()) -> Score:
    """Score of segments in any order.

    Raises:
        ChordError: no segment, or one that ends before it begins.
    """
    lines = list(notices)
    kept = [clipped for segment in segments if (clipped := _from_zero(segment, lines)) is not None]
    if not kept:
        raise ChordError("no chord: the file holds no segment", position=0)
    check_count(len(kept))
    ordered = sorted(kept, key=lambda s: (s.start, -math.inf if s.end is None else -s.end))
    open_ended = ordered[-1].end is None
    entries: list[Entry] = []
    sounding: list[tuple[float, Segment]] = []  # (end, segment), inner ones last
    for index, segment in enumerate(ordered):
        following = ordered[index + 1].start if index + 1 < len(ordered) else segment.start
        end = following if segment.end is None else segment.end
        _advance(segment.start, sounding, entries, lines)
        if sounding and segment.start + _GAP < sounding[-1][0] < end - _GAP:
            lines.append(
                f"{segment.token} at {segment.where} begins before the chord ahead of it ends"
            )
        entries.append(segment.entry(segment.start))
        sounding.append((end, segment))
    reached = max(end for end, _ in sounding)
    _advance(math.inf, sounding, entries, lines)
    end_of_last = None if open_ended else max(reached, entries[-1].onset)
    return Score(entries, end_of_last, tuple(lines))


def _advance(
    until: float, sounding: list[tuple[float, Segment]], entries: list[Entry], lines: list[str]
) -> None:
    """Add the entries up to a time (s): outer chords that resume, and gaps without a chord."""
    while sounding and sounding[-1][0] <= until - (_GAP if until < math.inf else 0):
        end, last = sounding.pop()
        while sounding and sounding[-1][0] <= end + _GAP:
            end = max(end, sounding.pop()[0])
        if sounding:
            outer = sounding[-1][1]
            entries.append(outer.entry(end))
            lines.append(
                f"{last.token} at {last.where} lies within {outer.token}, which resumes at {end:g} "
                "s"
            )
        elif until < math.inf:
            entries.append(Entry(NO_CHORD, end, last.position, last.where))
            lines.append(f"no chord between {end:g} and {until:g} s: N")


def _from_zero(segment: Segment, lines: list[str]) -> Segment | None:
    """Part of a segment from 0 s on; ``None`` without one."""
    if segment.end is not None and segment.end < segment.start:
        raise ChordError(
            f"{shown(segment.token)} at {segment.where} ends at {segment.end:g} s, before it "
            f"begins at {segment.start:g} s",
            position=segment.position,
            token=segment.token,
        )
    if segment.end == segment.start:
        lines.append(f"{segment.token} at {segment.where} has no length: until the next one")
        segment = replace(segment, end=None)
    if segment.start >= 0:
        return segment
    if segment.end is not None and segment.end <= 0:
        lines.append(f"{segment.token} at {segment.where} ends before 0 s and is left out")
        return None
    lines.append(f"{segment.token} at {segment.where} begins at {segment.start:g} s: read as 0 s")
    return replace(segment, start=0.0)
