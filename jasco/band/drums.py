"""Drum parts: grooves varied from their family, with fills, crashes and breaks."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from jasco.band.grid import Event, Meter, Stroke, read_row
from jasco.band.grooves import FAMILIES, PIECES, Groove

FREE = "free"
"""Family without fixed grooves: every song draws its own."""

_FREE_FEEL = ("an unusual rhythm", "an irregular beat")
LOUDNESS = {"X": 112, "x": 94, "o": 60}
_CYMBALS = ("hat", "open", "ride", "bell", "tambourine", "maracas", "cabasa", "crash")


def families(meter: str) -> list[str]:
    """Families that have grooves in a metre."""
    return [name for name, family in FAMILIES.items() if meter in family.grooves] + [FREE]


def feels(family: str) -> tuple[str, ...]:
    """Names of a family in descriptions."""
    return _FREE_FEEL if family == FREE else FAMILIES[family].feel


def draw_grooves(rng: Random, family: str, meter: Meter) -> list[Groove]:
    """Grooves of a song, one for verses and one for choruses, varied from those of a family.

    A variation drops soft strokes and adds strokes at random.
    """
    if family == FREE:
        return [_free(rng, meter) for _ in range(2)]
    found = FAMILIES[family].grooves[meter.name]
    return [_varied(rng, rng.choice(found)) for _ in range(2)]


def _varied(rng: Random, groove: Groove) -> Groove:
    varied = {}
    for piece, row in groove.items():
        marks = list(row)
        if piece not in _CYMBALS:
            for index, mark in enumerate(marks):
                if mark == "." and rng.random() < 0.04:
                    marks[index] = "x" if piece == "kick" else "o"
                elif mark == "o" and rng.random() < 0.3:
                    marks[index] = "."
        elif rng.random() < 0.3:
            marks = ["x" if m == "." and rng.random() < 0.15 else m for m in marks]
        varied[piece] = "".join(marks)
    return varied


def _free(rng: Random, meter: Meter) -> Groove:
    steps = int(4 * meter.beats)
    pieces = rng.sample(list(PIECES), rng.randint(2, 4))
    return {
        piece: "".join(rng.choices("Xxo.", (1, 3, 2, rng.randint(6, 24)), k=steps))
        for piece in pieces
    }


def play_drums(
    rng: Random, groove: Groove, meter: Meter, bars: int, *, crash: bool, end: str
) -> list[Event]:
    """Drum part of a section.

    Args:
        rng: random generator.
        groove: groove of the section.
        meter: metre of the song.
        bars: length of the section.
        crash: start with a crash cymbal.
        end: ``"fill"``, ``"break"`` (silence before the next section) or ``"plain"``.
    """
    total = bars * meter.beats
    stop = total if end == "plain" else total - rng.choice((0.5, 1.0, meter.beats / 2, meter.beats))
    struck = [
        (piece, stroke.later(bar * meter.beats))
        for bar in range(bars)
        for piece, row in groove.items()
        for stroke in read_row(row, meter.beats)
    ]
    struck = [(piece, stroke) for piece, stroke in struck if stroke.at < stop]
    if end == "fill":
        struck += _fill(rng, stop, total)
    if crash:
        struck.append(("crash", Stroke(0.0, 1.0, "x")))
    struck.sort(key=lambda hit: (hit[1].at, PIECES[hit[0]]))
    return [
        Event(PIECES[piece], LOUDNESS[stroke.mark] + rng.randint(-7, 7), stroke.at, 0.1)
        for piece, stroke in struck
    ]


def _fill(rng: Random, start: float, end: float) -> list[tuple[str, Stroke]]:
    """Fill into the next section: down the toms, on the snare, or across both."""
    order: Sequence[str] = rng.choice(
        (("snare",), ("snare", "high", "mid", "low"), ("high", "mid", "low", "floor"))
    )
    step = rng.choice((0.25, 0.25, 1 / 3, 0.5))
    count = max(round((end - start) / step), 1)
    hits = [("kick", Stroke(start, step, "x"))] if rng.random() < 0.5 else []
    for index in range(count):
        if index == 0 or rng.random() < 0.85:
            piece = order[index * len(order) // count]
            hits.append((piece, Stroke(start + index * step, step, rng.choice("xxX"))))
    return hits
