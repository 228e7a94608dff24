"""Tells the notations of a progression apart: pairs, bars, timed.

In this order: pairs, where a text begins as ``(C, 0.0)`` or ``[["C", 0.0]]`` does; bars, where a
``|`` occurs; timed, where a symbol ends in a colon and a number that can only be a time (see
`jasco.chords.timed`); else bars, with a comma (``C G,G:7 E:min``) or on one line.

Section tags such as ``[Verse 2]`` end a bar and are otherwise ignored.
"""

from __future__ import annotations

import re
from dataclasses import replace

from jasco.chords.bars import read_bars
from jasco.chords.characters import plain
from jasco.chords.pairs import looks_like_pairs, read_pairs_text
from jasco.chords.score import Score, shown
from jasco.chords.timed import first_timed, read_timed
from jasco.errors import ChordError

_TAG = re.compile(r"\[[^\[\]|\n]*\]")
_CHORDAL_TAG = re.compile(r"\[\s*[A-G][#b]?(?:m|maj|min|dim|aug|sus|[0-9])*\s*\]")


def read_notation(text: str, *, bpm: float | None = None, time_signature: str = "4/4") -> Score:
    """Read a text in any notation.

    Args:
        text: the progression.
        bpm: tempo of bars; see `jasco.chords.bars` for what a beat is.
        time_signature: of bars.

    Raises:
        ChordError: there is no chord in it, or its form cannot be read.
    """
    flat = plain(text)
    unused = () if bpm is None else ("bpm is not used: the chords carry their own times",)
    if looks_like_pairs(flat):
        return Score(read_pairs_text(flat, text).entries, notices=unused)
    # Rehearsal letters are tags too; but a song with every chord in brackets would vanish.
    tags = dict.fromkeys(tag[0] for tag in _TAG.finditer(flat) if _CHORDAL_TAG.match(tag[0]))
    notices = tuple(f"{tag} is a section tag and not a chord" for tag in tags)
    flat = _TAG.sub(lambda tag: "\n" + " " * (len(tag[0]) - 1), flat)
    timed = first_timed(flat)
    if timed is None:
        score = read_bars(flat, text, bpm=bpm, time_signature=time_signature)
        if not score.entries:
            raise ChordError(
                f"no chord in {shown(text)}: write bars such as 'C Am | F G' with bpm, or "
                "'C:0 Am:2.5'" + (" (what stands in [ ] is a section tag)" if notices else ""),
                position=0,
                token=text,
            )
        return replace(score, notices=notices + score.notices)
    if "|" not in flat:
        return Score(read_timed(flat, text).entries, notices=notices + unused)
    token = text[timed.start() : timed.end()]
    raise ChordError(
        f"{shown(token)} at position {timed.start()} carries a time, which bars do not: take the "
        "times out, or the bar lines",
        position=timed.start(),
        token=token,
    )
