"""Lead: a monophonic melody in phrases, each with a rhythm, a contour and a closing rest."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from random import Random
from typing import NamedTuple

from jasco.band.grid import Event, Meter, Stroke, read_row
from jasco.band.harmony import Key, Span

CONTOURS: Mapping[str, tuple[float, ...]] = {
    "arch": (-0.6, 0.9, -0.6),
    "valley": (0.7, -0.8, 0.7),
    "rising": (-0.9, 0.9),
    "falling": (0.9, -0.9),
    "wave": (0.0, 0.9, -0.5, 0.7, -0.7),
    "flat": (0.0, 0.1),
}
"""Contours of a phrase: heights from -1 to 1 at equal distances."""

DENSITIES = ("sparse", "even", "busy")
"""Densities of notes."""

# Rhythms of a bar, by metre and density; every mark is a note.
_RHYTHMS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "4/4": {
        "sparse": ("x-------", "x---x---", "x-----x-", "..x---x-", "x---....", "x-x-----"),
        "even": (
            "x-x-x-x-",
            "x-x-x---",
            "x--xx---",
            "x-xxx-x-",
            "..x-x-x-",
            "x--x--x-",
            "xxx-x---",
        ),
        "busy": (
            "x-xxx-x-xxx-x-x-",
            "xxxxx-x-x---xxx-",
            "x--xx-x-x-x-xx--",
            "..x-xxx-x--xx-x-",
            "x-x-xxxxx-x-x---",
            "xxx-xxx-xxx-xxx-",
        ),
    },
    "3/4": {
        "sparse": ("x-----", "x---x-", "..x---", "x-----"),
        "even": ("x-x-x-", "x--xx-", "x---xx", "x-xxx-", "..x-x-"),
        "busy": ("x-xxx-xxx-x-", "xxx-x-x-xx--", "x--xx-xxx-x-"),
    },
    "6/8": {
        "sparse": ("x-----", "x--x--", "..x---"),
        "even": ("x-xx-x", "x--xxx", "x-xx--", "xxxx--"),
        "busy": ("xxxxxx", "xxxx-x", "x-xxxx", "x-xxx-xxx-x-"),
    },
}


class LeadStyle(NamedTuple):
    """Style of the lead, constant throughout a song.

    Attributes:
        low: lowest MIDI note.
        high: highest MIDI note, at least an octave above.
        density: one of `DENSITIES`.
        legato: share of its duration for which a note sounds.
    """

    low: int
    high: int
    density: str
    legato: float


def play_lead(
    rng: Random, spans: Sequence[Span], key: Key, meter: Meter, bars: int, style: LeadStyle
) -> list[Event]:
    """Melody over the chords of a section.

    Phrases last two bars, sometimes four or one. Each bar repeats or varies the rhythm of the
    first, and the last note of a phrase is held or followed by a rest. Notes on a pulse, and at
    the onset of a chord, are chord tones; the notes between them are of the scale.

    Args:
        rng: random generator.
        spans: harmony; over its rests all notes of the scale are allowed.
        key: key of the song.
        meter: metre of the song.
        bars: length of the section.
        style: style of the lead.
    """
    events: list[Event] = []
    rhythms = _RHYTHMS[meter.name][style.density]
    motif, answer = rng.choice(rhythms), rng.choice(rhythms)
    pitch = (style.low + style.high) // 2
    bar = 0
    while bar < bars:
        length = min(rng.choice((1, 2, 2, 2, 4)), bars - bar)
        rows = [motif if index % 2 == 0 else answer for index in range(length)]
        if rng.random() < 0.3:
            motif = rng.choice(rhythms)
        strokes = _phrase(rng, rows, bar, meter)
        contour = CONTOURS[rng.choice(list(CONTOURS))]
        for stroke in strokes:
            place = (stroke.at - bar * meter.beats) / (length * meter.beats)
            allowed = _allowed(stroke, spans, key, meter)
            pitch = _next_pitch(rng, pitch, _aim(style, contour, place), allowed, style)
            on_pulse = stroke.at % meter.pulse == 0
            loudness = (98 if on_pulse else 88) + rng.randint(-8, 8)
            sounding = style.legato * stroke.length
            events.append(Event(pitch, loudness, stroke.at, sounding))
        bar += length
    return events


def _phrase(rng: Random, rows: Sequence[str], bar: int, meter: Meter) -> list[Stroke]:
    """Strokes of a phrase, which ends with a long note or a rest."""
    strokes = [
        stroke.later((bar + index) * meter.beats)
        for index, row in enumerate(rows)
        for stroke in read_row(row, meter.beats)
    ]
    end = (bar + len(rows)) * meter.beats
    breath = end - rng.choice((0.0, 1.0, 1.0, 1.5, 2.0))
    kept = [s._replace(length=min(s.length, breath - s.at)) for s in strokes if s.at < breath]
    if len(kept) > 1 and rng.random() < 0.4:  # the last note is extended over the one after it
        last = kept.pop()
        kept[-1] = kept[-1]._replace(length=last.at + last.length - kept[-1].at)
    return kept


def _aim(style: LeadStyle, contour: Sequence[float], place: float) -> float:
    """Height (MIDI) of a contour at a position from 0 to 1 in the phrase."""
    at = min(place, 1.0) * (len(contour) - 1)
    index = min(int(at), len(contour) - 2)
    height = contour[index] + (at - index) * (contour[index + 1] - contour[index])
    return (style.low + style.high) / 2 + 1.25 * height * (style.high - style.low) / 2


def _allowed(stroke: Stroke, spans: Sequence[Span], key: Key, meter: Meter) -> Collection[int]:
    """Pitch classes of the chord for strong and long notes, of chord and scale for others."""
    span = next(s for s in spans if s.start <= stroke.at < s.end)
    tones = frozenset(span.chord.tones) if span.chord else key.scale
    if stroke.at % meter.pulse == 0 or stroke.at == span.start or stroke.length >= 1:
        return tones
    # Scale notes a semitone from a chord tone are dissonant, and left out.
    return tones | {p for p in key.scale if not {(p + 1) % 12, (p - 1) % 12} & tones}


def _next_pitch(
    rng: Random, before: int, aim: float, allowed: Collection[int], style: LeadStyle
) -> int:
    """Random note near the previous one, weighted towards the height of the contour."""
    reach = 7 if rng.random() < 0.8 else 12
    low, high = max(before - reach, style.low), min(before + reach, style.high)
    near = [pitch for pitch in range(low, high + 1) if pitch % 12 in allowed]
    weights = [_liking(pitch, before, aim) for pitch in near]
    return rng.choices(near, weights)[0] if near else before


def _liking(pitch: int, before: int, aim: float) -> float:
    """Weight of a note after another: steps over leaps, few repetitions, towards the contour."""
    leap = abs(pitch - before)
    step = 0.35 if leap == 0 else 1.0 if leap <= 2 else 0.6 if leap <= 4 else 0.25
    return step * math.exp(-abs(pitch - aim) / 2.5) + 1e-9
