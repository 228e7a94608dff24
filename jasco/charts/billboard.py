"""McGill Billboard: ``salami_chords.txt``, phrases of bars between times of a recording.

The bars of a phrase share the time to the next line evenly, so that each phrase has a tempo of its
own. Source: Burgoyne, Wild and Fujinaga, "An expert ground truth set for audio chord recognition
and music analysis", ISMIR 2011.
"""

from __future__ import annotations

import re
from fractions import Fraction

from jasco.charts.chart import Chart
from jasco.charts.keys import key_name
from jasco.charts.written import MAX_LINE, Draft, WrittenBar
from jasco.chords.metre import COMMON, Metre
from jasco.errors import ChartError, ChordError

_HEAD = re.compile(r"#\s*(\w+)\s*:\s*(.*)")
_LINE = re.compile(r"(\d{1,5}(?:\.\d{1,12})?)\s+(.*)")
_SILENT = ("silence", "end", "fadeout", "fade out", "noise")


def read_billboard(text: str, song: int | str | None) -> Chart:
    """Chart of a ``salami_chords.txt``.

    Raises:
        ChartError: no such text.
    """
    if song is not None:
        raise ChartError("song chooses of several, and this file holds one: leave it out")
    draft, metre = Draft(), COMMON
    phrases: list[tuple[Fraction, list[WrittenBar]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if head := _HEAD.match(line.strip()):
            metre = _head(head[1].lower(), head[2].strip(), draft, metre, f"line {number}")
        elif found := _LINE.match(line.strip()):
            if len(line) > MAX_LINE:
                raise ChartError(f"line {number} has more than {MAX_LINE:,} characters")
            before = len(draft.bars)
            _phrase(found[2], draft, metre, f"line {number}")
            phrases.append((Fraction(found[1]), draft.bars[before:]))
    if len(phrases) < 2:
        raise ChartError("fewer than two lines of a time and a phrase")
    if phrases[0][0] > 0:
        raise ChartError("the first line begins at 0")
    for (start, bars), (end, _) in zip(phrases, phrases[1:], strict=False):
        if end <= start:
            raise ChartError(f"the phrase at {float(start):g} s ends at {float(end):g} s")
        quarters = sum((bar.length for bar in bars), Fraction(0))
        bars[0].tempi.append((Fraction(0), quarters * 60 / (end - start)))
    del draft.bars[len(draft.bars) - len(phrases[-1][1]) :]  # the end has no length
    return draft.chart()


def _head(name: str, value: str, draft: Draft, metre: Metre, where: str) -> Metre:
    if name == "title":
        draft.title = value
    elif name == "tonic":
        draft.key = draft.key or key_name(value)
    elif name == "metre":
        return _metre(value, draft, metre, where)
    return metre


def _metre(text: str, draft: Draft, metre: Metre, where: str) -> Metre:
    try:
        return Metre.parse(text)
    except ChordError:
        draft.notes.append(f"metre {text[:10]!r} at {where} is not read: {metre}")
        return metre


def _phrase(text: str, draft: Draft, metre: Metre, where: str) -> None:
    """Add the bars of a phrase; one without bars is a bar."""
    label, line, rest = text.partition("|")
    names = [part.strip() for part in label.split(",") if part.strip()]
    section = ", ".join(names)
    if not line:
        silent = any(name.lower() in _SILENT for name in names)
        section = "" if silent else section
        bar = draft.add(WrittenBar(metre, section=section))
        bar.chords += [(Fraction(0), "N")] if silent else []
        return
    bars, _, after = rest.rpartition("|")
    times = re.search(r"\bx(\d{1,2})\b", after)
    for turn in range(max(int(times[1]), 1) if times else 1):
        for content in bars.split("|"):
            _bar(content, draft, metre, section if not turn else "", where)
            section = ""


def _bar(text: str, draft: Draft, metre: Metre, section: str, where: str) -> None:
    signature = re.match(r"\s*\((\d{1,2}/\d{1,2})\)", text)
    if signature:
        metre = _metre(signature[1], draft, metre, where)
        text = text[signature.end() :]
    cells = text.split()
    bar = draft.add(WrittenBar(metre, section=section))
    share = bar.length / max(len(cells), 1)
    for index, cell in enumerate(cells):
        if cell not in (".", "*"):
            name = draft.name(cell, where)
            bar.chords += [(share * index, name)] if name else []
