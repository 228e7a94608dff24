from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from jasco.chords import CHORD_INDEX, CHORD_NAMES, NULL_CHORD, ChordProgression, to_harte
from jasco.chords.symbols import read_symbol
from jasco.chords.vocabulary import QUALITIES, SPELLINGS, pitch_class
from jasco.errors import ChordError

SOUNDING = {name: meaning for meaning, name in SPELLINGS.items()}


def test_the_order_is_that_of_the_published_models(shared: Path) -> None:
    golden = json.loads((shared / "parity" / "chord_vocabulary.json").read_text())
    assert list(CHORD_NAMES) == golden


def test_the_vocabulary_is_twelve_roots_of_sixteen_and_two_more() -> None:
    assert len(CHORD_NAMES) == len(CHORD_INDEX) == NULL_CHORD == 194
    assert (CHORD_NAMES[0], CHORD_NAMES[193]) == ("N", "UNK")
    assert all(CHORD_NAMES[index] == name for name, index in CHORD_INDEX.items())
    slashes = [("", 2), ("", 4), ("", 7), ("", 10), ("7", 4), ("m7b5", 10)]
    shapes = [(quality, 0) for quality in QUALITIES] + slashes
    assert set(SPELLINGS) == {(root, *shape) for root in range(12) for shape in shapes}
    assert set(SOUNDING) | {"N", "UNK"} == set(CHORD_NAMES)


@pytest.mark.parametrize(
    "name, harte",
    [
        ("C", "C:maj"),
        ("Am7", "A:min7"),
        ("Gm6", "G:min6"),
        ("C/Bb", "C:maj/b7"),
        ("F#7/A#", "F#:7/3"),
        ("Bm7b5/A", "B:hdim7/b7"),
        ("Ebdim", "Eb:dim"),
        ("N", "N"),
        ("UNK", "X"),
    ],
)
def test_harte_spelling(name: str, harte: str) -> None:
    assert to_harte(name) == harte


@pytest.mark.parametrize("name", CHORD_NAMES)
def test_mir_eval_hears_the_same_chord(name: str) -> None:
    chord = pytest.importorskip("mir_eval.chord")
    root, tones, bass = chord.encode(to_harte(name))
    if name in ("N", "UNK"):
        assert root == -1 and set(tones) == ({0} if name == "N" else {-1})
        return
    expected_root, quality, expected_bass = SOUNDING[name]
    sound = {0, expected_bass, *QUALITIES[quality].values()}
    assert (root, bass) == (expected_root, expected_bass)
    assert set(np.flatnonzero(tones)) == sound


def test_every_name_reads_as_itself_without_a_report() -> None:
    pairs = [(name, float(index)) for index, name in enumerate(CHORD_NAMES)]
    progression = ChordProgression.from_pairs(pairs)
    assert progression.pairs() == pairs
    assert progression.notices == ()


def test_every_harte_spelling_reads_as_its_name() -> None:
    pairs = [(to_harte(name), float(index)) for index, name in enumerate(CHORD_NAMES)]
    progression = ChordProgression.from_pairs(pairs)
    assert progression.names == CHORD_NAMES
    assert progression.notices == ("X -> UNK (unknown chord)",)


def test_harte_of_a_stranger_is_an_error() -> None:
    with pytest.raises(ChordError, match="'Cm7b6'.*'Cm7b5'") as caught:
        to_harte("Cm7b6")
    assert (caught.value.token, caught.value.suggestion) == ("Cm7b6", "Cm7b5")


@pytest.mark.parametrize(
    "note, expected", [("C", 0), ("B#", 0), ("Cb", 11), ("f##", 7), ("Bbb", 9), ("bb", 10)]
)
def test_pitch_class(note: str, expected: int) -> None:
    assert pitch_class(note) == expected


def test_every_quality_of_mir_eval_is_read_with_its_third_and_seventh() -> None:
    mir_eval = pytest.importorskip("mir_eval.chord")
    for quality, bitmap in mir_eval.QUALITIES.items():
        if quality:
            tones = read_symbol(f"C:{quality}").tones
            read = {tones[degree].semitones for degree in tones} | {0}
            assert {step % 12 for step in read if step is not None} >= {
                step for step in (3, 4, 9, 10, 11) if bitmap[step]
            }
