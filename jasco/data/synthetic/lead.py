"""The lead: one voice in phrases, each with a rhythm, a contour and a rest to breathe in."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from random import Random
from typing import NamedTuple

from jasco.data.synthetic.grid import Event, Meter, Stroke, read_row
from jasco.data.synthetic.harmony import Key, Span

CONTOURS: Mapping[str, tuple[float, ...]] = {
    "arch": (-0.6, 0.9, -0.6),
    "valley": (0.7, -0.8, 0.7),
    "rising": (-0.9, 0.9),
    "falling": (0.9, -0.9),
    "wave": (0.0, 0.9, -0.5, 0.7, -0.7),
    "flat": (0.0, 0.1),
}
"""Shapes of a phrase: heights from -1 to 1 at equal distances."""

DENSITIES = ("sparse", "even", "busy")
"""How many notes a lead has."""

# Rhythms of a bar, by metre and density; the marks mean nothing but a note.
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
    """What stays the same throughout a song.

    Attributes:
        low: lowest MIDI note.
        high: highest, an octave above or more.
        density: one of `DENSITIES`.
        legato: part of its time that a note sounds.
    """

    low: int
    high: int
    density: str
    legato: float


def play_lead(
    rng: Random, spans: Sequence[Span], key: Key, meter: Meter, bars: int, style: LeadStyle
) -> list[Event]:
    """A melody over the chords of a section.

    Phrases are of two bars, sometimes four or one. Each bar takes up the rhythm of the first one or
    answers it, and the last note of a phrase is held or followed by a rest. Notes on a pulse, and
    those that begin with a chord, belong to the chord; between them the line moves in the scale.

    Args:
        rng: what chance decides by.
        spans: the harmony; over a rest of it the scale of the key is free.
        key: of the song.
        meter: of the song.
        bars: length of the section.
        style: of the song.
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
    """The strokes of some bars; the end of the phrase is a long note or a rest."""
    strokes = [
        stroke.later((bar + index) * meter.beats)
        for index, row in enumerate(rows)
        for stroke in read_row(row, meter.beats)
    ]
    end = (bar + len(rows)) * meter.beats
    breath = end - rng.choice((0.0, 1.0, 1.0, 1.5, 2.0))
    kept = [s._replace(length=min(s.length, breath - s.at)) for s in strokes if s.at < breath]
    if len(kept) > 1 and rng.random() < 0.4:  # the last note takes the time of the one after it
        last = kept.pop()
        kept[-1] = kept[-1]._replace(length=last.at + last.length - kept[-1].at)
    return kept


def _aim(style: LeadStyle, contour: Sequence[float], place: float) -> float:
    """The height (MIDI) that a contour asks for at a place from 0 to 1 of the phrase."""
    at = min(place, 1.0) * (len(contour) - 1)
    index = min(int(at), len(contour) - 2)
    height = contour[index] + (at - index) * (contour[index + 1] - contour[index])
    return (style.low + style.high) / 2 + 1.25 * height * (style.high - style.low) / 2


def _allowed(stroke: Stroke, spans: Sequence[Span], key: Key, meter: Meter) -> Collection[int]:
    """Pitch classes that fit: of the chord for strong and long notes, else of the scale too."""
    span = next(s for s in spans if s.start <= stroke.at < s.end)
    tones = frozenset(span.chord.tones) if span.chord else key.scale
    if stroke.at % meter.pulse == 0 or stroke.at == span.start or stroke.length >= 1:
        return tones
    # Scale notes that rub against a chord tone give way to it.
    return tones | {p for p in key.scale if not {(p + 1) % 12, (p - 1) % 12} & tones}


def _next_pitch(
    rng: Random, before: int, aim: float, allowed: Collection[int], style: LeadStyle
) -> int:
    """A note near the one before that leads towards the aim."""
    reach = 7 if rng.random() < 0.8 else 12
    low, high = max(before - reach, style.low), min(before + reach, style.high)
    near = [pitch for pitch in range(low, high + 1) if pitch % 12 in allowed]
    weights = [_liking(pitch, before, aim) for pitch in near]
    return rng.choices(near, weights)[0] if near else before


def _liking(pitch: int, before: int, aim: float) -> float:
    """How well a note follows another: steps before leaps, few repetitions, towards the aim."""
    leap = abs(pitch - before)
    step = 0.35 if leap == 0 else 1.0 if leap <= 2 else 0.6 if leap <= 4 else 0.25
    return step * math.exp(-abs(pitch - aim) / 2.5) + 1e-9
