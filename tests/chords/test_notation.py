from __future__ import annotations

import pytest

from jasco.chords import ChordProgression
from jasco.errors import ChordError

parse = ChordProgression.parse


def at(text: str, **settings: object) -> list[tuple[str, float]]:
    return parse(text, **settings).pairs()  # type: ignore[arg-type]


def test_bars_share_their_time_evenly() -> None:
    progression = parse("C Am | F G7 | %", bpm=100, time_signature="4/4")
    onsets = [0.0, 1.2, 2.4, 3.6, 4.8, 6.0]
    assert progression.pairs() == list(zip("C Am F G7 F G7".split(), onsets, strict=True))
    assert progression.end == 7.2
    assert progression.notices == ()


def test_commas_share_a_bar_and_spaces_end_it() -> None:
    progression = parse("C G,G:7 E:min", bpm=120)
    assert progression.pairs() == [("C", 0.0), ("G", 2.0), ("G7", 3.0), ("Em", 4.0)]
    assert progression.end == 6.0


@pytest.mark.parametrize(
    "text",
    [
        "C:0 Am:2.5",
        "C:0, Am:2.5",
        "C:0s; Am:2.5s",
        "C:maj:0\nA:min:2.5",
        "(C, 0.0), (Am, 2.5)",
        "(C,0)(Am,2.5)",
        '[["C", 0.0], ["Am", 2.5]]',
        '["C", 0.0], ["Am", 2.5]',
        '[("C", 0.0), ("Am", 2.5)]',
        "[('C', 0.0), ('Am', 2.5),]",
        "[C, 0.0], [Am, 2.5]",
        "（C，0.0），（Am，2.5）",
        "[Intro] C:0 [Verse 1] Am:2.5",
    ],
)
def test_notations_with_times(text: str) -> None:
    assert parse(text) == ChordProgression(("C", "Am"), (0.0, 2.5))
    labels = tuple(f"{tag} is a section label" for tag in ("[Intro]", "[Verse 1]") if tag in text)
    assert parse(text).notices == labels


def test_pairs_may_hold_brackets_commas_and_escapes() -> None:
    text = r'[["C:maj7(9,11)", 0], ["B\u266dm7", 1e0], ["G/B", 2]]'
    assert at(text) == [("Cmaj7", 0.0), ("Bbm7", 1.0), ("G/B", 2.0)]
    assert at("(C:maj(9,11), 0), (G/B, 1)") == [("C", 0.0), ("G/B", 1.0)]


def test_a_sheet_with_tags_and_lines() -> None:
    text = """
    [Verse 1]
    | C Am | F . . G |
    | %    |
    [Chorus]
    F || G |]
    """
    progression = parse(text, bpm=120)
    assert progression.pairs() == [
        *[("C", 0.0), ("Am", 1.0), ("F", 2.0), ("G", 3.5), ("F", 4.0), ("G", 5.5)],
        *[("F", 6.0), ("G", 8.0)],
    ]
    assert progression.end == 10.0
    assert progression.bars == (0.0, 2.0, 4.0, 6.0, 8.0)
    assert progression.notices == ("[Verse 1] is a section label", "[Chorus] is a section label")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("C . . G", [("C", 0), ("G", 3)]),
        ("C / / G", [("C", 0), ("G", 3)]),
        ("C ///|G", [("C", 0), ("G", 4)]),
        ("C | . G", [("C", 0), ("G", 6)]),
        ("C | . G | %", [("C", 0), ("G", 6), ("C", 8), ("G", 10)]),
        ("|: C | G :| F", [("C", 0), ("G", 4), ("C", 8), ("G", 12), ("F", 16)]),
        ("C | G :|: F :|", [("C", 0), ("G", 4), ("C", 8), ("G", 12), ("F", 16), ("F", 20)]),
        ("C | % | %", [("C", 0), ("C", 4), ("C", 8)]),
        ("C｜Am，F｜％", [("C", 0), ("Am", 4), ("F", 6), ("Am", 8), ("F", 10)]),
        ("C│G\n\n│Am", [("C", 0), ("G", 4), ("Am", 8)]),
        ("(G7) | N.C. | C:maj(9,11)", [("G7", 0), ("N", 4), ("C", 8)]),
        ("C G,. F", [("C", 0), ("G", 4), ("F", 8)]),
        ("C %", [("C", 0), ("C", 4)]),
        ("C | G %", None),
        ("C . . . G . . .", [("C", 0), ("G", 4)]),
        ("C . . G / . F .", [("C", 0), ("G", 3), ("F", 6)]),
        ("C | % . | G", [("C", 0), ("C", 4), ("G", 8)]),
        ("C G | % . . . | F", [("C", 0), ("G", 2), ("C", 4), ("G", 6), ("F", 8)]),
    ],
)
def test_signs_of_bars(text: str, expected: list[tuple[str, float]] | None) -> None:
    if expected is None:
        with pytest.raises(ChordError, match="stands alone"):
            parse(text, bpm=60)
    else:
        assert at(text, bpm=60) == expected


