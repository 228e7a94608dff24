"""Note names of other languages: German (``Fis``, ``Es``), Latin (``Do``), spelled (``Bflat``).

German: ``H`` is B and ``B`` is B flat; ``is`` raises, ``es`` lowers (``Es``, ``As``), and a root in
lower case is minor (``fis`` is F#m). Latin: ``Do Re Mi Fa Sol La Si`` with ``#`` and ``b``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

NOTATIONS = ("english", "german", "latin")
"""Languages in which note names are read."""

_GERMAN = re.compile(
    r"(?P<root>[A-Ha-h])(?P<shift>isis|is|eses|es|##|bb|#|b|)(?P<rest>.*)", re.DOTALL
)
_GERMAN_SHORT = re.compile(r"(?P<root>[AEae])(?P<shift>s(?:es|as)?)(?P<rest>.*)", re.DOTALL)
_SHIFTS = {"isis": "##", "is": "#", "eses": "bb", "es": "b", "s": "b", "ses": "bb", "sas": "bb"}
_LATIN = re.compile(
    r"(?P<root>do|ut|re|r\u00e9|mi|fa|sol|la|si)(?P<shift>##|bb|#|b|)(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_LATIN_LETTERS = dict(
    zip(("do", "ut", "re", "r\u00e9", "mi", "fa", "sol", "la", "si"), "CCDDEFGAB", strict=True)
)
_SPELLED = re.compile(
    r"(?P<root>[A-Ga-g])[ \t-]*(?P<shift>sharp|flat)(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)
_MINOR = ("m", "-", "dim", "o", "\u00f8", "h", ":")


def in_english(text: str, notation: str) -> Iterator[str]:
    """Readings of a chord symbol with English root and bass, the most likely first.

    Args:
        text: plain text.
        notation: one of `NOTATIONS`, or ``"spelled"`` for ``Bflat`` and ``F sharp``.
    """
    head, slash, bass = text.partition("/")
    heads = [(root, rest) for root, rest in _roots(head, notation)]
    basses = [root for root, rest in _roots(bass, notation) if not rest] if slash else [""]
    for root, rest in heads:
        minor = notation == "german" and head[:1].islower() and not rest.startswith(_MINOR)
        symbol = root + ("m" if minor else "") + rest
        yield from (f"{symbol}/{low}" for low in basses) if basses[:1] != [""] else [symbol]
        if slash and not basses:  # 6/9 or a degree
            yield f"{symbol}/{bass}"


def tonic_in_english(text: str, notation: str) -> Iterator[tuple[str, str]]:
    """Readings of a key as its tonic, lower case kept, and the rest of the name."""
    for root, rest in _roots(text, notation):
        yield (root.lower() if text[:1].islower() else root), rest


def _roots(text: str, notation: str) -> Iterator[tuple[str, str]]:
    """(root in English letters, rest of the symbol), the longest root first."""
    if notation == "german":
        yield from _german(text)
    elif found := (_LATIN if notation == "latin" else _SPELLED).match(text):
        word, shift = found["root"].lower(), found["shift"].lower()
        letter = _LATIN_LETTERS.get(word, word.upper())
        yield letter + {"sharp": "#", "flat": "b"}.get(shift, shift), found["rest"]


def _german(text: str) -> Iterator[tuple[str, str]]:
    for pattern in (_GERMAN_SHORT, _GERMAN):
        if found := pattern.match(text):
            yield _german_root(found["root"], found["shift"]), found["rest"]
    if found and found["shift"]:  # Esus4 is E with sus4
        yield _german_root(found["root"], ""), text[1:]


def _german_root(letter: str, shift: str) -> str:
    letter, shift = letter.upper(), _SHIFTS.get(shift, shift)
    if letter == "H":
        return "B" + shift
    if letter == "B" and shift in ("", "b"):  # Bb and the Dutch Bes are B too
        return "Bb"
    return {"B#": "B", "B##": "B#", "Bbb": "Bbb"}.get(letter + shift, letter + shift)
