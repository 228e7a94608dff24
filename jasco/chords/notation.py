"""Detection of the notation of a progression: pairs, bars or timed.

The first that applies: pairs, where a text begins with ``(C, 0.0)`` or ``[["C", 0.0]]``; bars,
where a ``|`` occurs; timed, where a symbol ends in a colon and a number that can only be a time
(see `jasco.chords.timed`); else bars, with a comma (``C G,G:7 E:min``) or a bar for each chord.

`jasco.chords.brackets` reads brackets, `jasco.chords.separators` separators such as dashes.
"""

from __future__ import annotations

from dataclasses import replace

from jasco.chords.bars import read_bars
from jasco.chords.brackets import Brackets, Section, read_brackets
from jasco.chords.characters import plain
from jasco.chords.metre import COMMON, Metre
from jasco.chords.numerals import Key
from jasco.chords.pairs import looks_like_pairs, read_pairs_text
from jasco.chords.score import MAX_TEXT, Score, shown
from jasco.chords.separators import part_chords, spelled_out
from jasco.chords.timed import first_timed, read_timed
from jasco.errors import ChordError

UNUSED_TEMPO = "bpm is not used: the chords carry their own times"


def read_notation(
    text: str,
    *,
    bpm: float | None = None,
    time_signature: str | None = None,
    key: Key | None = None,
    notation: str = "english",
) -> Score:
    """Read a text in any notation.

    Args:
        text: the progression.
        bpm: tempo of bars, in the beats of `jasco.chords.metre`.
        time_signature: metre of bars.
        key: key of numerals; without one no word is read as a numeral.
        notation: language of note names.

    Raises:
        ChordError: the text has no chord, cannot be read, or is too long.
    """
    if len(text) > MAX_TEXT:
        raise ChordError(
            f"the chart has {len(text):,} characters: at most {MAX_TEXT:,} are read; give a part",
            position=MAX_TEXT,
        )
    flat = plain(text)
    unused = () if bpm is None else (UNUSED_TEMPO,)
    if looks_like_pairs(flat):
        return Score(read_pairs_text(flat, text).entries, notices=unused)
    brackets = read_brackets(flat, text, key, notation)
    flat = brackets.text
    if spelled := spelled_out(flat):
        near = spelled[1].upper() + {"sharp": "#", "flat": "b"}[spelled[2].lower()]
        raise ChordError(
            f"{shown(spelled[0])} at position {spelled.start()} are two words: write {near}",
            position=spelled.start(),
            token=text[spelled.start() : spelled.end()],
            suggestion=near,
        )
    timed = first_timed(flat)
    if timed is None:
        metre = COMMON if time_signature is None else Metre.parse(time_signature)
        flat, notices = part_chords(flat, metre.beats, key, notation)
        score = read_bars(flat, text, brackets.marks, bpm=bpm, time_signature=time_signature)
        if not score.entries:
            raise ChordError(
                f"no chord in {shown(text)}: write bars such as 'C Am | F G' with bpm, or "
                "'C:0 Am:2.5'",
                position=0,
                token=text,
            )
        return replace(score, notices=brackets.notices + notices + score.notices)
    if "|" not in flat:
        notices = brackets.notices + _unused_marks(brackets, text) + unused
        return Score(read_timed(flat, text).entries, notices=notices)
    token = text[timed.start() : timed.end()]
    raise ChordError(
        f"{shown(token)} at position {timed.start()} carries a time, which bars do not: take the "
        "times out, or the bar lines",
        position=timed.start(),
        token=token,
    )


def _unused_marks(brackets: Brackets, original: str) -> tuple[str, ...]:
    """Notices about brackets that do not apply to chords with times of their own.

    Raises:
        ChordError: a bracket repeats a section.
    """
    notices = []
    flat = plain(original)
    for position, mark in brackets.marks.items():
        token = original[position : flat.index("]", position) + 1]
        if not isinstance(mark, Section):
            notices.append(f"{token} is not used: the chords carry their own times")
        elif mark.times > 1:
            raise ChordError(
                f"{shown(token)} at position {position} repeats chords that carry their own times: "
                "write them out",
                position=position,
                token=token,
            )
    return tuple(notices)