@pytest.mark.parametrize(
    "time_signature, bar",
    [("4/4", 4), ("3/4", 3), ("6/8", 6), ("5/4", 5), ("7/8", 7), ("12/8", 12), ("2/2", 2)],
)
def test_bpm_counts_the_notes_of_the_denominator(time_signature: str, bar: int) -> None:
    progression = parse("C | G", bpm=90, time_signature=time_signature)
    assert progression.onsets == pytest.approx((0.0, bar * 60 / 90))
    assert progression.end == pytest.approx(2 * bar * 60 / 90)


def test_numerals_in_bars() -> None:
    assert at("I vi | IV V7/V", bpm=120, key="C") == [
        *[("C", 0.0), ("Am", 1.0), ("F", 2.0), ("D7", 3.0)]
    ]
    assert at("1 | 5/7 | 6- | 4", bpm=240, key="G") == [
        *[("G", 0.0), ("D/F#", 1.0), ("Em", 2.0), ("C", 3.0)]
    ]
    assert at("i:0 VI:2", key="Am") == [("Am", 0.0), ("F", 2.0)]


def test_harte_sevenths_are_told_from_times() -> None:
    assert at("C:7", bpm=60) == [("C7", 0.0)]
    assert at("C:7 | F:9", bpm=60) == [("C7", 0.0), ("F7", 4.0)]
    assert at("C:7.0") == [("C", 7.0)]
    assert at("C:5 F:9 G:12") == [("C", 5.0), ("F", 9.0), ("G", 12.0)]
    assert at("C:7:0 F:7:2") == [("C7", 0.0), ("F7", 2.0)]
    with pytest.raises(ChordError, match=r"'C:7\.0' has a time"):
        parse("C:7")


@pytest.mark.parametrize(
    "text, settings, notice",
    [
        ("Am:2.5 C:0", {}, "sorted by onset"),
        ("C:0 Am:0", {}, "C and Am both begin at 0 s: Am sounds"),
        ("C:0", {"bpm": 100}, "bpm is not used: the chords carry their own times"),
        ("(C, 0)", {"bpm": 100}, "bpm is not used: the chords carry their own times"),
        ("[A] C | G", {"bpm": 60}, "[A] is a rehearsal letter and not a chord"),
        ("[C] Am | G", {"bpm": 60}, "[C] is read as a chord"),
        ("[Verse] C | G", {"bpm": 60}, "[Verse] is a section label"),
        ("[tempo 90] C | G", {"bpm": 60}, "bpm is not used: the chart says 90"),
        (
            "[3/4] C | G",
            {"bpm": 60, "time_signature": "4/4"},
            "time_signature is not used: the chart says 3/4",
        ),
        ("C:0 [3/4] G:2", {}, "[3/4] is not used: the chords carry their own times"),
        ("C, G", {"bpm": 60}, "a comma beside a space: the space ends the bar"),
        (
            "C G",
            {"bpm": 60},
            "no bar line: each chord lasts a bar, and they repeat to the end of the clip (| ends a "
            "bar)",
        ),
        (
            "C . G",
            {"bpm": 60},
            "no bar line: the chords of a line share one bar (| ends a bar)",
        ),
        ("Csus4 | Csus4", {"bpm": 60}, "Csus4 -> C (dropped: sus4)"),
    ],
)
def test_nothing_happens_in_silence(text: str, settings: dict[str, float], notice: str) -> None:
    assert parse(text, **settings).notices == (notice,)


