"""Timed notation: ``C:0 Am:2.5``, each chord with its onset (s).

Harte's ``C:7`` has the same form. The numbers are times if at least one of them is no shorthand of
Harte; where all are 5, 6, 7, 9, 11 or 13 without a point (``C:7 F:7``) they are
chords, and ``C:7.0`` is the time.
"""

from __future__ import annotations

import re

from jasco.chords.score import SYMBOL, Entry, Score, check_count, seconds, shown
from jasco.errors import ChordError

_TIMED = re.compile(r"(?P<name>.*):(?P<time>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))s?", re.DOTALL)
_SHORTHANDS = ("5", "6", "7", "9", "11", "13")


def without_time(symbol: str) -> str:
    """Name of a symbol, without its time."""
    timed = _TIMED.fullmatch(symbol)
    return timed["name"] if timed and timed["time"] not in _SHORTHANDS else symbol


def first_timed(text: str) -> re.Match[str] | None:
    """First symbol of a text whose number can only be a time."""
    for symbol in SYMBOL.finditer(text):
        timed = _TIMED.fullmatch(symbol[0])
        if timed is not None and timed["time"] not in _SHORTHANDS:
            return symbol
    return None


def read_timed(text: str, original: str) -> Score:
    """Read timed notation; blanks, commas and semicolons separate.

    Args:
        text: plain text without tags.
        original: the text it was made from, of the same length.

    Raises:
        ChordError: a chord without a time, or with an invalid one.
    """
    entries: list[Entry] = []
    for symbol in SYMBOL.finditer(text):
        check_count(len(entries))
        position, where = symbol.start(), f"position {symbol.start()}"
        token = original[symbol.start() : symbol.end()]
        timed = _TIMED.fullmatch(symbol[0])
        if timed is None or not timed["name"]:
            raise ChordError(
                f"{shown(token)} at {where} has no time while other chords do: write NAME:SECONDS "
                "for every chord, or bars and bpm for none",
                position=position,
                token=token,
            )
        name = token[: len(timed["name"])]
        onset = seconds(timed["time"], name, position, where)
        entries.append(Entry(name, onset, position, where))
    return Score(entries)
