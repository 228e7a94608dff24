from __future__ import annotations

from urllib.parse import quote

import pytest
from charts import shown

from jasco.charts import load_chart
from jasco.charts.ireal import unscrambled
from jasco.errors import ChartError


def link(music: str, *, key: str = "C", transposition: str = "", bpm: str = "0") -> str:
    """Link with one song, its bars scrambled: mirroring twice gives the same."""
    fields = ["A Song", "", "", "Medium Swing", key, transposition]
    fields += ["1r34LbKcu7" + unscrambled(music), "", "Jazz-Medium Swing", bpm, "3"]
    return "irealb://" + "=".join(map(quote, fields))


# Music -> chords by bar, with offsets in quarter notes; worked out by hand.
CHARTS = {
    "[T44C   |A-7 D7 |G^7   Z": "C | Am7 D7@2 | Gmaj7",
    # Cells are filled to the metre, and blanks given up from the first chord on.
    "[T44C D E |A-7 D7   |C,D,E,FZ": "C D@1 E@2 | Am7 D7@1 | C D@1 E@2 F@3",
    "[T44C D E F G Z": "C D@1/2 E@1 F@2 G@3",
    "[T44C,D,E,F,G,Z": "C D@1/2 E@1 F@3/2 G@2",
    "[T34C   |G7 C |D,G,CZ": "C | G7 C@1 | D G@1 C@2",
    "[T12C   |G7 C Z": "C | G7 C@3",
    "[T68C |G7 C Z": "C | G7 C@3/2",
    # A bar of blanks, and blanks before a chord.
    "[T44C   |    |  G7 Z": "C |  | G7@2",
    # Repeats of one and of two bars; r stands before a blank bar of its own.
    "[T44C G |x   |D   ]*B[E   |x   Z": "C G@2 | C G@2 | D | E | E",
    "[T44C   |D   |r   |    |x   Z": "C | D | C | D | D",
    "{T44C   |D   }{E   <3x>}": "C | D | C | D | E | E | E",
    "{T44C   |N1D   }|N2E   ]F   Z": "C | D | C | E | F",
    # The only ending is left out the second time.
    "{T44C   |N1D   }|E   Z": "C | D | C | E",
    # Bass notes of the chord before, which is none of the alternates.
    "[T44C   (E-7)|W/G   |F W/A Z": "C | C/G | F F/A@2",
    "[T44C^7   |Ch9   |C2   |C7b9sus   |n   Z": "Cmaj7 | Cm7b5 | C | C7 | N",
    "[T44C   |p GpZ": "C | G@2",
    # D.C. and D.S.: the repeats are not played again, and the last ending is.
    "{T44C   |N1D   }|N2E   |<Fine>]F   |G   <D.C. al Fine>Z": "C | D | C | E | F | G | C | E",
    "[T44C   |SD   Q|E   |<D.S. al Coda>]Q[A   Z": "C | D | E | D | A",
    "{T44C   |N1D   Q}|N2E   ]F   <D.C. al Coda>Q[A   Z": "C | D | C | E | F | C | D | A",
    # Without a jump, the coda follows its mark in the last repeat.
    "{T44C   Q|D   }Q[A   Z": "C | D | C | A",
    # Blanks between a closing and an opening line are layout.
    "[T44C   |D   ]        [E   Z        ": "C | D | E",
    "{T44C   |D   |N1E   |F   }        |N2G   |A   ][E   Z": "C | D | E | F | C | D | G | A | E",
    "{T44C   |N1D   } Y|N2sE,F,lG   Z": "C | D | C | E F@1 G@2",
    "{T44C   |N1D   }    N2E   Z": "C | D | C | E",
    "[T44C   |D   |r   ]    |E   Z": "C | D | C | D | E",
    "[T44C   |T34D   |T44E   Z": "C | D | E",
}


@pytest.mark.parametrize("music", CHARTS)
def test_chords_begin_on_their_beats(music: str) -> None:
    assert shown(load_chart(link(music))) == CHARTS[music]
    plain = f"irealbook://A Song=Someone=Swing=C=n={quote(music)}"
    assert shown(load_chart(plain)) == CHARTS[music]