@pytest.mark.parametrize(
    "text, settings, position, token, words",
    [
        ("C Am | F Gx7", {"bpm": 100}, 9, "Gx7", "nearest readable name is 'G7'"),
        ("C:0 Foo:2", {}, 4, "Foo", "position 4"),
        ("[X] (C | G", {"bpm": 100}, 4, "(C", "root"),
        ('[["C", 0], ["Hm", 2]]', {}, 13, "Hm", "'Bm'"),
        ("C Am | F G", {}, 0, "C", "bpm=100"),
        ("C | [tempo 90] F", {}, 0, "C", "bpm=100"),
        ("C Am F G", {}, 0, "C", "bpm=100"),
        ("[Verse] C | F", {}, 8, "C", "bpm"),
        ("I | V", {"bpm": 100}, 0, "I", "key="),
        ("I | V", {}, 0, "I", "key="),
        ("C | G", {"bpm": 0}, 0, "0", "20 to 600"),
        ("C | G", {"bpm": -100}, 0, "-100", "20 to 600"),
        ("C | G", {"bpm": float("nan")}, 0, "nan", "20 to 600"),
        ("C | G", {"bpm": float("inf")}, 0, "inf", "20 to 600"),
        ("C | G", {"bpm": "100"}, 0, "100", "20 to 600"),
        ("C | G", {"bpm": 10**5000}, 0, "int", "20 to 600"),
        ("C | G", {"bpm": 100, "time_signature": "4/3"}, 0, "4/3", "'6/8'"),
        ("C | G", {"bpm": 100, "time_signature": "0/4"}, 0, "0/4", "'6/8'"),
        ("", {}, 0, "", "no chord"),
        (" \n | ", {}, 0, " \n | ", "no chord"),
        ("[]", {}, 0, "[]", "not a pair"),
        ("% | C", {"bpm": 60}, 0, "%", "no bar before"),
        ("C | G % ", {"bpm": 60}, 6, "%", "stands alone"),
        (". C", {"bpm": 60}, 0, ".", "no chord before"),
        ("C | | G", {"bpm": 60}, 4, "|", "empty"),
        ("C – – G", {"bpm": 60}, 2, "–", "write . to hold"),
        ("C – | G", {"bpm": 60}, 2, "–", "write . to hold"),
        ("C :7 | G : ", {"bpm": 60}, 2, ":7", "root"),
        ("C:0 Am", {}, 4, "Am", "has no time"),
        ("C:0 :2", {}, 4, ":2", "has no time"),
        ("C:0 Am:-2", {}, 4, "Am", "0 or more"),
        ("C:" + "9" * 400, {}, 0, "C", "seconds"),
        ("C | Am:2.5", {"bpm": 60}, 4, "Am:2.5", "bars do not"),
        ("(C, 0.0), (Am, x)", {}, 11, "Am", "'x'"),
        ("(C, 0.0), (Am, nan)", {}, 11, "Am", "'nan'"),
        ("(C, 0.0), Am", {}, 10, "Am", "not a pair"),
        ("(C, 0.0), (Am)", {}, 10, "(Am)", "not a pair"),
    ],
)
def test_errors_say_where_and_what(
    text: str, settings: dict[str, object], position: int, token: str, words: str
) -> None:
    with pytest.raises(ChordError) as caught:
        parse(text, **settings)  # type: ignore[arg-type]
    assert (caught.value.position, caught.value.token) == (position, token)
    assert words in str(caught.value)
