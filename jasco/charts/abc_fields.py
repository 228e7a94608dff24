"""Fields of ABC: key, metre, unit length and tempo. Source: the standard, version 2.1."""

from __future__ import annotations

import re
from fractions import Fraction

from jasco.charts.keys import key_of_signature
from jasco.chords.metre import COMMON, Metre
from jasco.errors import ChordError

_MODES = {
    **{"": 0, "maj": 0, "ion": 0, "m": -3, "min": -3, "aeo": -3},
    **{"mix": -1, "dor": -2, "phr": -4, "lyd": 1, "loc": -5},
}
_MINOR = ("m", "min", "aeo", "dor", "phr", "loc")
_KEY = re.compile(r"(?P<tonic>[A-G])(?P<shift>[#b]?)\s*(?P<mode>[A-Za-z]*)(?P<rest>.*)", re.DOTALL)
_TONICS = "FCGDAEB"
_SHARPS = "FCGDAEB"
_EXPLICIT = re.compile(r"(\^\^|\^|__|_|=)([a-gA-G])(?![\w=])")
SHIFTS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
"""Semitones of an accidental."""
_FRACTION = re.compile(r"(\d{1,3})/(\d{1,3})")


def read_key(text: str) -> tuple[str | None, dict[str, int]]:
    """Name of a key, and the semitones of each note that its signature changes.

    Args:
        text: value of ``K:``, such as ``"Am"``, ``"D dor"`` or ``"G exp _b"``.
    """
    if text.startswith("HP") or text.startswith("Hp"):  # Highland pipes
        return "D", {"F": 1, "C": 1}
    found = _KEY.match(text.strip())
    mode = found["mode"][:3].lower() if found else ""
    if found is None or text.strip().lower().startswith("none"):
        return None, {}
    rest = found["rest"]
    if mode not in _MODES:
        mode, rest = "", found["mode"] + rest
    fifths = _TONICS.index(found["tonic"]) - 1 + 7 * {"#": 1, "b": -1, "": 0}[found["shift"]]
    sharps = fifths + _MODES[mode]
    signature = dict.fromkeys(_SHARPS[:sharps], 1) if 0 <= sharps <= 7 else {}
    if -7 <= sharps < 0:
        signature = dict.fromkeys(_SHARPS[sharps:], -1)
    if re.match(r"exp\b", rest.strip()):
        signature = {}
    for sign, letter in _EXPLICIT.findall(rest):
        signature[letter.upper()] = SHIFTS[sign]
    minor = mode in _MINOR
    tonic = fifths - 3 * minor  # signature of the major or minor key of this tonic
    return key_of_signature(tonic, minor=minor) if -7 <= tonic <= 7 else None, signature


def read_metre(text: str) -> Metre | None:
    """Metre of ``M:``: ``C``, ``C|``, ``6/8``, ``2+3/8``; ``None`` for none of these."""
    text = text.strip()
    if text in ("C", "C|"):
        return COMMON if text == "C" else Metre(2, 2)
    beats, _, unit = text.replace("(", "").replace(")", "").partition("/")
    try:
        return Metre.parse(f"{sum(int(number) for number in beats[:20].split('+'))}/{unit}")
    except (ValueError, ChordError):
        return None


def read_length(text: str) -> Fraction | None:
    """Length of ``L:`` in quarter notes."""
    found = _FRACTION.fullmatch(text.strip())
    value = Fraction(int(found[1]), int(found[2])) if found and int(found[2]) else Fraction(0)
    return 4 * value if 0 < value <= 4 else Fraction(4) if text.strip() == "1" else None


def default_length(metre: Metre | None) -> Fraction:
    """Unit length without ``L:`` (quarter notes): a sixteenth below 3/4, else an eighth."""
    return Fraction(1, 4 if metre is not None and metre.length < Fraction(3, 4) else 2)


def read_tempo(text: str, unit: Fraction) -> tuple[Fraction | None, bool]:
    """Tempo of ``Q:`` in quarter notes a minute, and true for a number without a note value.

    Args:
        text: ``"1/4=120"``, ``'"Allegro" 3/8=60'``, ``"120"``, or ``"C=100"`` of old files.
        unit: unit length (quarter notes).
    """
    text = re.sub(r'"[^"]*"', "", text).strip()
    beats, equals, number = text.rpartition("=")
    found = re.fullmatch(r"\s*(\d{1,4}(?:\.\d{1,3})?)\s*", number)
    if found is None:
        return None, False
    if not equals:
        return Fraction(found[1]), True
    lengths = [Fraction(int(a), int(b)) for a, b in _FRACTION.findall(beats) if int(b)]
    if old := re.fullmatch(r"\s*C(\d?)\s*", beats):
        return Fraction(found[1]) * unit * int(old[1] or 1), False
    return (4 * sum(lengths, Fraction(0)) * Fraction(found[1]) or None), False
