from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from charts import shown

from jasco.charts import Chart, load_chart
from jasco.charts.abc_music import read_abc
from jasco.errors import ChartError


def tune(music: str, head: str = "M:4/4\nL:1/4\nK:C") -> str:
    return f"X:1\nT:A Song\n{head}\n{music}\n"


# Text -> chords by bar, with offsets in quarter notes; worked out by hand.
CHARTS = {
    tune('"C"CDEF | "Am"AB "G"c2 |]'): "C | Am G@2",
    tune('"C"z2"G7"z2 | Z | "F"z4 |'): "C G7@2 |  | F",
    tune('G | "C"CDEF | "G"G3 |]'): " | C | G",
    tune('|: "C"C4 | "G"G4 :| "F"F4 |]'): "C | G | C | G | F",
    tune('"C"C4 :: "G"G4 :| "F"F4 |]'): "C | C | G | G | F",
    tune('|:"C"C4|1"G"G4:|2"F"F4||"A"A4|]'): "C | G | C | F | A",
    tune('|:"C"C4|[1,3"G"G4:|[2"F"F4:|"A"A4|]'): "C | G | C | F | C | G | A",
    tune('|:: "C"C4 ::| "F"F4 |]'): "C | C | C | F",
    tune('"C"C4 | !segno!"D"D4 | "E"E4 !dacoda!| "F"F4 !D.S.alcoda!|!coda!"G"G4 |]'):
        "C | D | E | F | D | E | G",
    tune('[|]|:"C"C4 | "D"D4 [|]:|"F"F4|'): "C | D | C | D | F",
    tune('"C"C4 | "D"D4 "^Fine"| "E"E4 "^D.C. al Fine"|]'): "C | D | E | C | D",
    tune('"^slow""C"C2 "<x""G"G2 | "@1,1 (hm)"C4 | "_below"C4 |'): "C G@2 |  | ",
    tune('"Am;C"A2 "(G)"G2 | "F(Dm)"F4 | "blah"C4'): "Am G@2 | F | ",
    tune('"C"C4 | [M:3/4]"G"G3 | [M:6/8][L:1/8]"F"F3 "A"A3 |'): "C | G | F A@3/2",
    tune('"C"(3CDE "G"G "F"F2 | "D"A>B "E"c<d |'): "C G@2 F@3 | D E@2",
    # Two parts in the order of P:.
    tune('[P:A]"C"C4 | "G"G4 |[P:B]"F"F4 |', "P:ABA2\nM:4/4\nL:1/4\nK:C"):
        "C | G | F | C | G | C | G",
    tune('[P:A]"C"C4 |[P:B]"F"F4 |', "P:(AB)2\nM:4/4\nL:1/4\nK:C"): "C | F | C | F",
    # The unit is a sixteenth below three quarters, and else an eighth.
    tune('"C"C8 "G"G8 | "F"F4 |', "M:2/4\nK:C"): "C G@2 | F",
    tune('"C"C4 "G"G4 | "F"F8 |', "K:C"): "C G@2 | F",
    tune('"C"C2 "G"G2 | "F"F3 |', "M:C|\nL:1/2\nK:C"): "C G@4 | F",
    # Only the first voice counts.
    tune('V:1\n"C"C4 | "G"G4 |\nV:2\n"F"F4 | "F"F4 |\nV:1\n"A"A4 |'): "C | G | A",
    tune('"C"C4 & "F"F4 | "G"G4 |'): "C | G",
    # A line of music that begins like a field.
    tune('A:|"C"C4|'): " |  | C",
}  # fmt: skip


@pytest.mark.parametrize("text", CHARTS)
def test_chords_begin_on_their_beats(text: str) -> None:
    assert shown(read_abc(text, None)) == CHARTS[text]


def melody(music: str, head: str = "M:4/4\nL:1/4\nK:C") -> list[tuple[Fraction, Fraction, int]]:
    return [tuple(note) for note in read_abc(tune(music, head), None).melody]


def test_keys_accidentals_and_octaves() -> None:
    keys = [key for _, _, key in melody("F^FFc' | F=C,^^f_B |", "L:1/4\nK:D")]
    assert keys == [66, 66, 66, 85, 66, 48, 79, 70]
    assert [key for *_, key in melody("FBEc", "L:1/4\nK:D dor")] == [65, 71, 64, 72]
    assert [key for *_, key in melody("FBEA", "L:1/4\nK:Ebmaj")] == [65, 70, 63, 68]
    assert [key for *_, key in melody("FCcB", "L:1/4\nK:HP")] == [66, 61, 73, 71]
    assert [key for *_, key in melody("BF", "L:1/4\nK:C exp _B ^F")] == [70, 66]
    # An accidental counts to the end of its bar, in all octaves.
    assert [key for *_, key in melody("^Cc=cC | Cc")] == [61, 73, 72, 60, 60, 72]


