"""Note names of other languages are read when asked for, and hinted at otherwise."""

from __future__ import annotations

import pytest

from jasco.chords import ChordProgression
from jasco.errors import ChordError

GERMAN = {
    "H": "B", "B": "Bb", "Bb": "Bb", "Hb": "Bb", "Bes": "Bb", "Fis": "F#", "Cis": "C#",
    "Gis": "Ab", "Es": "Eb", "As": "Ab", "Des": "C#", "Ces": "B", "Eses": "D", "Fisis": "G",
    "F#": "F#", "Esus4": "E", "Asus4": "A", "Esm": "Ebm", "Fism7b5": "F#m7b5", "Hm7": "Bm7",
    "G/H": "G/B", "Cis/Eis": "C#/E#", "B/D": "Bb/D", "fis": "F#m", "a7": "Am7", "h7b5": "Bm7b5",
    "es": "Ebm", "as": "Abm", "am": "Am", "adim": "Adim", "A:min7": "Am7", "C6/9": "C6", "N": "N",
}  # fmt: skip
LATIN = {
    "Do": "C", "Re": "D", "Mi": "E", "Fa": "F", "Sol": "G", "La": "A", "Si": "B", "Dom7": "Cm7",
    "Sib": "Bb", "Mib7": "Eb7", "Fa#m7b5": "F#m7b5", "Sol/Si": "G/B", "Lam": "Am", "DO": "C",
    "Rém": "Dm", "Solsus4": "G", "C7": "C7",
}  # fmt: skip


@pytest.mark.parametrize(
    "notation, token, name",
    [("german", *pair) for pair in GERMAN.items()] + [("latin", *pair) for pair in LATIN.items()],
)
def test_names_of_a_language(notation: str, token: str, name: str) -> None:
    assert ChordProgression.from_pairs([(token, 0)], notation=notation).names == (name,)
    parsed = ChordProgression.parse(f"{token} |", bpm=60, notation=notation)
    assert parsed.names == (name,)


# token -> suggestion, without a notation
HINTS = {
    "Fis": "F#", "Es": "Eb", "As": "Ab", "H": "B", "Hm": "Bm", "Cis/Eis": "C#/E#", "Des7": "Db7",
    "Do": "C", "Re": "D", "Mi": "E", "Fa": "F", "Sol7": "G7", "La": "A", "Si": "B", "Dom7": "Cm7",
    "Bflat": "Bb", "F sharp": "F#", "Eflat7": "Eb7", "C-sharp": "C#", "G/H": "G/B",
}  # fmt: skip


@pytest.mark.parametrize("token", HINTS)
def test_other_languages_are_hinted_at(token: str) -> None:
    with pytest.raises(ChordError) as caught:
        ChordProgression.from_pairs([("C", 0), (token, 1)])
    assert (caught.value.token, caught.value.position) == (token, 1)
    assert caught.value.suggestion == HINTS[token]
    with pytest.raises(ChordError) as caught:
        ChordProgression.parse(f"C | {token} | G", bpm=60)
    assert (caught.value.token, caught.value.position) == (token, 4)
    assert caught.value.suggestion == HINTS[token]


@pytest.mark.parametrize(
    "key, notation, names",
    [
        ("h-Moll", "german", "B F#"),
        ("B-Dur", "german", "Bb F"),
        ("fis-moll", "german", "F# C#"),
        ("Es", "german", "Eb Bb"),
        ("Sol", "latin", "G D"),
        ("b-moll", "english", "B F#"),
    ],
)
def test_keys_of_a_language(key: str, notation: str, names: str) -> None:
    chords = ChordProgression.parse("I | V", bpm=60, key=key, notation=notation)
    assert chords.names == tuple(names.split())


@pytest.mark.parametrize("notation", ["klingon", "", "German"])
def test_no_such_notation(notation: str) -> None:
    with pytest.raises(ChordError, match="give english, german, latin"):
        ChordProgression.parse("C:0", notation=notation)
