"""Chord symbols of lead sheets (``Am7``, ``G/B``) and in Harte's syntax (``A:min7/b7``).

The whole symbol is kept; `jasco.chords.naming` reduces it to the vocabulary. A ``b`` or ``#`` right
after the root belongs to the root (``Cb5`` is C flat; ``C(b5)`` is not), the bass after ``/`` is a
note or, as Harte writes it, a degree above the root, ``C6/9`` and ``Cm/maj7`` are no slash chords,
and a root in lower case is allowed and does not mean minor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jasco.chords.characters import plain_token
from jasco.chords.languages import in_english
from jasco.chords.quality import (
    DEGREE,
    Tones,
    Unreadable,
    read_harte_quality,
    read_quality,
    semitones,
)
from jasco.chords.vocabulary import NO_CHORD, UNKNOWN_CHORD, pitch_class

# A second accidental before an altered degree belongs to the degree: Bbb5 is Bb(b5).
NOTE = re.compile(r"[A-Ga-g](?:##(?!1?[0-69])|bb(?!1?[0-69])|[#b])?")
"""A note name: ``C``, ``F#``, ``bb``."""

_SYMBOL = re.compile(
    rf"(?P<root>{NOTE.pattern})(?::(?P<harte>[^/]*)|(?P<quality>[^/:]*))(?:/(?P<bass>.*))?",
    re.DOTALL,
)
_SPECIAL = {
    **dict.fromkeys(("n", "nc", "n.c", "n.c.", "none"), NO_CHORD),
    **dict.fromkeys(
        ("silence", "sil", "no_chord", "nochord", "no chord", "&pause", "pause", "rest", "tacet"),
        NO_CHORD,
    ),
    **dict.fromkeys(("x", "unk", "unknown"), UNKNOWN_CHORD),
}
_SIXTHS = {
    **dict.fromkeys(("it", "it+6"), (8, "7no5", 4)),
    **dict.fromkeys(("fr", "fr+6"), (8, "7b5", 4)),
    **dict.fromkeys(("ger", "ger+6", "gr", "gr+6"), (8, "7", 4)),
    **dict.fromkeys(("n6", "neapolitan"), (1, "", 4)),
    "tristan": (0, "m7b5", 0),
}
"""Functional kinds of MusicXML and music21 over a tonic: semitones from it up to the root, quality,
and semitones from the root up to the bass. ``CGer`` is Ab7/C, ``CN6`` is Db/F."""
_PLAIN_SPECIAL = ("n", "nc", "n.c", "n.c.", "none", "unk")


@dataclass(frozen=True)
class Bass:
    """Bass: semitones above the root (0 to 11), spelling, and note or degree."""

    interval: int
    written: str
    is_note: bool


@dataclass(frozen=True)
class Chord:
    """Chord of a symbol.

    Attributes:
        root: pitch class, C = 0.
        tones: degrees with their spelling.
        bass: bass after the slash, if any.
        spelled: root as written; ``None`` for a numeral.
    """

    root: int
    tones: Tones
    bass: Bass | None = None
    spelled: str | None = None


def read_special(token: str) -> str | None:
    """``"N"`` or ``"UNK"`` for a spelling of one of them (``N.C.``, ``X``), else ``None``."""
    return _SPECIAL.get(plain_token(token).lower())


def is_usual(token: str) -> bool:
    """True for a common spelling of ``N`` or ``UNK``, which needs no notice."""
    return plain_token(token).lower() in _PLAIN_SPECIAL


def read_symbol(token: str, notation: str = "english") -> Chord:
    """Read a lead-sheet or Harte symbol.

    Args:
        token: the symbol.
        notation: language of its note names (`jasco.chords.languages`).

    Raises:
        Unreadable: not a chord; the message says why.
    """
    text = without_brackets(plain_token(token))
    if notation != "english":
        for reading in in_english(text, notation):
            try:
                return _read_english(reading)
            except Unreadable:
                continue
        if notation == "german":
            raise Unreadable("it is no chord in German names, from A to H")
    elif text == "Do":
        raise Unreadable("Do is C in Latin names, and D diminished is written Ddim")
    return _read_english(text)


def _read_english(text: str) -> Chord:
    parts = _SYMBOL.fullmatch(join_slashes(text))
    if parts is None:
        raise Unreadable("a chord begins with a root from A to G")
    root = pitch_class(parts["root"])
    sixth = _SIXTHS.get((parts["quality"] or "").lower())
    if sixth and parts["bass"] is None:
        shift, quality, low = sixth
        return Chord((root + shift) % 12, read_quality(quality), Bass(low, "", False), text)
    if parts["harte"] is None:
        tones = read_quality(parts["quality"])
    else:
        tones = read_harte_quality(parts["harte"])
    bass = None if parts["bass"] is None else read_bass(parts["bass"], root)
    return Chord(root, tones, bass, parts["root"])


def read_bass(text: str, root: int) -> Bass:
    """Read a bass: a degree above ``root`` (a pitch class), or a note.

    Raises:
        Unreadable: the text is neither.
    """
    if degree := DEGREE.fullmatch(text):
        return Bass(semitones(degree) % 12, text, is_note=False)
    if NOTE.fullmatch(text):
        return Bass((pitch_class(text) - root) % 12, text, is_note=True)
    raise Unreadable(f"the bass {text[:20]!r} is neither a note nor a degree")


def without_brackets(text: str) -> str:
    """``(G7)``, an optional chord, is ``G7``."""
    inner = text[1:-1]
    return inner if text == f"({inner})" and not {"(", ")"} & set(inner) else text


def join_slashes(text: str) -> str:
    """``C6/9`` and ``Cm/maj7`` are no slash chords but ``C69`` and ``Cmmaj7``.

    Harte's ``C:maj6/9`` is one.
    """
    if ":" in text:
        return text
    text = re.sub(r"(?<=.)(?:6/9|9/6)(?=$|/)", "69", text)
    return re.sub(r"(?<=[mni-])/(?=(?:(?i:maj)|ma|M|\^)(?:7|9|1[13])?(?:$|\())", "", text)
