"""Pairs of name and onset (s): ``(C, 0.0), (Am, 2.5)`` as text, JSON or a list.

In a text, quotes and outer brackets are optional: Python's ``[("C", 0.0)]`` and JSON's
``[["C", 0.0]]`` are read alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from jasco.chords.score import Entry, Score, as_text, check_count, seconds, shown
from jasco.errors import ChordError

_START = re.compile(
    r"""\s*(?: \( (?:[^()]|\([^()]*\))*? ,          # (C, ...
             | [\[(]\s*[\[(\]]  | \[\s*["']         # [[  [(  (( ["C"
             | (?:\[[^][,\s]+\s*,\s*[-+.\d]+\s*\][\s,;]*)+$ )  # [C, 0.0], [Am, 2.5]
    """,
    re.VERBOSE,
)
_OPEN = re.compile(r"\s*[\[(](?=\s*[\[(])")
_PAIR = re.compile(
    r"""[\[(] (?P<name> \s*"(?:[^"\\]|\\.)*"\s* | \s*'[^']*'\s* | (?:[^()\[\],"']|\([^()]*\))* )
        , (?P<time>[^()\[\],]*) (?:,\s*)? [\])]""",
    re.VERBOSE | re.DOTALL,
)
_BETWEEN = re.compile(r"[\s,;]*")


def looks_like_pairs(text: str) -> bool:
    """True for a plain text that begins with a pair."""
    return _START.match(text) is not None


def read_pairs_text(text: str, original: str) -> Score:
    """Read pairs from a text.

    Args:
        text: plain text.
        original: the text it was made from, of the same length.

    Raises:
        ChordError: an entry is not a pair, or its time not a number of seconds.
    """
    opening = _OPEN.match(text)
    at, end = opening.end() if opening else 0, len(text.rstrip())
    if opening and text[:end].endswith((")", "]")):
        end -= 1
    entries: list[Entry] = []
    at = _skip(text, at)
    while at < end:
        check_count(len(entries), at)
        pair = _PAIR.match(text, at, end)
        if pair is None:
            token = original[at:end]
            raise ChordError(
                f"{shown(token)} at position {at} is not a pair: write (NAME, SECONDS), such as "
                "(C, 0.0), (Am, 2.5)",
                position=at,
                token=token,
                suggestion="(C, 0.0)",
            )
        start, stop = pair.span("name")
        position = start + len(pair["name"]) - len(pair["name"].lstrip())
        name = original[position:stop].rstrip()
        if text[position : position + 1] in ("'", '"'):
            name, position = _unquote(text[position:stop].rstrip(), name), position + 1
        where = f"position {position}"
        entries.append(
            Entry(name, seconds(pair["time"].strip(), name, position, where), position, where)
        )
        at = _skip(text, pair.end())
    if not entries:
        raise ChordError(f"no chord in {shown(original)}", position=0, token=original)
    return Score(entries)


def _skip(text: str, at: int) -> int:
    found = _BETWEEN.match(text, at)
    return found.end() if found else at


def _unquote(plain: str, quoted: str) -> str:
    """Name without its quotes; JSON escapes of other characters are decoded."""
    if plain[0] == '"' and "\\" in plain:
        try:
            return str(json.loads(plain))
        except ValueError:
            pass
    return quoted[1:-1]


def read_pairs(pairs: object) -> Score:
    """Read a list of ``(name, onset in s)``; positions are indices of entries.

    Raises:
        ChordError: anything else.
    """
    if not isinstance(pairs, Iterable) or isinstance(pairs, str | bytes):
        raise ChordError(
            f"chords are {type(pairs).__name__}: give a text or a list of (name, onset in s)",
            position=0,
        )
    entries: list[Entry] = []
    for index, pair in enumerate(pairs):
        check_count(index, index)
        where = f"entry {index}"
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str):
            raise ChordError(
                f"{shown(pair)} at {where} is not a pair: give (name, onset in s), such as "
                "('C', 0.0)",
                position=index,
                token=as_text(pair),
            )
        entries.append(Entry(pair[0], seconds(pair[1], pair[0], index, where), index, where))
    if not entries:
        raise ChordError("no chord: the list is empty", position=0)
    return Score(entries)
