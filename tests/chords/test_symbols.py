from __future__ import annotations

import pytest

from jasco.chords import CHORD_NAMES, ChordProgression
from jasco.errors import ChordError


def read(token: str, key: str | None = None) -> tuple[str, tuple[str, ...]]:
    progression = ChordProgression.from_pairs([(token, 0.0)], key=key)
    return progression.names[0], progression.notices


# What each spelling means; nothing is lost, so nothing is reported.
SPELLINGS = {
    "C": "C CM Cmaj CMaj Cmajor C:maj (C) C/1 C:maj/1 Ｃ".split(),
    "Cmaj7": "Cmaj7 CM7 C^7 C^ C△7 C△ CΔ CMaj7 CMA7 Cma7 C7M Cj7 C(maj7) C:maj7".split(),
    "C7": "C7 Cdom7 C:7 C(7) C⁷".split(),
    "C6": "C6 Cadd6 CM6 C:maj6".split(),
    "Cm": "Cm Cmin CMIN Cminor C- Cmi C:min C–".split(),
    "Cm7": "Cm7 Cmin7 C-7 Cmi7 CMI7 C–7 C−7 C:min7".split(),
    "Cm6": "Cm6 C-6 Cmin6 C:min6".split(),
    "Cdim": "Cdim C° Co Cº CDIM C:dim".split(),
    "Caug": "Caug C+ C(#5) C:aug".split(),
    "Cm7b5": "Cm7b5 Cø Cø7 CØ7 C-7b5 Cm7(b5) Cm7-5 Ch7 Chdim7 Cmin7♭5 C:hdim7 C:min7(b5)".split(),
    "F#m7b5": "F#m7b5 F♯ø F＃m7b5".split(),
    "Bbm7": "Bbm7 B♭m7 B♭–7 Bb:min7".split(),
    "G/B": "G/B G⁄B G:maj/3 G/3".split(),
    "C/D": "C/D Cadd9/D C:maj/2 C/9".split(),
    "C7/E": "C7/E C:7/3".split(),
    "C#/E#": ["C#/E#", "C♯/E♯"],
    "Bm7b5/A": "Bm7b5/A Bø/A B:hdim7/b7".split(),
    "N": "N NC N.C. N.C n.c. n".split(),
    "UNK": ["UNK"],
}


@pytest.mark.parametrize(
    "token, name", [(token, name) for name, tokens in SPELLINGS.items() for token in tokens]
)
def test_spellings_of_one_chord(token: str, name: str) -> None:
    assert read(token) == (name, ())


