"""Square brackets of a chart: chords, metre, tempo, key, sections and repeats.

======================  ===========================================================================
``[G/B]`` ``[N.C.]``    chords, read without the brackets; also ``[%]`` and ``[.]``
``[3/4]``               time signature from this bar on
``[tempo 60]``          tempo from this bar on; also ``[60 bpm]``, ``[bpm=60]``
``[key A minor]``       key of numerals from here on
``[Verse x2]``          the section, up to the next label, is played twice; also ``[Verse 2x]``
``[Verse]``             label: ends a bar, is skipped and named in a notice
``[Intro: C G]``        label and chords
======================  ===========================================================================

A letter alone (``[A]``) is a rehearsal letter where all such letters follow each other from A on,
each in front of other chords at the beginning of a bar, and a chord elsewhere. Jumps
(``[D.S. al Coda]``), endings (``[1.]``), ``[Repeat]`` and ``[Capo 2]`` change the chords that are
played and are refused: such a chart has to be written out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jasco.chords.metre import Metre
from jasco.chords.naming import is_chord
from jasco.chords.numerals import Key
from jasco.chords.score import shown
from jasco.chords.timed import without_time
from jasco.errors import ChordError

_BRACKET = re.compile(r"\[(?P<inside>[^\[\]|\n]*)\]")
_METRE = re.compile(r"\s*(?:time(?: signature)?|metre|meter)?\s*:?\s*(\d+\s*/\s*\d+)\s*", re.I)
_VALID = re.compile(r"\s*\d{1,2}\s*/\s*(?:1|2|4|8|16|32)\s*")
_NUMBER = r"(\d{1,9}(?:\.\d{1,9})?)"
_TEMPO = re.compile(
    rf"\s*(?:(?:tempo|bpm)\s*[:=]?\s*{_NUMBER}(?:\s*bpm)?|{_NUMBER}\s*bpm|[\u2669q]\s*=\s*{_NUMBER})"
    r"\s*",
    re.I,
)
_KEY = re.compile(r"\s*key(?:\s*[:=]\s*|\s+(?:of\s+)?)(.+)", re.I)
_TIMES = re.compile(
    r"[\s,:]*[(\[]?(?:(?<![^\W\d_])[x\u00d7*]\s*(?P<after>\d{1,9})|(?<!\d)(?P<before>\d{1,9})\s*"
    r"(?:x|\u00d7|times)(?![^\W_])(?!\s*\d)|(?P<twice>\btwice\b))[)\]]?",
    re.I,
)
_REFUSED = (
    (re.compile(r"\b(?:d\.?\s?[cs]\.?(?=\s|$)|da capo|dal segno|to coda|al coda)", re.I), "a jump"),
    (
        re.compile(
            r"\s*(?:(?:ending|volta)\s*)?\d{1,3}(?:st|nd|rd|th)?[\d.,&\s]*(?:ending|volta|time)?\s*",
            re.I,
        ),
        "an ending",
    ),
    (re.compile(r".*\brepeat\b.*", re.I), "a repeat"),
    (re.compile(r"\s*capo\b.*", re.I), "a capo"),
)
_LETTER = re.compile(r"\s*(?P<letter>[A-H])(?:[1-9]|'+|)\s*")
# Word of three letters or more that is part of no chord: Bridge, Chorus 2, Gtr/Vox.
_WORD = re.compile(
    r"(?!(?:maj|min|dim|aug|sus|add|dom|alt|omit|hdim|major|minor|flat|sharp)(?![^\W\d_]))"
    r"[^\W\d_]{3,}"
)
_SIGN = re.compile(r"%|[./]+")
# Chord in a spelling that English charts avoid: B flat, [IV] alone in its bar.
_SPELLED = re.compile(r"\s*[A-G][ \t-]?(?:sharp|flat)(?: ?(?:m|minor|major|7|maj7|m7))?\s*", re.I)
_LATIN = re.compile(r"\s*(?:Do|Re|R\u00e9|Mi|Fa|Sol|La|Si)(?:#|b)?(?:m|7|m7|maj7)?\s*")
_NUMERAL = re.compile(
    r"\s*[b#]?(?:VII?|IV|V|I{1,3}|vii?|iv|v|i{1,3})(?:maj7|m7|7|\u00b0|\u00f8)?\s*"
)
_NO_CHORD = re.compile(r"\s*no[ _-]?chord\s*", re.I)
_NAMED = re.compile(r"(?P<label>[^:]*[^\W\d_]{3}[^:]*:)(?P<chords>.+)")
_LETTERED = re.compile(r"\s*(?:part|section|letter|mark)\s*:", re.I)
_CHORDAL = re.compile(r"\s*\(?[A-Ha-h](?:[#b]|\S*[\d#/()+^\u00b0\u00f8])\S*\s*")


@dataclass(frozen=True)
class Section:
    """Section label.

    Attributes:
        times: number of times that the section is played.
    """

    times: int


@dataclass(frozen=True)
class Tempo:
    """Tempo (beats per minute)."""

    bpm: float


@dataclass(frozen=True)
class KeyChange:
    """Key of the numerals that follow, in a notation of `jasco.chords.numerals.Key`."""

    key: str


Mark = Section | Tempo | Metre | KeyChange
"""Content of a bracket that holds no chord."""


@dataclass(frozen=True)
class Brackets:
    """Chart without its brackets.

    Attributes:
        text: text of the same length: chords keep their positions, other contents are blanks, and
            a label is a newline.
        marks: position of a bracket -> its mark.
        notices: one line for each skipped label.
    """

    text: str
    marks: dict[int, Mark]
    notices: tuple[str, ...]


def read_brackets(
    text: str, original: str, key: Key | None = None, notation: str = "english"
) -> Brackets:
    """Separate the brackets of a chart from its text.

    Args:
        text: plain text.
        original: the text it was made from, of the same length.
        key: key of numerals where the chart names none.
        notation: language of note names.

    Raises:
        ChordError: a jump, an ending, a repeat or a capo, which are not supported.
    """
    found = list(_BRACKET.finditer(text))
    rehearsal, letters = _rehearsal_letters(text, found)
    pieces: list[str] = []
    marks: dict[int, Mark] = {}
    notices: dict[str, None] = {}
    done = 0
    for bracket in found:
        inside, position = bracket["inside"], bracket.start()
        token = original[position : bracket.end()]
        pieces.append(text[done:position])
        done = bracket.end()
        if _NO_CHORD.fullmatch(inside):
            pieces.append(f" {'N'.ljust(len(inside))} ")
            continue
        chords = _chords_of_label(inside, key, notation)
        if chords:
            inside = inside[: -len(chords)]
        alone = _is_alone(text, bracket)
        if position not in rehearsal and _holds_chords(inside, key, notation, alone=alone):
            pieces.append(f" {inside} ")
            if position in letters:
                notices[f"{token} is read as a chord"] = None
            continue
        if position in rehearsal and not _TIMES.search(inside):
            mark: Mark = Section(1)
        else:
            mark = _read_mark(inside, token, position, key, notation)
        blank = " " * (len(token) - len(chords) - 1) + f"{chords} " if chords else " " * len(token)
        if isinstance(mark, Section):
            blank = "\n" + blank[1:]
            kind = "rehearsal letter and not a chord" if position in rehearsal else "section label"
            times = f", played {mark.times} times" if mark.times > 1 else ""
            more = ", and the chords in it are read" if chords else ""
            notices[f"{token} is a {kind}{times}{more}"] = None
        elif isinstance(mark, KeyChange):
            key = Key.parse(mark.key, notation)
        marks[position] = mark
        pieces.append(blank)
    return Brackets("".join([*pieces, text[done:]]), marks, tuple(notices))


def _is_alone(text: str, bracket: re.Match[str]) -> bool:
    before = text[max(0, bracket.start() - 200) : bracket.start()].rstrip(" \t")
    after = text[bracket.end() : bracket.end() + 200].lstrip(" \t")
    return (not before or before.endswith(("|", "\n"))) and (not after or after[0] in "|\n")


def _chords_of_label(inside: str, key: Key | None, notation: str) -> str:
    named = _NAMED.fullmatch(inside)
    marks = (_METRE, _TEMPO, _KEY, *(pattern for pattern, _ in _REFUSED))
    if not named or _LETTERED.match(inside) or any(each.fullmatch(inside) for each in marks):
        return ""
    words = [word for word in named["chords"].split() if not _SIGN.fullmatch(word)]
    chords = [word for word in words if word[0].isalpha() and is_chord(word, key, notation)]
    return named["chords"] if chords and len(chords) == len(words) else ""


def _holds_chords(inside: str, key: Key | None, notation: str, *, alone: bool = False) -> bool:
    """True for chords and signs, and for one misspelled chord, whose error the reader raises.

    Args:
        inside: content of the bracket.
        key: key of numerals.
        notation: language of note names.
        alone: the bracket is alone in its bar, so that a numeral is no number of a section.
    """
    if _VALID.fullmatch(inside):
        return False
    if _SPELLED.fullmatch(inside) or _LATIN.fullmatch(inside):
        return True
    if alone and _NUMERAL.fullmatch(inside):
        return True
    name = inside.strip()
    if name[:1].isupper() and (name[0] == "H" or not _LETTER.fullmatch(name)):
        if is_chord(name, None, "german"):
            return True
    listed = [word for word in re.split(r"[\s,;]+|-(?=[A-G])", inside) if word]
    if len(listed) > 1 and all(is_chord(word, key, notation) for word in listed):
        return True
    words = [without_time(word) for word in inside.split()]
    if words and all(is_chord(word, key, notation) or _SIGN.fullmatch(word) for word in words):
        return True
    return bool(
        _CHORDAL.fullmatch(inside)
        and not _WORD.search(inside)
        and not _LETTER.fullmatch(inside)
        and not _TIMES.search(inside)
    )


def _read_mark(inside: str, token: str, position: int, key: Key | None, notation: str) -> Mark:
    if metre := _METRE.fullmatch(inside):
        return Metre.parse(metre[1], position)
    if tempo := _TEMPO.fullmatch(inside):
        return Tempo(float(next(filter(None, tempo.groups()))))
    if named := _KEY.fullmatch(inside):
        try:
            Key.parse(named[1], notation)
        except ChordError as error:
            error.position = position
            raise
        return KeyChange(named[1])
    for pattern, kind in _REFUSED:
        if pattern.fullmatch(inside) or (kind == "a jump" and pattern.search(inside)):
            raise _error(token, position, f"{kind} is not followed: write out what is played")
    times = _TIMES.search(inside)
    if times is None:
        if not inside.strip():
            raise _error(token, position, "the bracket is empty")
        return Section(1)
    name = (inside[: times.start()] + " " + inside[times.end() :]).strip()
    if not name or (is_chord(name, key, notation) and not _LETTER.fullmatch(name)):
        raise _error(
            token,
            position,
            "name the section that is repeated, such as [Verse x2] before it, or write |: :|",
        )
    count = 2 if times["twice"] else int(times["after"] or times["before"])
    if not 1 <= count <= 100:
        raise _error(token, position, "a section is played 1 to 100 times")
    return Section(count)


def _rehearsal_letters(text: str, found: list[re.Match[str]]) -> tuple[set[int], set[int]]:
    """Positions of the brackets with a rehearsal letter, and of the undecided ones."""
    candidates: dict[int, str] = {}
    for bracket in found:
        if letter := _LETTER.fullmatch(_TIMES.sub("", bracket["inside"])):
            before = text[max(0, bracket.start() - 200) : bracket.start()].rstrip(" \t")
            after = _BRACKET.sub("", text[bracket.end() : bracket.end() + 200])
            starts_bar = not before or before.endswith(("|", "\n", ":"))
            alone = after.lstrip(" \t").startswith("|") or not after.strip()
            if starts_bar and not alone:
                candidates[bracket.start()] = letter["letter"]
    letters = list(dict.fromkeys(candidates.values()))
    in_order = letters == list("ABCDEFGH")[: len(letters)]
    others = re.search(r"\w", _BRACKET.sub(" ", text)) is not None
    return (set(candidates) if in_order and others else set()), set(candidates) if others else set()


def _error(token: str, position: int, reason: str) -> ChordError:
    return ChordError(
        f"{shown(token)} at position {position}: {reason}", position=position, token=token
    )
