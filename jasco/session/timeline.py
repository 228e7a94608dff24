"""Bars and tempo map of a take from the onsets of its bars in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from jasco.charts import Bar, Chart, TempoChange
from jasco.chords.metre import Metre, whole_note

USUAL_BPM = 120
"""Quarter notes a minute of a session whose request has no tempo."""
_EXACT = 1e-9  # s, of a bar


def bars_of_seconds(
    onsets: Sequence[float], metres: Sequence[Metre], duration: float, bpm: float | None = None
) -> Chart:
    """Chart of bars and tempi alone, as long as the take or longer; the last bar repeats.

    What is before the first bar is one of one quarter note.

    Args:
        onsets: onsets of the bars (s), at least one.
        metres: metre of each.
        duration: length of the take (s).
        bpm: tempo of the first bar in units of its denominator; by default that of its length. The
            only bar of a take without either has 120 quarter notes a minute.
    """
    lengths = [4 * metre.length for metre in metres]
    seconds = [later - onset for onset, later in pairwise(onsets)]
    if bpm is not None:
        tempo = 240 / whole_note(bpm, metres[0])
    else:
        tempo = _tempo(lengths[0], seconds[0]) if seconds else Fraction(USUAL_BPM)
    bars, changes = [], []
    at = Fraction(0)
    if onsets[0] > _EXACT:
        at = Fraction(1)
        bars.append(Bar(Fraction(0), at, Metre(1, 4)))
        changes.append(TempoChange(Fraction(0), _tempo(at, onsets[0])))
    for index, (length, metre) in enumerate(zip(lengths, metres, strict=True)):
        if index < len(seconds) and abs(float(length * 60 / tempo) - seconds[index]) > _EXACT:
            tempo = _tempo(length, seconds[index])
        if not changes or changes[-1].bpm != tempo:
            changes.append(TempoChange(at, tempo))
        bars.append(Bar(at, length, metre))
        at += length
    chart = Chart(chords=(), end=at, bars=tuple(bars), tempo_map=tuple(changes))
    return extended(chart, duration)


def extended(chart: Chart, duration: float) -> Chart:
    """Chart with bars that end where the take does or after it: the last one repeats."""
    bars, end, metre = list(chart.bars), chart.end, chart.bars[-1].metre
    while chart.seconds(end) < duration - _EXACT:
        bars.append(Bar(end, 4 * metre.length, metre))
        end += bars[-1].length
    return replace(chart, bars=tuple(bars), end=end)


def _tempo(beats: Fraction, seconds: float) -> Fraction:
    """Simplest tempo (quarter notes a minute) at which ``beats`` quarter notes last so long."""
    exact = beats * 60 / Fraction(seconds)
    for most in (1, 10, 1000, 10**6):
        near = exact.limit_denominator(most)
        if near and abs(float(beats * 60 / near) - seconds) < _EXACT:
            return near
    return exact