@pytest.mark.parametrize(
    "line",
    [
        # Enharmonic roots and basses.
        "Db -> C# (respelled)",
        "D# -> Eb (respelled)",
        "Gbm7 -> F#m7 (respelled)",
        "G# -> Ab (respelled)",
        "A#:min7 -> Bbm7 (respelled)",
        "Cb -> B (respelled)",
        "E#m -> Fm (respelled)",
        "B𝄫 -> A (respelled)",
        "F##m -> Gm (respelled)",
        "Gb/Bb -> F#/A# (respelled)",
        "C#/F -> C#/E# (respelled)",
        "C/A# -> C/Bb (respelled)",
        "am -> Am (respelled)",
        "bb7 -> Bb7 (respelled)",
        "C/C -> C (respelled)",
        # The same sound under another name of the vocabulary.
        "C7/Bb -> C/Bb (respelled)",
        "Ddim/C -> Dm7b5/C (respelled)",
        # Functional kinds of MusicXML and music21.
        "CIt+6 -> Ab7/C (respelled; dropped: no5)",
        "CGer -> Ab7/C (respelled)",
        "GFr -> Eb7/G (respelled; dropped: b5)",
        "CN6 -> C#/E# (respelled)",
        "CTristan -> Cm7b5 (respelled)",
        # Basses the vocabulary does not have.
        "Am7/G -> Am7 (dropped: /G)",
        "Cm/Eb -> Cm (dropped: /Eb)",
        "C:maj7/3 -> Cmaj7 (dropped: /3)",
        "C7/G -> C7 (dropped: /G)",
        # Extensions.
        "Csus4 -> C (dropped: sus4)",
        "Csus -> C (dropped: sus)",
        "Cpower -> C (dropped: power)",
        "Cpedal -> C (dropped: pedal)",
        "C:sus2 -> C (dropped: sus2)",
        "C7sus4 -> C7 (dropped: sus4)",
        "C9sus4 -> C7 (dropped: 9, sus4)",
        "Cmsus4 -> Cm (dropped: sus4)",
        "C9 -> C7 (dropped: 9)",
        "C11 -> C7 (dropped: 11)",
        "C13 -> C7 (dropped: 13)",
        "Cm9 -> Cm7 (dropped: 9)",
        "Cmaj9 -> Cmaj7 (dropped: 9)",
        "Cmaj7#11 -> Cmaj7 (dropped: #11)",
        "C7b9 -> C7 (dropped: b9)",
        "C7-9 -> C7 (dropped: -9)",
        "C7(b9,#11) -> C7 (dropped: b9, #11)",
        "C7alt -> C7 (dropped: alt)",
        "C7b5 -> C7 (dropped: b5)",
        "Cadd9 -> C (dropped: add9)",
        "C(add9) -> C (dropped: add9)",
        "Cmadd9 -> Cm (dropped: add9)",
        "C6/9 -> C6 (dropped: 9)",
        "Cm69 -> Cm6 (dropped: 9)",
        "C5 -> C (dropped: 5)",
        "C2 -> C (dropped: 2)",
        "C4 -> C (dropped: 4)",
        "Cno3 -> C (dropped: no3)",
        "C°7 -> Cdim (dropped: 7)",
        "C:dim7 -> Cdim (dropped: 7)",
        "CmM7 -> Cm (dropped: maj7)",
        "C:minmaj7 -> Cm (dropped: maj7)",
        "C-^7 -> Cm (dropped: maj7)",
        "C+7 -> Caug (dropped: 7)",
        "C7#5 -> Caug (dropped: 7)",
        "Cm#5 -> Cm (dropped: #5)",
        "C:maj(9) -> C (dropped: 9)",
        "C:min7(*5,11) -> Cm7 (dropped: *5, 11)",
        "C:maj(*1) -> C (dropped: *1)",
        "C:1 -> C (dropped: 1)",
        # Several at once.
        "Db7sus4/Ab -> C#7 (respelled; dropped: sus4, /Ab)",
        "C9/Bb -> C/Bb (respelled; dropped: 9)",
        "Cb5 -> B (respelled; dropped: 5)",
        "C(b5) -> C (dropped: b5)",
        "Bbb5 -> Bb (dropped: b5)",
        "X -> UNK (unknown chord)",
    ],
)
def test_each_change_is_reported(line: str) -> None:
    token, _, rest = line.partition(" -> ")
    assert read(token) == (rest.partition(" ")[0], (line,))


def test_harte_degrees_alone() -> None:
    assert read("C:(1,b3,5)") == ("Cm", ())
    assert read("C:(1,3,5,b7)") == ("C7", ())


@pytest.mark.parametrize(
    "token, suggestion",
    [
        ("H7", "B7"),
        ("G/H", "G/B"),
        ("Cmaj7xyz", "Cmaj7"),
        ("Amin77", "Amin7"),
        ("C7/", "C7"),
        ("C:majj", "C:maj"),
        ("Cmjaor", "Cmaj7"),
        ("C(", "C"),
        ("Csuss4", "Csus"),
    ],
)
def test_the_nearest_readable_spelling(token: str, suggestion: str) -> None:
    with pytest.raises(ChordError) as caught:
        read(token)
    error = caught.value
    assert (error.token, error.position, error.suggestion) == (token, 0, suggestion)
    assert repr(token) in str(error) and repr(suggestion) in str(error)
    assert read(suggestion)[0] in CHORD_NAMES


@pytest.mark.parametrize("token", ["", "☃", "_", "1e5", "C##b#", "Q7", "C77", "C64", "C:", "C:(x)"])
def test_what_is_no_chord_is_an_error(token: str) -> None:
    with pytest.raises(ChordError) as caught:
        read(token)
    assert caught.value.position == 0 and caught.value.token == token


