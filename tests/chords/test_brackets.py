"""What stands in brackets counts, is named in the report, or is an error with a position."""

from __future__ import annotations

import re

import pytest

from jasco.chords import ChordProgression
from jasco.errors import ChordError

# chart (60 bpm, so that a beat is a second) -> chords, end
CHARTS: dict[str, tuple[list[tuple[str, float]], float]] = {
    # chords
    "C | [G/B] | Am": ([("C", 0), ("G/B", 4), ("Am", 8)], 12),
    "C | [N.C.] | F": ([("C", 0), ("N", 4), ("F", 8)], 12),
    "C | [%] | F": ([("C", 0), ("C", 4), ("F", 8)], 12),
    "C [.] [.] G | F": ([("C", 0), ("G", 3), ("F", 4)], 8),
    "C | [G Am] | F": ([("C", 0), ("G", 4), ("Am", 6), ("F", 8)], 12),
    "[Am] C | F": ([("Am", 0), ("C", 2), ("F", 4)], 8),
    "C | ［G/B］ | Am": ([("C", 0), ("G/B", 4), ("Am", 8)], 12),
    "C, [G], F": ([("C", 0), ("G", 4), ("F", 8)], 12),
    "[C:0] [Am7:2.5]": ([("C", 0), ("Am7", 2.5)], 2.5),
    "C | [no chord] | G": ([("C", 0), ("N", 4), ("G", 8)], 12),
    "C | [C-Am] | G": ([("C", 0), ("C", 4), ("Am", 6), ("G", 8)], 12),
    "C | [C,Am] | G": ([("C", 0), ("C", 4), ("Am", 6), ("G", 8)], 12),
    "[Intro: C G] | F": ([("C", 0), ("G", 2), ("F", 4)], 8),
    "[Verse x2: C] | F": ([("C", 0), ("F", 4), ("C", 8), ("F", 12)], 16),
    # what looks like these and is a label
    "[Part: A] C | [B flat clarinet] G": ([("C", 0), ("G", 4)], 8),
    "[Solo] C | [Bass] G | [La la] F": ([("C", 0), ("G", 4), ("F", 8)], 12),
    "[II] C | F": ([("C", 0), ("F", 4)], 8),
    # letters that stand alone
    "C | [G] | Am": ([("C", 0), ("G", 4), ("Am", 8)], 12),
    "[C] [G] [Am]": ([("C", 0), ("G", 4), ("Am", 8)], 12),
    "[A] C | G | [B] F": ([("C", 0), ("G", 4), ("F", 8)], 12),
    "[A]\nC | G\n[B]\nF\n[A]\nC": ([("C", 0), ("G", 4), ("F", 8), ("C", 12)], 16),
    "[A1] C | [A2] G": ([("C", 0), ("G", 4)], 8),
    "C | [B] F": ([("C", 0), ("B", 4), ("F", 6)], 8),
    # metre
    "[4/4] C | [3/4] Am | F": ([("C", 0), ("Am", 4), ("F", 7)], 10),
    "[3/4] C F | G": ([("C", 0), ("F", 1.5), ("G", 3)], 6),
    "[6/8] C | G": ([("C", 0), ("G", 6)], 12),
    "C | [6/8] G | [2/2] F": ([("C", 0), ("G", 4), ("F", 7)], 11),
    "C | [3/4] % | F": ([("C", 0), ("C", 4), ("F", 7)], 10),
    "[time 3/4] C | G": ([("C", 0), ("G", 3)], 6),
    "|: C | [3/4] G :| F": ([("C", 0), ("G", 4), ("C", 7), ("G", 11), ("F", 14)], 17),
    "C [3/4] G F": ([("C", 0), ("G", 4), ("F", 7)], 10),
    # tempo
    "[tempo 60] C": ([("C", 0)], 4),
    "[tempo 120] C | G": ([("C", 0), ("G", 2)], 4),
    "C | [tempo: 120] G | [30 bpm] F": ([("C", 0), ("G", 4), ("F", 6)], 14),
    "[♩=120] C | G": ([("C", 0), ("G", 2)], 4),
    "[tempo 120] [6/8] C | G": ([("C", 0), ("G", 3)], 6),
    "[6/8] [tempo 120] C | [2/4] G": ([("C", 0), ("G", 3)], 5),
    # sections
    "[Verse x2] C": ([("C", 0), ("C", 4)], 8),
    "[Verse 2x] C | G [Chorus] F": (
        [("C", 0), ("G", 4), ("C", 8), ("G", 12), ("F", 16)],
        20,
    ),
    "[Intro] C [Verse (x3)] G [Outro] F": (
        [("C", 0), ("G", 4), ("G", 8), ("G", 12), ("F", 16)],
        20,
    ),
    "[Verse 1, 2 times] C |": ([("C", 0), ("C", 4)], 8),
    "[Verse twice] C |": ([("C", 0), ("C", 4)], 8),
    "[A x2] C | [B] F": ([("C", 0), ("C", 4), ("F", 8)], 12),
    "[Verse x2] C | [3/4] G [End] F": (
        [("C", 0), ("G", 4), ("C", 7), ("G", 11), ("F", 14)],
        17,
    ),
    "[Verse 2] C | [8va] G | [Coda] F": ([("C", 0), ("G", 4), ("F", 8)], 12),
    "[Bridge/Outro] C | [Break] G": ([("C", 0), ("G", 4)], 8),
    # key
    "[key G] I | V | [key: A minor] i | [VI]": ([("G", 0), ("D", 4), ("Am", 8), ("F", 12)], 16),
}


