"""Separators other than bar lines and commas: ``C-Am-F-G``, ``C - Am``, ``C / Am / F / G``.

A dash within a word separates chords where the word is no chord and all its parts are (``C-7``
stays C minor seven). Without bar lines and commas, a single dash between two chords separates them,
and single slashes between two chords each end a bar; consecutive slashes hold a chord, as do
slashes that fill whole bars of slash notation (``C / G F`` in 4/4).
"""

from __future__ import annotations

import re

from jasco.chords.naming import is_chord
from jasco.chords.numerals import Key
from jasco.chords.score import SYMBOL

_SPELLED = re.compile(r"(?<![^\s|,;(])([A-Ga-g])[ \t]+(sharp|flat)\b", re.IGNORECASE)

_NUMERAL = re.compile(r"[b#]?(?:VII|VI|V|IV|III|II|I|vii|vi|v|iv|iii|ii|i)[^-]*")


def part_chords(
    text: str, beats: int, key: Key | None = None, notation: str = "english"
) -> tuple[str, tuple[str, ...]]:
    """Replace dashes and slashes between chords by blanks, commas and bar lines.

    Args:
        text: plain text without brackets.
        beats: beats of a bar.
        key: key of numerals.
        notation: language of note names.

    Returns:
        Text of the same length, and notices.
    """
    notices = []
    plain = not re.search(r"[|,;]", text)
    text, count = _part_words(text, "," if "|" not in text and "," in text else " ", key, notation)
    if count:
        notices.append("- between chords parts them")
    if plain:
        words = list(SYMBOL.finditer(text))
        dashes = _between(words, "-")
        if dashes:
            text = _replaced(text, dashes, " ")
            notices.append("- between chords parts them")
        slashes = _between(words, "/")
        if slashes and (2 * len(slashes) + 1 == len(words) or len(words) % beats):
            text = _replaced(text, slashes, "|")
            notices.append("/ between chords ends a bar")
    return text, tuple(dict.fromkeys(notices))


def spelled_out(text: str) -> re.Match[str] | None:
    """First ``F sharp`` or ``B flat`` of a text, in two words."""
    return _SPELLED.search(text)


def _part_words(text: str, separator: str, key: Key | None, notation: str) -> tuple[str, int]:
    signs, count = list(text), 0
    for word in SYMBOL.finditer(text):
        parts = word[0].split("-")
        if not 1 < len(parts) <= len(word[0]) or not all(parts):
            continue
        if not is_chord(word[0], key, notation) and all(
            is_chord(part, key, notation) or _is_numeral(part) for part in parts
        ):
            for at, sign in enumerate(word[0], word.start()):
                signs[at] = separator if sign == "-" else sign
            count += 1
    return "".join(signs), count


def _is_numeral(word: str) -> bool:
    return _NUMERAL.fullmatch(word) is not None


def _between(words: list[re.Match[str]], sign: str) -> list[int]:
    """Positions of a sign, if each occurrence is alone between two other words; else empty."""
    places = [index for index, word in enumerate(words) if set(word[0]) == {sign}]
    for index in places:
        if len(words[index][0]) > 1 or index in (0, len(words) - 1):
            return []
    if any(after - before == 1 for before, after in zip(places, places[1:], strict=False)):
        return []
    return [words[index].start() for index in places]


def _replaced(text: str, places: list[int], sign: str) -> str:
    signs = list(text)
    for place in places:
        signs[place] = sign
    return "".join(signs)