@pytest.mark.parametrize(
    "key, numerals, names",
    [
        ("C", "I ii iii IV V vi viio", "C Dm Em F G Am Bdim"),
        ("C major", "I IVmaj7 V7 ii7 viiø7 VIm I+", "C Fmaj7 G7 Dm7 Bm7b5 Am Caug"),
        ("C", "i bVII bVI V7 #iv° bIII", "Cm Bb Ab G7 F#dim Eb"),
        ("Am", "i bVII bVI V7", "Am G F E7"),
        ("A minor", "i iv V VI VII III iio", "Am Dm E F G C Bdim"),
        ("A minor", "viio #viio vi #VI #VII", "Abdim Abdim F#m F# Ab"),
        ("C", "V7/V V7/vi viio/ii V/V/V iv/ii", "D7 E7 C#dim A Gm"),
        ("C", "I/3 V/7 IV/E I/G", "C/E G/B F C/G"),
        ("F# major", "I V7 vi", "F# C#7 Ebm"),
        ("Bb", "Ⅰ Ⅳ ⅵ Ⅴ⁷", "Bb Eb Gm F7"),
        ("C", "1 6- 4 5", "C Am F G"),
        ("C", "1 5/7 6- 4 2m7 57 4^7 7°", "C G/B Am F Dm7 G7 Fmaj7 Bdim"),
        ("G", "1 b7 4/1 1/3", "G F C/G G/B"),
        ("a minor", "1- 4- 5 6 b6 b7 3", "Am Dm E F F G C"),
        ("Eb", "I Cm7 F/A N.C. B♭7", "Eb Cm7 F/A N Bb7"),  # letters still mean themselves
    ],
)
def test_numerals(key: str, numerals: str, names: str) -> None:
    pairs = [(token, float(index)) for index, token in enumerate(numerals.split())]
    progression = ChordProgression.from_pairs(pairs, key=key)
    assert list(progression.names) == names.split()


def test_numerals_report_what_they_lose_and_not_how_they_are_spelled() -> None:
    assert read("Vsus4", key="C") == ("G", ("Vsus4 -> G (dropped: sus4)",))
    assert read("IV", key="Ab") == ("C#", ())


@pytest.mark.parametrize("token", ["I", "vi", "V7/V", "bVII", "6-", "4"])
def test_numerals_ask_for_a_key(token: str) -> None:
    with pytest.raises(ChordError, match="key=") as caught:
        read(token)
    assert caught.value.token == token


@pytest.mark.parametrize("token", ["VIII", "IIII", "V/", "8", "I64", "1/8", "V/" * 2000 + "V/x"])
def test_numerals_that_are_none(token: str) -> None:
    with pytest.raises(ChordError):
        read(token, key="C")


@pytest.mark.parametrize("key", ["", "H", "c", "C dorian", "major", "12", 7])
def test_keys_that_cannot_be_read(key: str) -> None:
    with pytest.raises(ChordError, match="'A minor'|'C minor'") as caught:
        read("I", key=key)
    assert caught.value.position == 0


@pytest.mark.parametrize("key", ["Am", "A minor", "a minor", "A:min", "a-", "A min", "Am ", "am"])
def test_spellings_of_a_key(key: str) -> None:
    assert read("VI", key=key) == ("F", ())


# Names that people send, each in a bar of a chart.
SENT = [
    ("Cdom", "C7", ()),
    ("C9/6", "C6", ("C9/6 -> C6 (dropped: 9)",)),
    ("Ch9", "Cm7b5", ("Ch9 -> Cm7b5 (dropped: 9)",)),
    ("C7susadd3", "C7", ("C7susadd3 -> C7 (dropped: sus)",)),
    ("C7add3sus", "C7", ("C7add3sus -> C7 (dropped: sus)",)),
    ("Cm/maj7", "Cm", ("Cm/maj7 -> Cm (dropped: maj7)",)),
    ("C11omit3,7", "C", ("C11omit3,7 -> C (dropped: 11, omit3,7)",)),
    ("C7(b9, 13)", "C7", ("C7(b9, 13) -> C7 (dropped: b9, 13)",)),
    ("Am7/C", "C6", ("Am7/C -> C6 (respelled)",)),
    ("C6/A", "Am7", ("C6/A -> Am7 (respelled)",)),
]


@pytest.mark.parametrize("token, name, report", SENT)
def test_names_that_people_send(token: str, name: str, report: tuple[str, ...]) -> None:
    progression = ChordProgression.parse(f"{token} | G", bpm=60)
    assert progression.names == (name, "G") and progression.onsets == (0.0, 4.0)
    assert progression.notices == report


@pytest.mark.parametrize(
    "token, hint",
    [("Do", "'C'"), ("Fis", "'F#'"), ("Es", "'Eb'"), ("As", "'Ab'"), ("Bflat", "'Bb'")]
    + [("F sharp", "F#")],
)
def test_names_of_other_languages_get_a_hint(token: str, hint: str) -> None:
    with pytest.raises(ChordError, match=hint):
        ChordProgression.parse(f"{token} | G", bpm=60)
