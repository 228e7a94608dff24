"""Charts without bar lines, and the separators that people write in their place."""

from __future__ import annotations

import pytest

from jasco.chords import ChordProgression
from jasco.errors import ChordError

FOUR = [("C", 0), ("Am", 4), ("F", 8), ("G", 12)]
# chart at 60 bpm -> chords, whether they are a loop
CHARTS: dict[str, tuple[list[tuple[str, float]], bool]] = {
    "C Am F G": (FOUR, True),
    "C\nAm\nF\nG": (FOUR, True),
    "[Verse] C Am [Chorus] F G": (FOUR, True),
    "C-Am-F-G": (FOUR, True),
    "C–Am—F-G": (FOUR, True),
    "C - Am - F - G": (FOUR, True),
    "C / Am / F / G": (FOUR, False),
    "C | Am | F | G": (FOUR, False),
    "C / Am\nF / G": (FOUR, False),
    "C G / Am F": ([("C", 0), ("G", 2), ("Am", 4), ("F", 6)], False),
    "C / G F": ([("C", 0), ("G", 2), ("F", 3)], False),  # slash notation of one bar
    "C / / G": ([("C", 0), ("G", 3)], False),
    "C-Am | F-G": ([("C", 0), ("Am", 2), ("F", 4), ("G", 6)], False),
    "C-Am, F": ([("C", 0), ("Am", 2), ("F", 4)], False),
    "C-7 F-": ([("Cm7", 0), ("Fm", 4)], True),
    "C": ([("C", 0)], False),
    "C C": ([("C", 0), ("C", 4)], False),
}


@pytest.mark.parametrize("text", CHARTS)
def test_separators(text: str) -> None:
    chords, loop = CHARTS[text]
    progression = ChordProgression.parse(text, bpm=60)
    assert progression.pairs() == chords
    assert progression.loop == loop
    assert progression.end == 4 * len(progression.bars)


@pytest.mark.parametrize(
    "text, key, names",
    [
        ("I-V-vi-IV", "C", "C G Am F"),
        ("i-bVII-bVI-V7", "A minor", "Am G F E7"),
        ("1-5-6m-4", "G", "G D Em C"),
        ("I-7 | IV-7", "C", "Cm7 Fm7"),
    ],
)
def test_numerals_between_dashes(text: str, key: str, names: str) -> None:
    assert ChordProgression.parse(text, bpm=60, key=key).names == tuple(names.split())


def test_numerals_between_dashes_ask_for_a_key() -> None:
    with pytest.raises(ChordError, match="key=") as caught:
        ChordProgression.parse("I-V-vi-IV", bpm=60)
    assert (caught.value.position, caught.value.token) == (0, "I")


@pytest.mark.parametrize("text", ["C – – G", "C -", "- C", "C - | G", "C-Foo", "C--G"])
def test_dashes_that_part_nothing(text: str) -> None:
    with pytest.raises(ChordError) as caught:
        ChordProgression.parse(text, bpm=60)
    assert caught.value.position is not None


def test_it_is_said() -> None:
    for text, notice in (
        ("C-Am-F-G", "- between chords parts them"),
        ("C / Am / F", "/ between chords ends a bar"),
    ):
        assert notice in ChordProgression.parse(text, bpm=60).notices
    (notice,) = ChordProgression.parse("C Am F G", bpm=60).notices
    assert "each chord lasts a bar" in notice and "repeat to the end of the clip" in notice
