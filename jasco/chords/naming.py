"""Mapping of chord symbols to the 194 names of the vocabulary, with notices about reductions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import cache, lru_cache

from jasco.chords.characters import plain_token
from jasco.chords.languages import in_english
from jasco.chords.numerals import Key, looks_like_numeral, read_numeral
from jasco.chords.quality import Tones, Unreadable
from jasco.chords.score import MAX_SYMBOL, SHOWN, shown
from jasco.chords.symbols import Chord, is_usual, read_special, read_symbol
from jasco.chords.vocabulary import (
    CHORD_NAMES,
    NO_CHORD,
    QUALITIES,
    ROOTS,
    SPELLINGS,
    UNKNOWN_CHORD,
    to_harte,
)
from jasco.errors import ChordError

_MEANINGS = {name: meaning for meaning, name in SPELLINGS.items()}


def name_chord(
    token: str,
    key: Key | None = None,
    notation: str = "english",
    *,
    position: int,
    where: str,
) -> tuple[str, str | None]:
    """Name of the vocabulary for a symbol, and a notice of the change (``None`` without one).

    Args:
        token: a lead-sheet or Harte symbol; with ``key`` also a Roman numeral or Nashville number.
        key: key of numerals.
        notation: language of note names (`jasco.chords.languages`).
        position: index of the token, for the error.
        where: the position in words (``"position 5"``, ``"line 2"``).

    Raises:
        ChordError: the token cannot be read.
    """
    try:
        if len(token) > MAX_SYMBOL:
            raise Unreadable(f"a chord has at most {MAX_SYMBOL} characters")
        return _name(token, key, notation)
    except Unreadable as unreadable:
        reason = str(unreadable)
    near = None
    if key is None and looks_like_numeral(token):
        reason = "numerals need a key: give key=, such as key='C' or key='A minor'"
    else:
        near = nearest_spelling(token, key, notation)
        reason += f"; the nearest readable name is {near!r}" if near else "; write C, Am7, G/B or N"
    raise ChordError(
        f"cannot read the chord {shown(token)} at {where}: {reason}",
        position=position,
        token=token,
        suggestion=near,
    ) from None


@lru_cache(maxsize=4096)
def _name(token: str, key: Key | None, notation: str) -> tuple[str, str | None]:
    if name := read_special(token):
        kind = "unknown chord" if name == UNKNOWN_CHORD else "no chord"
        return name, None if is_usual(token) else f"{token} -> {name} ({kind})"
    return _reduce(_read(token, key, notation), token)


def transposed_name(name: str, semitones: int) -> str:
    """Name of the vocabulary, moved by semitones."""
    if name in (NO_CHORD, UNKNOWN_CHORD):
        return name
    root, quality, bass = _MEANINGS[name]
    return SPELLINGS[(root + semitones) % 12, quality, bass]


def is_chord(token: str, key: Key | None = None, notation: str = "english") -> bool:
    """True for a token that can be read as a chord, a numeral or ``N``."""
    return len(token) <= MAX_SYMBOL and (
        read_special(token) is not None or _is_readable(token, key, notation)
    )


def _read(token: str, key: Key | None, notation: str = "english") -> Chord:
    """Read a numeral where a key is given, else a symbol.

    Raises:
        Unreadable: the token is neither.
    """
    if key is None or not looks_like_numeral(token):
        return read_symbol(token, notation)
    try:
        return read_numeral(token, key)
    except Unreadable as unreadable:
        try:  # bbm7 begins like a numeral
            return read_symbol(token, notation)
        except Unreadable:
            raise unreadable from None


def _nearest_quality(tones: Tones) -> str:
    """Quality of the vocabulary with the same triad and, where possible, seventh or sixth.

    A suspended or missing third counts as major. The vocabulary has no augmented triad with a
    seventh: the triad is kept and the seventh dropped.
    """
    height = {degree: tone.semitones for degree, tone in tones.items()}
    upper = height.get("7") or height.get("6")
    if height["3"] == 3 and height["5"] == 6:
        return "m7b5" if upper == 10 else "dim"
    if height["3"] == 3:
        return {10: "m7", 9: "m6"}.get(upper or 0, "m")
    if height["5"] == 8:
        return "aug"
    return {10: "7", 11: "maj7", 9: "6"}.get(upper or 0, "")


def _reduce(chord: Chord, token: str) -> tuple[str, str | None]:
    quality = _nearest_quality(chord.tones)
    bass = chord.bass.interval if chord.bass else 0
    respelled = chord.spelled is not None and chord.spelled != ROOTS[chord.root]
    kept = QUALITIES[quality]
    name = SPELLINGS.get((chord.root, quality, bass))
    if name is None:
        name, respelled = _same_sound(chord.root, quality, bass), True
    if name is None:
        name, bass = SPELLINGS[chord.root, quality, 0], 0
        respelled = chord.spelled is not None and chord.spelled != ROOTS[chord.root]

    dropped = [
        tone.written
        for degree, tone in chord.tones.items()
        if tone.semitones != kept.get(degree)
        and not (bass and tone.semitones is not None and tone.semitones % 12 == bass)
    ]
    if chord.bass and chord.bass.interval != bass:
        dropped.append(f"/{chord.bass.written}")
    elif chord.bass and chord.bass.is_note and chord.bass.written != name.partition("/")[2]:
        respelled = True
    notes = ["respelled"] if respelled else []
    if dropped:
        notes.append(f"dropped: {', '.join(dict.fromkeys(dropped))}")
    return name, f"{token} -> {name} ({'; '.join(notes)})" if notes else None


def _same_sound(root: int, quality: str, bass: int) -> str | None:
    """Name with the same pitch classes and bass, on this root or another.

    ``C7/Bb`` sounds like ``C/Bb``, ``Ddim/C`` like ``Dm7b5/C`` and ``Am7/C`` like ``C6``.
    """
    lowest = (root + bass) % 12
    sound = _pitch_classes(root, quality, bass)
    same = [
        (other != root, name)
        for (other, kind, low), name in SPELLINGS.items()
        if (other + low) % 12 == lowest and _pitch_classes(other, kind, low) == sound
    ]
    return min(same, key=lambda found: found[0])[1] if same else None


@cache
def _pitch_classes(root: int, quality: str, bass: int) -> frozenset[int]:
    steps = (0, bass, *QUALITIES[quality].values())
    return frozenset((root + step) % 12 for step in steps)


def nearest_spelling(token: str, key: Key | None = None, notation: str = "english") -> str | None:
    """Readable spelling close to an unreadable token; ``None`` where none is close."""
    text = plain_token(token).strip("()[]{}\"'.,;:!?*")[:SHOWN]
    if notation == "english":  # German, Latin and spelled names
        others = ("spelled", "german", "latin") if text else ()
        for reading in (r for other in others for r in in_english(text, other)):
            if _is_readable(reading, key):
                return reading
        text = re.sub("(?<![^/])[Hh]", "B", text)
    starts = (text[:n] for n in range(len(text), 0, -1))
    readable = [start for start in starts if _is_readable(start, key, notation)]
    if readable and 2 * len(readable[0]) >= len(text):
        return readable[0]
    candidates = _spellings(":" in text, key is not None and looks_like_numeral(text))
    same_root = [c for c in candidates if c[0] == text[:1].upper()]
    likeness = {c: SequenceMatcher(None, c, text).ratio() for c in same_root or candidates}
    near = max(likeness, key=likeness.__getitem__)  # ties: the first, which is the vocabulary's own
    if likeness[near] >= (0.3 if same_root else 0.5):
        return near
    return next(iter(readable), None)


def _is_readable(text: str, key: Key | None, notation: str = "english") -> bool:
    try:
        _read(text, key, notation)
    except Unreadable:
        return False
    return True


@cache
def _spellings(harte: bool, numerals: bool) -> tuple[str, ...]:
    """Candidates for suggestions: vocabulary, lead-sheet and Harte names, numerals."""

    def with_qualities(roots: Iterator[str]) -> Iterator[str]:
        more = ("sus4", "sus2", "7sus4", "dim7", "9", "m9", "maj9", "add9", "11", "13")
        return (root + quality for root in roots for quality in (*QUALITIES, *more))

    if harte:
        return tuple(to_harte(name) for name in CHORD_NAMES)
    if numerals:
        upper = ("I", "II", "III", "IV", "V", "VI", "VII")
        names = [*upper, *map(str.lower, upper), "1", "2", "3", "4", "5", "6", "7"]
        return tuple(with_qualities(iter(names)))
    roots = iter((*ROOTS, "Db", "D#", "Gb", "G#", "A#"))
    return tuple(dict.fromkeys((*CHORD_NAMES[:-1], *with_qualities(roots))))