def test_lengths_ties_tuplets_and_chords() -> None:
    half, third = Fraction(1, 2), Fraction(2, 3)
    assert melody("C/2 D/ E3/2 F// G/4 |") == [
        (0, half, 60), (half, half, 62), (1, 3 * half, 64), (5 * half, half / 2, 65),
        (11 * half / 2, half / 2, 67),
    ]  # fmt: skip
    assert melody("C2- C-|C2 C z |") == [(0, 5, 60), (5, 1, 60)]
    assert melody("(3CDE (CD) |")[2:] == [(2 * third, third, 64), (2, 1, 60), (3, 1, 62)]
    assert melody("C>D E<F|") == [
        (0, 3 * half, 60), (3 * half, half, 62), (2, half, 64), (5 * half, 3 * half, 65),
    ]  # fmt: skip
    assert melody("[CEG]2 [Ac]-[Ac] {ag}d |") == [
        (0, 2, 60), (0, 2, 64), (0, 2, 67), (2, 2, 69), (2, 2, 72), (4, 1, 74),
    ]  # fmt: skip


def test_ties_within_brackets_are_those_of_their_notes() -> None:
    F = Fraction
    assert melody("[C-E]C2") == [(F(0), F(1), 64), (F(0), F(3), 60)]
    assert melody("[C2-E2-][CE]") == [(F(0), F(3), 60), (F(0), F(3), 64)]
    assert melody("C[C-E]C") == [(F(0), F(1), 60), (F(1), F(1), 64), (F(1), F(2), 60)]
    assert melody("[CE]-[CE]") == [(F(0), F(2), 60), (F(0), F(2), 64)]


def test_tempo_key_and_title() -> None:
    chart = read_abc(tune('"C"C4|[Q:"slow" 3/8=60]"G"G4', "Q:120\nL:1/8\nK:F#m"), None)
    assert [(change.onset, change.bpm) for change in chart.tempo_map] == [(0, 120), (2, 90)]
    assert (chart.title, chart.key) == ("A Song", "F#m")
    assert "Q:120 is read as quarter notes a minute" in chart.notes
    for value, bpm in (("1/4=96", 96), ("C=100", 50), ("1/4 1/8=60", 90), ("x", None)):
        found = read_abc(tune("C", f"Q:{value}\nL:1/8\nK:C"), None).tempo_map
        assert [change.bpm for change in found] == ([bpm] if bpm else [])


def test_a_later_metre_keeps_the_unit_length() -> None:
    found = melody("C4C4|[M:4/4]C8C8|", "M:2/4\nK:C")  # sixteenths
    assert [length for _, length, _ in found] == [1, 1, 2, 2]


def test_fields_of_another_voice_do_not_change_the_first() -> None:
    found = melody("V:1\nCF\nV:2\nL:1/16\n[K:G]F\nV:1\nCF")
    assert [(length, key) for _, length, key in found] == [(1, 60), (1, 65)] * 2


def test_groups_of_parts_are_repeated_on_their_own() -> None:
    music = 'P:A\n"C"C4|\nP:B\n"G"G4|'
    for order, played in (
        ("(AB)(AB)2", "C | G | C | G | C | G"),
        ("(A)3(B)2", "C | C | C | G | G"),
    ):
        assert shown(read_abc(tune(music, f"P:{order}\nL:1/4\nK:C"), None)) == played


def test_a_choice_is_noted() -> None:
    notes = "; ".join(read_abc(tune('V:1\n"Am;C"A2 "(G)"G2\nV:2\nC4'), None).notes)
    for words in ('of "Am;C" at bar 1 Am', 'of "(G)" at bar 1 G', "voice '1' of 2 is read"):
        assert words in notes


def test_tunes_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "tunes.abc"
    path.write_text("%abc-2.1\n\n" + tune('"C"C4') + '\nX:2\nT:Other\nK:G\n"G"G8 % "F"\n')
    assert shown(load_chart(path)) == "C"
    other: Chart = load_chart(path, song="Other", bpm=90)
    assert (shown(other), other.key) == ("G", "G")
    (tmp_path / "tune.txt").write_text(tune('"F"F4'))
    assert shown(load_chart(tmp_path / "tune.txt")) == "F"


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "no tune of ABC"),
        ("just words", "no tune of ABC"),
        (tune("z4 | z4"), "no chord and no melody"),
        (tune("C9999 D9999"), "bar 1 lasts longer"),
        (tune("Z99999"), "is no length"),
        (tune("C|" * 10_001), "more than 10,000 bars"),
        (tune("|:C4|:D4|E4:|F4:|"), "bar 2 begins a repeat within that of bar 1"),
        (tune("C" + "," * 999), "outside the keys of MIDI"),
        (tune("C|" * 200, "P:" + "(" * 9 + "A" + ")9" * 9 + "\nK:C\nP:A"), "more than 10,000"),
        (tune("[" + "C" * 100_001 + "]"), "more than 100,000 notes"),
        (tune("".join(f"C/{n}" for n in range(1009, 1100, 2))), "bar 1 are finer than is read"),
        (tune("|".join(f"C/{n}" for n in range(1009, 1100, 2))), "finer than is read: round"),
        (tune("[" * 20_000), "no chord and no melody"),
        (tune("|:" + "C4|" * 499 + "C4" + ":" * 60 + "|"), "with the repeats played"),
    ],
)
def test_a_broken_tune_is_one_line(text: str, words: str) -> None:
    with pytest.raises(ChartError, match=words) as caught:
        read_abc(text, None)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
