"""Accompaniment: chord voicings in comping patterns, and bass lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product
from random import Random
from typing import NamedTuple

from jasco.band.grid import Event, Meter, Stroke, read_row
from jasco.band.harmony import Chord, Span


class Comping(NamedTuple):
    """Comping pattern: a row for each metre (see `jasco.band.grid`).

    Marks: ``x`` the chord, ``o`` the chord softly, ``b`` its lowest note, ``1`` to ``8`` its tones
    from below, beyond the last an octave up.

    Attributes:
        rows: rows by metre.
        rings: notes last until the chord changes.
        states: a chord whose onset lies between two strokes is played there too.
    """

    rows: Mapping[str, str]
    rings: bool = False
    states: bool = True


def _rows(four: str, three: str, six: str) -> Mapping[str, str]:
    return {"4/4": four, "3/4": three, "6/8": six}


COMPING: Mapping[str, Comping] = {
    "held": Comping(_rows("x-------", "x-----", "x-----")),
    "halves": Comping(_rows("x---x---", "x---x-", "x--x--")),
    "quarters": Comping(_rows("x--.o--.x--.o--.", "x--.o--.o--.", "x----.o----.")),
    "eighths": Comping(_rows("x-o-o-o-x-o-o-o-", "x-o-o-o-o-o-", "x-o-o-x-o-o-")),
    "sixteenths": Comping(_rows("xooo" * 4, "xooo" * 3, "xoo" * 4)),
    "pulse": Comping(_rows("x.x.x.x.x.x.x.x.", "x.x.x.x.x.x.", "x.x.x.x.x.x.")),
    "offbeat": Comping(_rows("..x-..x-..x-..x-", "..x-..x-..x-", "..o-x-..o-x-"), states=False),
    "backbeat": Comping(_rows("x---..x-x---..x-", "x---x-..x-..", "x-..x-x-..x-")),
    "charleston": Comping(_rows("x-----x-....", "x---x-", "x---x-")),
    "push": Comping(_rows("x--x--x-", "x--x-x", "x--.x-x-.x--")),
    "bossa": Comping(_rows("x--x--x---x--x--", "x--x--x--x--", "x--x--x--x--")),
    "montuno": Comping(_rows("x.xx.xx.x.xx.xx.", "x.xx.xx.x.x.", "x.xx.xx.xx.x")),
    "funk": Comping(_rows("x.o..xo.x..o.xo.", "x.o..xo.x..o", "x.o..xo..xo.")),
    "strum": Comping(_rows("x---x-ox-ox-x-ox", "x---x-oxx-ox", "x---o-x---ox")),
    "stride": Comping(_rows("b-x-b-x-", "b-x-x-", "b-xb-x")),
    "broken up": Comping(_rows("1234123412341234", "123412341234", "123412341234"), rings=True),
    "broken wave": Comping(_rows("1-2-3-4-5-4-3-2-", "1-2-3-4-3-2-", "1-2-3-4-3-2-"), rings=True),
    "alberti": Comping(_rows("13241324", "132413", "132413")),
    "broken fast": Comping(_rows("1234543212345432", "123454321234", "123454321234"), rings=True),
    "arpeggiator": Comping(_rows("1324153413241534", "132415341324", "132415341324")),
}
"""Name -> comping pattern."""

LONG_CHORDS = ("held", "held", "halves")
"""Comping patterns for instruments with a slow attack."""

BASS_LINES: Mapping[str, Mapping[str, str]] = {
    "held": _rows("R-------", "R-----", "R-----"),
    "halves": _rows("R--.5--.", "R---5-", "R--5--"),
    "quarters": _rows("R--.R--.R--.R--.", "R--.R--.R--.", "R-.RR-.RR-.R"),
    "eighths": _rows("R.R.R.R.R.R.R.R.", "R.R.R.R.R.R.", "R.R.R.R.R.R."),
    "octaves": _rows("R.8.R.8.R.8.R.8.", "R.8.R.8.R.8.", "R.8.R.R.8.R."),
    "two-beat": _rows("R--...5.R--...5.", "R---....5-..", "R--..5R--..5"),
    "walking": _rows("R-----3-----5-----a-----", "R-----5-----a-----", "R---5-R---a-"),
    "funk": _rows("R..R..8...R.58..", "R..R..8..R5.", "R..R..8..R5."),
    "tumbao": _rows("R-.5-.8-R-.5-.8-", "R-.5-.8-.5-.", "R-.5-.8-.5-."),
    "one drop": _rows("R--...3-5-.R....", "R--..3-.5-..", "R--.3-5-..R."),
    "push": _rows("R--R--R-", "R--R-R", "R--.R-R-.R--"),
    "gallop": _rows("R.RRR.RRR.RRR.RR", "R.RRR.RRR.RR", "R.RRR.R.RRR."),
    "sub": _rows("R-----..R-R-....", "R-----..R-..", "R-----..R-.."),
}
"""Bass lines. Marks: ``R`` the bass of the chord, ``8`` an octave above it, ``3`` and ``5`` third
and fifth above the root, ``a`` a step below or above the next bass."""

_LOUDNESS = {"x": 88, "o": 66}
_STRUM = 0.012  # beats between the notes of a strummed chord


def play_chords(
    rng: Random, spans: Sequence[Span], meter: Meter, style: str, centre: int, *, low_bass: bool
) -> list[Event]:
    """Chords of an accompaniment in a comping pattern.

    Args:
        rng: random generator.
        spans: harmony.
        meter: metre of the song.
        style: key of `COMPING`.
        centre: MIDI note around which the chords lie.
        low_bass: add the bass of the chord below, for songs without a bass.
    """
    comping = COMPING[style]
    spread = _STRUM if style in ("strum", "held", "halves") else 0.0
    voicing: tuple[int, ...] = ()
    events = []
    for span in spans:
        if span.chord is None:
            continue
        voicing = voice(span.chord, centre, voicing)
        notes = (_octave_below(span.chord.bass, voicing[0]), *voicing) if low_bass else voicing
        for stroke in _strokes(comping.rows[meter.name], span, meter, "x" * comping.states):
            length = span.end - stroke.at if comping.rings else 0.95 * stroke.length
            loudness = _LOUDNESS.get(stroke.mark, 80) + rng.randint(-6, 6)
            for order, pitch in enumerate(_struck(stroke.mark, notes)):
                events.append(Event(pitch, loudness, stroke.at + order * spread, length))
    return events


@lru_cache(maxsize=1 << 16)
def voice(chord: Chord, centre: int, before: tuple[int, ...]) -> tuple[int, ...]:
    """Close-position voicing (MIDI) near the centre, with smooth voice leading from ``before``."""
    count = len(chord.tones)
    best: tuple[float, tuple[int, ...]] | None = None
    for first, octave in product(range(count), (-12, 0, 12)):
        order = chord.tones[first:] + chord.tones[:first]
        lowest = centre - 6 + octave + (order[0] - centre + 6) % 12
        notes = tuple(sorted(lowest + (tone - order[0]) % 12 for tone in order))
        away = abs(sum(notes) / count - centre)
        moved = sum(min(abs(n - b) for b in before) for n in notes) / count if before else 0.0
        if best is None or away + 2 * moved < best[0]:
            best = away + 2 * moved, notes
    return best[1] if best else ()


def play_bass(rng: Random, spans: Sequence[Span], meter: Meter, style: str) -> list[Event]:
    """Bass line in the register of E1 to E3; over a slash chord it plays the bass of the chord.

    Args:
        rng: random generator.
        spans: harmony.
        meter: metre of the song.
        style: key of `BASS_LINES`.
    """
    events: list[Event] = []
    low = 33
    for index, span in enumerate(spans):
        if span.chord is None:
            continue
        low = min((span.chord.bass + 12 * octave for octave in (2, 3)), key=lambda n: abs(n - low))
        low = low if low >= 28 else low + 12
        after = spans[index + 1].chord if index + 1 < len(spans) else None
        for stroke in _strokes(BASS_LINES[style][meter.name], span, meter, "R"):
            mark = "R" if stroke.at == span.start else stroke.mark
            pitch = _bass_note(mark, span.chord, after, low)
            loudness = (92 if mark == "R" else 84) + rng.randint(-6, 6)
            events.append(Event(pitch, loudness, stroke.at, 0.92 * stroke.length))
    return events


def _bass_note(mark: str, chord: Chord, after: Chord | None, low: int) -> int:
    if mark == "8":
        return low + 12
    if chord.bass != chord.root or len(chord.tones) < 3 or mark == "R":
        return low
    if mark == "a":
        target = low if after is None else low + (after.bass - low + 5) % 12 - 5
        return target - 1 if target >= low else target + 1
    return low + (chord.tones[1 if mark == "3" else 2] - low) % 12


def _strokes(row: str, span: Span, meter: Meter, statement: str) -> Iterator[Stroke]:
    """Strokes of a repeated bar within a span (beats of the song), cropped at its end.

    Where no stroke falls on the start of the span, one with the mark ``statement`` is added, if the
    mark is not empty.
    """
    strokes = []
    bar = int(span.start // meter.beats)
    while bar * meter.beats < span.end:
        strokes += [stroke.later(bar * meter.beats) for stroke in read_row(row, meter.beats)]
        bar += 1
    inside = [s for s in strokes if span.start - 1e-9 <= s.at < span.end - 1e-9]
    first = inside[0].at if inside else span.end
    if statement and first > span.start + 1e-9:
        yield Stroke(span.start, first - span.start, statement)
    for stroke in inside:
        yield Stroke(stroke.at, min(stroke.length, span.end - stroke.at), stroke.mark)


def _struck(mark: str, notes: Sequence[int]) -> Sequence[int]:
    if mark == "b":
        return notes[:1]
    if mark.isdigit():
        octave, place = divmod(int(mark) - 1, len(notes))
        return (notes[place] + 12 * octave,)
    return notes


def _octave_below(pitch_class: int, note: int) -> int:
    """Nearest note of a pitch class that lies at least a third below another note."""
    return note - 3 - (note - 3 - pitch_class) % 12
