"""``.lab`` files of Isophonics and mir_eval: start (s), end (s) and label on each line.

Variants are read too: blanks, commas or semicolons; two columns, or a last line without an end;
quotes, a header, comments after ``#``, more columns; times of HTK (units of 100 ns). A notice names
each difference from three columns of seconds.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from statistics import median_low

from jasco.chords.score import Score, check_count, shown
from jasco.chords.segments import Segment, in_a_row
from jasco.errors import ChordError

_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_NEXT = r"(?:\s*[,;]\s*|\s+)"
_LINE = re.compile(
    rf"\"?(?P<start>{_NUMBER}|[-+]?(?i:nan|inf))\"?(?:{_NEXT}\"?(?P<end>{_NUMBER}|(?i:nan|inf))\"?"
    rf"(?={_NEXT}|$))?(?:{_NEXT}(?P<rest>.*))?"
)
_LABEL = re.compile(
    r"\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>(?:\([^()]*\)|[^\s,;()])+|\S+)"
)
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])([-+]?\d+),(\d+)(?=\s*[;\t])")
# Start and end with decimal commas, separated by blanks; columns separated by commas differ.
_BLANKS_AND_COMMAS = re.compile(r"([-+]?\d+),(\d+) +([-+]?\d+),(\d+)(?= +[^\s\d])")
_HEADER = frozenset(
    "start begin from onset onsets time times start_time starttime end stop to offset end_time "
    "endtime duration length dur label labels chord chords value symbol name annotation sec "
    "seconds confidence".split()
)
_DURATIONS = ("duration", "length", "dur")
LONGEST = 36_000.0
"""Largest time (s): ten hours; larger numbers are of another unit."""
_HTK = 1e7  # units a second
_SHORTEST_HTK = 1e5  # units: 10 ms


def read_lab(text: str, notices: tuple[str, ...] = ()) -> Score:
    """Read the lines of a ``.lab`` file.

    Raises:
        ChordError: a line of another form; ``position`` is the index of its first character.
    """
    found: list[tuple[Segment, str]] = []  # and the rest of the line
    changes = list(notices)
    at, durations = 0, False
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        position, at = at, at + len(line)
        content = re.sub(r"(^|\s)#.*", "", line.strip()).strip().strip("\x00\x1a")
        if not content:
            continue
        if not found and (words := _header(content)):
            changes.append(f"line {number} is a header: {' '.join(words)[:60]}")
            durations = any(word in _DURATIONS for word in words)
            continue
        check_count(len(found) + 1, position)
        found.append(_segment(content, position, f"line {number}"))
    segments = [segment for segment, _ in found]
    if durations:
        segments = [s if s.end is None else replace(s, end=s.start + s.end) for s in segments]
    if any(re.match(rf"\s*\"?{_NUMBER}\"?\s*[,;]", line) for line in text.splitlines()):
        changes.append("columns are parted by commas or semicolons")
    changes += _layout(segments, [extra for _, extra in found])
    return in_a_row(_in_seconds(segments, changes), changes)


def _header(content: str) -> list[str]:
    """Column names of a header line; empty for any other line."""
    words = [w for w in re.split(r"[\s,;\"'()\[\]]+", content.lower()) if w]
    return words if len(words) > 1 and all(w in _HEADER or w == "s" for w in words) else []


def _segment(content: str, position: int, where: str) -> tuple[Segment, str]:
    content = _BLANKS_AND_COMMAS.sub(r"\1.\2 \3.\4", content)
    content = _DECIMAL_COMMA.sub(r"\1.\2", content)
    found = _LINE.fullmatch(content)
    label = _LABEL.match((found["rest"] or "").strip()) if found else None
    if found is None or label is None:
        raise ChordError(
            f"{shown(content)} at {where} is not a segment: write start, end and chord",
            position=position,
            token=content,
            suggestion="0.0 2.0 C:maj",
        )
    name = next(text for text in label.groups() if text is not None).strip()
    times = [None if text is None else float(text) for text in (found["start"], found["end"])]
    for text, time in zip((found["start"], found["end"]), times, strict=True):
        if time is not None and not math.isfinite(time):
            raise ChordError(
                f"{shown(text)}, the time of {shown(name)} at {where}, is not one: give seconds",
                position=position,
                token=name,
            )
    extra = found["rest"].strip()[label.end() :].strip(" \t,;")
    return Segment(times[0] or 0.0, times[1], name, position, where), extra


def _layout(segments: list[Segment], extras: list[str]) -> list[str]:
    changes = []
    without = [segment for segment in segments if segment.end is None]
    if segments and len(without) == len(segments):
        changes.append("two columns: each chord lasts until the next one")
    elif without and without != segments[-1:]:
        changes.append(f"{len(without)} lines without an end: those chords last until the next one")
    elif without:
        changes.append("the last line has no end")
    if further := sum(map(bool, extras)):
        changes.append(f"further columns of {further} lines are not read")
    return changes


def _in_seconds(segments: list[Segment], changes: list[str]) -> list[Segment]:
    """Segments with HTK times converted to seconds.

    Raises:
        ChordError: times of more than `LONGEST` that are not in 100 ns.
    """
    last = max((max(s.start, s.end or 0.0) for s in segments), default=0.0)
    if last <= LONGEST:
        return segments
    edges = sorted({s.start for s in segments} | {s.end for s in segments if s.end is not None})
    lengths = [b - a for a, b in zip(edges, edges[1:], strict=False)] or edges
    whole = all(edge.is_integer() for edge in edges)
    if whole and median_low(lengths) >= _SHORTEST_HTK and last <= LONGEST * _HTK:
        changes.append("times are in units of 100 ns, as HTK writes them")
        return [
            replace(s, start=s.start / _HTK, end=None if s.end is None else s.end / _HTK)
            for s in segments
        ]
    late = next(s for s in segments if max(s.start, s.end or 0.0) > LONGEST)
    raise ChordError(
        f"{shown(late.token)} at {late.where} lies beyond {LONGEST:,.0f} s: give times in seconds, "
        "or in units of 100 ns as HTK does",
        position=late.position,
        token=late.token,
    )
