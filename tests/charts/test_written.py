from __future__ import annotations

from fractions import Fraction

import pytest

from jasco.charts.written import Draft, WrittenBar, playing_order
from jasco.chords.metre import COMMON
from jasco.errors import ChartError


def bars(text: str) -> list[WrittenBar]:
    """Bars parted by blanks: a letter and signs, such as ``A{`` or ``B}`` (see `SIGNS`)."""
    return [_bar(word) for word in text.split()]


def _bar(word: str) -> WrittenBar:
    bar = WrittenBar(COMMON, section=word[0])
    for sign in word[1:]:
        if sign.isdigit():
            bar.endings |= {int(sign)}
        elif sign in SIGNS:
            name, value = SIGNS[sign]
            setattr(bar, name, value)
    return bar


SIGNS: dict[str, tuple[str, object]] = {
    "{": ("starts_repeat", True),
    "}": ("ends_repeat", 2),
    "*": ("ends_repeat", 3),
    "$": ("segno", True),
    "o": ("coda", True),
    "q": ("to_coda", True),
    ".": ("fine", True),
    "c": ("jump", "D.C."),
    "s": ("jump", "D.S."),
    "F": ("until", "Fine"),
    "C": ("until", "Coda"),
    "!": ("until", "2"),
    "&": ("repeats_after_jump", True),
}

ORDERS = {
    "A B C": "ABC",
    "A{ B} C": "ABABC",
    "A B} C D}": "ABABCDCD",  # without a beginning: from the last repeat on
    "A{* B": "AAAB",
    "A{ B1} C2 D": "ABACD",
    "A{ B1} C2} D": "ABACD",
    "A{ B12} C3 D": "ABABACD",
    "A{ B1} C2} D3 E": "ABACADE",
    "A{ B1} C": "ABAC",
    "A{ B12} C": "ABABAC",
    "A{ B1 b1} C2 c2 D{ E1} F2": "ABbACcDEDF",
    "A{ B C{ D}": "ABCDCD",  # the first is never closed
    "A B. Cc": "ABCAB",
    "A B. CcF": "ABCAB",
    "A B$ C. DsF E": "ABCDBC",
    "A Bq CcC Do E": "ABCABDE",
    "A{ B1}& C2 Dc E": "ABACDABACDE",  # after-jump on the ending that ends the repeat
    "A{ B1} C2 Dc E": "ABACDACDE",
    "A{ B1}& C2. Dc": "ABACDABAC",
    "A{q B}& CcC Do": "ABABCABAD",  # to the coda in the last turn
    "A{q B} CcC Do": "ABABCAD",
    "A B$q CsC Do": "ABCBD",
    "A{ B1} C2 Dc": "ABACDACD",
    "A{ B1} C2q DcC Eo F": "ABACDACEF",
    "A{ B1q} C2 DcC Eo": "ABACDABE",
    "A{} B. Cc": "AABCAB",
    "A{}& B. Cc": "AABCAAB",
    "A{ B1} C2. DcF": "ABACDAC",
    "A{ B1} C2 Dc!": "ABACDAC",
    "A B Cc D": "ABCABCD",
    "A{} Bq CcC Do{ E}": "AABCABDEDE",
    "A Bs C": "ABABC",
    "A Bq CcC D": "ABCABCD",
}


@pytest.mark.parametrize("text", ORDERS)
def test_bars_are_played_in_order(text: str) -> None:
    written = bars(text)
    order = playing_order(written, [])
    assert "".join(written[index].section for index in order) == ORDERS[text]


def test_the_coda_of_a_song_without_jumps_follows_the_last_repeat() -> None:
    written = bars("A{q B} Co")
    assert playing_order(written, [], has_outro=True) == [0, 1, 0, 2]


def test_marks_without_their_goal_are_noted() -> None:
    notes: list[str] = []
    playing_order(bars("A Bs C"), notes)
    playing_order(bars("A Bq CcC D"), notes)
    assert notes == [
        "D.S. without a segno: played from the beginning",
        "bar 2 leads to a coda that is not there: the bars go on",
    ]


def test_repeats_within_repeats_and_too_many_bars_are_refused() -> None:
    with pytest.raises(ChartError, match="bar 2 begins a repeat within that of bar 1"):
        playing_order(bars("A{ B{ C} D}"), [])
    many = [WrittenBar(COMMON, ends_repeat=100) for _ in range(101)]
    with pytest.raises(ChartError, match="more than 10,000 bars with the repeats played"):
        playing_order(many, [])


def test_chords_tempo_and_metre_of_a_repeat_are_those_written_there() -> None:
    draft = Draft()
    for word in ("A", "B{", "C}"):
        draft.add(_bar(word))
    one, _, three = draft.bars
    one.chords, one.tempi = [(Fraction(0), "C")], [(Fraction(0), Fraction(100))]
    three.chords, three.tempi = [(Fraction(2), "G")], [(Fraction(2), Fraction(50))]
    chart = draft.chart()
    assert [(c.onset, c.name) for c in chart.chords] == [(0, "C"), (10, "G"), (12, "C"), (18, "G")]
    changes = [(change.onset, change.bpm) for change in chart.tempo_map]
    assert changes == [(0, 100), (10, 50), (12, 100), (18, 50)]
    assert [(s.onset, s.name) for s in chart.sections] == [
        (0, "A"), (4, "B"), (8, "C"), (12, "B"), (16, "C"),
    ]  # fmt: skip
