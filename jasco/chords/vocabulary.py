"""The 194 chords of the published models, in the order of their embedding, and their Harte names.

The vocabulary is Chordino's: for each of twelve roots (spelled C C# D Eb E F F# G Ab A Bb B) ten
qualities in root position, a major triad over its second, third, fifth and flat seventh, a
dominant seventh over its third and a half-diminished chord over its flat seventh; then ``N`` (no
chord, index 0) and ``UNK`` (unknown, index 193).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from jasco.errors import ChordError, MissingPartError
from jasco.io.assets import asset
from jasco.io.plain import read_json

CHORD_NAMES: tuple[str, ...] = tuple(read_json(asset("chord_vocabulary.json"), MissingPartError))
"""Names, in the order of the chord embedding."""

CHORD_INDEX: Mapping[str, int] = MappingProxyType({n: i for i, n in enumerate(CHORD_NAMES)})
"""Name -> index."""

NULL_CHORD = len(CHORD_NAMES)
"""Index of the trained null embedding of absent chords, which differs from ``N``."""

NO_CHORD = "N"
UNKNOWN_CHORD = "UNK"

QUALITIES: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "": {"3": 4, "5": 7},
        "m": {"3": 3, "5": 7},
        "dim": {"3": 3, "5": 6},
        "aug": {"3": 4, "5": 8},
        "6": {"3": 4, "5": 7, "6": 9},
        "m6": {"3": 3, "5": 7, "6": 9},
        "7": {"3": 4, "5": 7, "7": 10},
        "maj7": {"3": 4, "5": 7, "7": 11},
        "m7": {"3": 3, "5": 7, "7": 10},
        "m7b5": {"3": 3, "5": 6, "7": 10},
    }
)
"""Quality as the vocabulary writes it -> degree -> semitones above the root."""

_HARTE = dict(zip(QUALITIES, "maj min dim aug maj6 min6 7 maj7 min7 hdim7".split(), strict=True))
_HARTE_BASS = {2: "2", 4: "3", 7: "5", 10: "b7"}
_NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAME = re.compile(r"(?P<root>[A-G][#b]?)(?P<quality>[^/]*)(?:/(?P<bass>[A-G][#b]?))?")


def pitch_class(note: str) -> int:
    """Pitch class (C = 0 ... B = 11) of a letter with any number of ``#`` and ``b``."""
    return (_NATURALS[note[0].upper()] + note.count("#", 1) - note.count("b", 1)) % 12


def _spell() -> dict[tuple[int, str, int], str]:
    spelled = {}
    for name in CHORD_NAMES:
        if name not in (NO_CHORD, UNKNOWN_CHORD) and (parts := _NAME.fullmatch(name)):
            root = pitch_class(parts["root"])
            bass = pitch_class(parts["bass"] or parts["root"])
            spelled[root, parts["quality"], (bass - root) % 12] = name
    return spelled


SPELLINGS: Mapping[tuple[int, str, int], str] = MappingProxyType(_spell())
"""(root pitch class, quality, semitones from root up to bass) -> name."""

ROOTS = tuple(SPELLINGS[root, "", 0] for root in range(12))
"""Spelling of each pitch class as a root: C C# D Eb E F F# G Ab A Bb B."""


def parts_of(name: str) -> tuple[str, str, str]:
    """Root, quality and bass of a name as it spells them; the bass may be empty."""
    found = _NAME.fullmatch(name)
    return (found["root"], found["quality"], found["bass"] or "") if found else (name, "", "")


def _harte(root: int, quality: str, bass: int) -> str:
    return f"{ROOTS[root]}:{_HARTE[quality]}" + (f"/{_HARTE_BASS[bass]}" if bass else "")


_HARTE_NAMES = {name: _harte(*meaning) for meaning, name in SPELLINGS.items()}
_HARTE_NAMES |= {NO_CHORD: "N", UNKNOWN_CHORD: "X"}


def to_harte(name: str) -> str:
    """Spell a name of the vocabulary in Harte's syntax, as mir_eval and ``.lab`` files use it.

    ``"Am7"`` -> ``"A:min7"``, ``"Bm7b5/A"`` -> ``"B:hdim7/b7"``, ``"N"`` -> ``"N"``, ``"UNK"`` ->
    ``"X"``. Source: Harte et al., "Symbolic representation of musical chords" (ISMIR 2005).

    Raises:
        ChordError: ``name`` is not one of the 194.
    """
    if name not in _HARTE_NAMES:
        near = next(iter(get_close_matches(name, CHORD_NAMES, n=1)), None)
        hint = f"; the nearest is {near!r}" if near else ""
        raise ChordError(
            f"{name!r} is not one of the {len(CHORD_NAMES)} chord names{hint}",
            token=name,
            suggestion=near,
        )
    return _HARTE_NAMES[name]
