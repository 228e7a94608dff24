"""Annotations of recordings and scores: ``.lab`` and JAMS, as `jasco.chords.files` reads them.

Those of recordings count seconds: their charts have no bars, and a quarter note is a second. Those
of scores (ChoCo) count measures and beats, and their charts have bars, and the tempo of the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from jasco.charts.chart import Bar, Chart, ChartChord, TempoChange
from jasco.charts.written import Draft
from jasco.chords.jams import read_jams, tempo_of
from jasco.chords.lab import read_lab
from jasco.chords.score import Score
from jasco.errors import ChartError, ChordError
from jasco.io.plain import parse_json

_SECOND = TempoChange(Fraction(0), Fraction(60))
_BEATS = 60.0  # tempo at which scores are read: a second a beat of the first metre
_SMALLEST = 5040  # parts of a quarter note that onsets of scores are rounded to


def read_lab_chart(text: str, song: int | str | None) -> Chart:
    """Chart of the segments of a ``.lab`` file.

    Raises:
        ChartError: ``song`` is given.
        ChordError: it cannot be read.
    """
    if song is not None:
        raise ChartError("song chooses of several, and a .lab file holds one: leave it out")
    return _of_seconds(read_lab(text), "")


def read_jams_chart(data: bytes, song: int | str | None) -> Chart:
    """Chart of an annotation of a JAMS document; ``song`` is its index from 0, or annotator.

    Raises:
        ChartError: no JAMS document.
        ChordError: it has no such annotation, or one that cannot be read.
    """
    document = parse_json(data, "the document", ChartError)
    if not isinstance(document, dict) or not isinstance(document.get("annotations"), list):
        raise ChartError("it is no JAMS document: annotations are missing")
    about = document.get("file_metadata")
    title = about.get("title") if isinstance(about, dict) else None
    title = title if isinstance(title, str) else ""
    score = read_jams(document, bpm=_BEATS, annotation=song)
    if not score.metres:
        notices = tuple(line for line in score.notices if not line.startswith("bpm is not used"))
        return _of_seconds(score, title, notices)
    quarters = Fraction(4, score.metres[0].unit)  # of a second at this tempo
    bars: list[Bar] = []
    end = Fraction(0)
    for metre in score.metres:
        bars.append(Bar(end, 4 * metre.length, metre))
        end += 4 * metre.length
    draft = Draft()
    chart = Chart(
        chords=_chords(score, draft, lambda s: (s * quarters).limit_denominator(_SMALLEST)),
        end=end,
        bars=tuple(bars),
        title=title,
        notes=(*score.notices, *draft.lines()),
    )
    bpm = tempo_of(document["annotations"])
    try:
        return chart if bpm is None else chart.at_tempo(bpm)
    except ChordError as error:
        return replace(chart, notes=(*chart.notes, f"the tempo of the file is not used: {error}"))


def _of_seconds(score: Score, title: str, notices: tuple[str, ...] | None = None) -> Chart:
    """Chart of a score in seconds."""
    draft = Draft()
    chords = _chords(score, draft, lambda second: second)
    return Chart(
        chords=chords,
        end=chords[-1].onset if score.end is None else Fraction(score.end),
        tempo_map=(_SECOND,),
        title=title,
        notes=(*(score.notices if notices is None else notices), *draft.lines()),
    )


def _chords(
    score: Score, draft: Draft, place: Callable[[Fraction], Fraction]
) -> tuple[ChartChord, ...]:
    """Chords of a score, whose onsets in seconds have a place in the chart.

    Raises:
        ChartError: none can be read.
    """
    found = [
        ChartChord(place(Fraction(entry.onset)), name)
        for entry in score.entries
        if (name := draft.name(entry.token, entry.where, entry.key)) is not None
    ]
    if not found:
        raise ChartError(f"no chord can be read: {draft.notes[0]}")
    return tuple(sorted(found, key=lambda chord: chord.onset))