def test_a_block_is_mirrored_only_while_more_than_51_characters_are_left() -> None:
    text = "".join(chr(0x4E00 + n) for n in range(152))
    mirrored = text[49:44:-1] + text[5:10] + text[39:25:-1] + text[24:26]
    mirrored += text[23:9:-1] + text[40:45] + text[4::-1]
    for length in (51, 101, 151):
        blocks = length // 50 - 1
        plain = unscrambled(text[:length])
        assert plain[50 * blocks :] == text[50 * blocks : length]
    assert unscrambled(text[:52]) == mirrored + text[50:52]
    assert unscrambled("CLZA-7XyQKcl LZ") == "C |A-7   | x  |"


def test_fields_and_songs_of_an_exported_page() -> None:
    first = link("[T44C   Z", key="A-", bpm="132").replace("A%20Song", "Blue%20%26%20Green")
    second = link("[T34F   |C   Z", key="F", transposition="2").removeprefix("irealb://")
    page = f'<html><a href="{first}==={second.replace("&", "&amp;")}===My list">songs</a></html>'
    chart = load_chart_text(page)
    assert (chart.title, chart.key, shown(chart)) == ("Blue & Green", "Am", "C")
    assert chart.tempo_map[0].bpm == 132
    assert "of 2 songs the first is taken" in chart.notes[0]
    other = load_chart_text(page, song="a song")
    assert (other.title, other.key, shown(other)) == ("A Song", "G", "G | D")
    assert other.bars[1].length == 3 and not other.tempo_map
    assert any("transposed by 2" in note for note in other.notes)
    assert load_chart_text(page, song=2) == other
    with pytest.raises(ChartError, match="give the number or the title of 1 'Blue & Green', 2"):
        load_chart_text(page, song=3)


@pytest.mark.parametrize("shape", ['<a href="{}">', "{}", "see {} >", '"{}" and "b"'])
def test_a_link_may_hold_an_apostrophe(shape: str) -> None:
    url = link("[T44C   Z").replace("A%20Song", "Ain't%20It")
    assert load_chart_text(shape.format(url)).title == "Ain't It"
    escaped = load_chart_text(shape.format(url.replace("'", "&#39;")))
    assert (escaped.title, shown(escaped)) == ("Ain't It", "C")
    assert load_chart_text(f"<a href='{link('[T44C   Z')}'>it's</a>").title == "A Song"


def load_chart_text(text: str, song: int | str | None = None):
    from jasco.charts.ireal import read_ireal

    return read_ireal(text, song)


def test_sections_tempo_and_notes() -> None:
    chart = load_chart(link("*A{T68C   |D   }*B[E   Z", bpm="60"))
    assert [(s.onset, s.name) for s in chart.sections] == [(0, "A"), (6, "A"), (12, "B")]
    assert chart.tempo_map[0].bpm == 90  # 60 dotted quarters
    assert any("is not played: onsets are even" in note for note in chart.notes)
    unread = load_chart(link("[T44C   |B*blah*   Z"))
    assert shown(unread) == "C | "
    assert any("bar 2" in note and "the chord before it is held" in note for note in unread.notes)


@pytest.mark.parametrize(
    "text, words",
    [
        ("irealb://", "no song"),
        ("irealb://A%3DB", "no song"),
        (link("[T44Z"), "no chord"),
        (link("[T44x   Z"), "bar 1 repeats the 1 before it"),
        (link("[T44C  ?|D  Z"), "no sign of iReal Pro"),
        (link("[T44" + "C |" * 10_001 + "Z"), "more than 10,000 bars"),
        (link("{T44" + "C |" * 500 + "D  <999x>}"), "10,000 bars with the repeats played"),
        (link("{T44C   {D   }E   }"), "bar 2 begins a repeat within that of bar 1"),
        (link("[T09C   Z"), "no metre"),
        (link("[T44" + "C," * 65 + "Z"), "bar 1 has more than 64 chords"),
    ],
)
def test_a_broken_link_is_one_line(text: str, words: str) -> None:
    with pytest.raises(ChartError, match=words) as caught:
        load_chart(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
