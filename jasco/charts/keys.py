"""Names of keys: tonic, and ``m`` in minor; signatures of sharps and flats."""

from __future__ import annotations

from jasco.chords.numerals import Key
from jasco.chords.vocabulary import ROOTS
from jasco.errors import ChordError

_FIFTHS = "Fb Cb Gb Db Ab Eb Bb F C G D A E B F# C# G# D# A# E# B#".split()
"""Tonics by fifths, from 8 below C on."""


def key_of_signature(sharps: int, *, minor: bool) -> str:
    """Name of the key with a number of sharps (flats below 0), from -7 to 7."""
    return _FIFTHS[sharps + 8 + 3 * minor] + "m" * minor


def signature_of_key(key: str) -> tuple[int, bool]:
    """Sharps (flats below 0) of a name of `key_of_signature`, and minor."""
    minor = key.endswith("m")
    sharps = _FIFTHS.index(key.removesuffix("m")) - 8 - 3 * minor
    return (sharps + 7) % 12 - 7 if abs(sharps) > 7 else sharps, minor


def key_name(text: str) -> str | None:
    """Name of a key as a file writes it (``"Bb"``, ``"A-"``, ``"f# minor"``); ``None`` without."""
    try:
        key = Key.parse(text)
    except ChordError:
        return None
    letter = text.strip()[:1].upper()
    spelled = letter + {"#": "#", "b": "b"}.get(text.strip()[1:2], "")
    # A spelling beyond the signatures, such as E sharp, is respelled.
    tonic = spelled if spelled in _FIFTHS[1:-3] else ROOTS[key.tonic]
    return tonic + "m" * key.minor


def transposed_key(key: str, semitones: int) -> str:
    """Name of a key moved by semitones, with the fewest accidentals."""
    sharps, minor = signature_of_key(key)
    moved = (sharps + 7 * semitones) % 12
    return key_of_signature(moved - 12 if moved > 5 else moved, minor=minor)