@pytest.mark.parametrize("text", CHARTS)
def test_what_brackets_say(text: str) -> None:
    chords, end = CHARTS[text]
    progression = ChordProgression.parse(text, bpm=None if ":0]" in text else 60)
    assert progression.pairs() == chords
    assert (chords[-1][1] if progression.end is None else progression.end) == end


@pytest.mark.parametrize(
    "text, labels",
    [
        ("[Verse] C | G", ["[Verse] is a section label"]),
        ("[Verse x2] C | G", ["[Verse x2] is a section label, played 2 times"]),
        ("[A] C | G", ["[A] is a rehearsal letter and not a chord"]),
        ("[C] G | Am", ["[C] is read as a chord"]),
        ("C | [G/B]", []),
        ("[3/4] C | [tempo 90] G", []),
    ],
)
def test_the_report_names_labels(text: str, labels: list[str]) -> None:
    assert list(ChordProgression.parse(text, bpm=60).notices) == labels


# chart -> position, token
REFUSED: dict[str, tuple[int, str]] = {
    "[%] C": (1, "%"),
    "C | [Gx7] | F": (5, "Gx7"),
    "C | [G#/Z]": (5, "G#/Z"),
    "C | [4/3] F": (4, "4/3"),
    "C [3/4] Am | F": (2, "3/4"),
    "C [tempo 90] Am | F": (2, "Tempo(bpm=90.0)"),
    "[tempo 5] C": (0, "5.0"),
    "C | [bpm 6000] G": (4, "6000.0"),
    "[x2] C": (0, "[x2]"),
    "C | G [2x]": (6, "[2x]"),
    "[Am x2] C": (0, "[Am x2]"),
    "[Verse x0] C": (0, "[Verse x0]"),
    "[Verse x101] C": (0, "[Verse x101]"),
    "C | [D.S. al Coda]": (4, "[D.S. al Coda]"),
    "C | [D.C.]": (4, "[D.C.]"),
    "C | [To Coda] G": (4, "[To Coda]"),
    "C | [1.] G": (4, "[1.]"),
    "C | [Repeat] G": (4, "[Repeat]"),
    "[Capo 2] C": (0, "[Capo 2]"),
    "[key Q] I": (0, "Q"),
    "C | [ ] G": (4, "[ ]"),
    "[Verse C | G": (0, "[Verse"),
    "[Verse x2] C:0 G:2": (0, "[Verse x2]"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_followed_is_refused(text: str) -> None:
    position, token = REFUSED[text]
    with pytest.raises(ChordError) as caught:
        ChordProgression.parse(text, bpm=None if ":0" in text else 60)
    assert (caught.value.position, caught.value.token) == (position, token)


def test_brackets_with_a_key_hold_numerals() -> None:
    chords = ChordProgression.parse("1 | [5/7] | [vi] | [3/4] 4", bpm=60, key="C")
    assert chords.pairs() == [("C", 0), ("G/B", 4), ("Am", 8), ("F", 12)]
    assert chords.end == 15


@pytest.mark.parametrize(
    "bracket, message",
    [
        *(
            (f"[{name}]", f"the nearest readable name is '{near}'")
            for name, near in (
                ("Fis", "F#"),
                ("Es", "Eb"),
                ("As", "Ab"),
                ("H", "B"),
                ("H7", "B7"),
                ("Hm", "Bm"),
                ("Do", "C"),
                ("Re", "D"),
                ("Bflat", "Bb"),
            )
        ),
        ("[B flat]", "write Bb"),
        ("[F sharp]", "write F#"),
        ("[IV]", "numerals need a key"),
        *(
            (f"[{name}]", "an ending is not followed")
            for name in ("1.2.", "ending 1", "1st ending", "2nd time", "1, 2")
        ),
    ],
)
def test_a_chord_of_another_notation_is_no_label(bracket: str, message: str) -> None:
    with pytest.raises(ChordError, match=re.escape(message)) as caught:
        ChordProgression.parse(f"C | {bracket} | G", bpm=60)
    assert caught.value.position in (4, 5)


def test_notations_read_their_names_in_brackets() -> None:
    for text, options in (
        ("C | [Es] | F", {"notation": "german"}),
        ("Do | [Mib] | Fa", {"notation": "latin"}),
        ("I | [bIII] | IV", {"key": "C"}),
    ):
        pairs = ChordProgression.parse(text, bpm=60, **options).pairs()
        assert pairs == [("C", 0), ("Eb", 4), ("F", 8)]
