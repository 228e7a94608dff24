from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from jasco.band import harmony
from jasco.band.grid import METERS
from jasco.band.harmony import (
    CHORDS,
    HARMONIC_RHYTHMS,
    LANGUAGES,
    LOOPS,
    MODES,
    Key,
    compose_harmony,
)
from jasco.chords import CHORD_NAMES, ChordProgression
from jasco.chords.vocabulary import ROOTS


def numerals(mode):
    loops = [loop.split() for loop in LOOPS[mode]]
    functions = harmony._FUNCTIONS[mode].values()
    return {n for row in [*loops, *(t.split() for pair in functions for t in pair)] for n in row}


def test_a_chord_has_its_tones_and_its_bass():
    assert set(CHORDS) == set(CHORD_NAMES) - {"N", "UNK"}
    assert CHORDS["G7/B"] == ("G7/B", 7, (7, 11, 2, 5), 11)
    assert CHORDS["C/D"] == ("C/D", 0, (0, 4, 7), 2)
    assert CHORDS["Bm7b5/A"].bass == 9


@pytest.mark.parametrize("mode", MODES)
def test_every_numeral_is_a_name_as_it_stands(mode):
    """Nothing is dropped on the way to a name, in any of the twelve keys."""
    for tonic in range(12):
        key = Key(tonic, mode)
        for numeral in numerals(mode):
            read = ChordProgression.from_pairs(
                [(numeral, 0.0)], key=f"{ROOTS[tonic]} {'minor' if key.minor else 'major'}"
            )
            assert not any("dropped" in line for line in read.notices), numeral
            assert key.chord(numeral).name == read.names[0]


def test_a_numeral_moves_with_the_key():
    home, away = Key(0, "minor"), Key(5, "minor")
    for numeral in numerals("minor"):
        here, there = home.chord(numeral), away.chord(numeral)
        assert [(tone + 5) % 12 for tone in here.tones] == list(there.tones)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rhythm", HARMONIC_RHYTHMS)
def test_sections_are_filled_without_gaps(language, rhythm):
    for meter in METERS.values():
        for mode in MODES:
            spans = compose_harmony(
                Random(f"{meter}{mode}"), Key(3, mode), meter, 4, language, rhythm, 0.5
            )
            assert spans[0].start == 0 and spans[-1].end == 4 * meter.beats
            assert all(a.end == b.start for a, b in pairwise(spans))
            assert all(span.start < span.end and span.chord for span in spans)


def sections(language, count=300, mode="major"):
    rng = Random(language)
    for _ in range(count):
        yield compose_harmony(rng, Key(0, mode), METERS["4/4"], 8, language, "bar", 0.3)


def names(language, **options):
    return [[span.chord.name for span in spans] for spans in sections(language, **options)]


def test_languages_do_what_they_say():
    assert {len(set(row) - {"UNK"}) for row in names("pedal")} == {1}
    assert len({name for row in names("free") for name in row}) == 193  # UNK, but never N
    for row in sections("near", 100):
        for a, b in pairwise(span.chord for span in row):
            if "UNK" not in (a.name, b.name):
                assert len(set(a.tones) & set(b.tones)) >= 2
    chords = [name for row in names("functional") for name in row]
    tonic = sum(name.startswith("C") and not name.startswith(("C#", "Cm")) for name in chords)
    far = sum(name.startswith(("F#", "C#")) for name in chords)
    assert tonic > 4 * far > 0


def test_dominants_lead_to_their_chord():
    """A seventh that is not of the key falls by a fifth, or by a semitone, much more often."""
    falls = [
        (a.root - b.root) % 12
        for row in sections("functional", 600)
        for a, b in pairwise(span.chord for span in row)
        if a.name in ("A7", "B7", "E7", "D7", "Eb7", "Ab7") and b.name != "UNK"
    ]
    assert len(falls) > 100
    assert sum(fall in (7, 1) for fall in falls) > 0.9 * len(falls)
