from __future__ import annotations

from pathlib import Path

import pytest
from charts import shown

from jasco.charts import load_chart
from jasco.charts.chordpro import read_chordpro
from jasco.errors import ChartError


def grid(rows: str, shape: str = "") -> str:
    return f"{{title: A Song}}\n{{start_of_grid{shape}}}\n{rows}\n{{end_of_grid}}\n"


# Text -> chords by bar, with offsets in quarter notes; worked out by hand.
CHARTS = {
    grid("| C . . . | Am . G . |"): "C | Am G@2",
    grid("|| C . | G / |."): "C | G",
    grid("| C . . . | % . . . | G . . . |"): "C | C | G",
    grid("| C . | G . | %% . | . . | F . |"): "C | G | C | G | F",
    grid("| C~G . . . | . . F . |"): "C G@1/2 | F@2",
    grid("|: C . | G . :| F . |"): "C | G | C | G | F",
    grid("|: C . |1 G . :|2 F . | A . |"): "C | G | C | F | A",
    grid("|: C . :|: G . :|\n| F . |."): "C | C | G | G | F",
    grid("A | C . | G . | x2 times", " 1+2x2+4"): "C | G",
    grid("| C . | G . ", ": 2x2"): "C | G",
    grid("| C . |", ' shape="1+2x2+4"') + "{time: 3/4}\n" + grid("| D E F |"): "C | D E@1 F@2",
    "{transpose: 2}\n" + grid("| C . |") + "{transpose: 3}\n" + grid("| C . |"): "D | Eb",
    "{transpose: 2}\n" + grid("| C . |") + "{transpose}\n" + grid("| C . |"): "D | C",
    # Without a grid each chord lasts a bar.
    "{t: A Song}\n[C]Hello [Am7]world[*Coda], [G/B]bye\n# [F]\n{sot}\n[E]\n{eot}": "C | Am7 | G/B",
    "{soc}\n[C]La [G]la\n{eoc}\n[F]Hey\n{chorus}": "C | G | F | C | G",
    "{time: 3/4}\n[C]Hello\n{time: 4/4}\n[N.C.]x[D]": "C | N | D",
    # The grid has the bars, and the chords over lyrics are left out.
    grid("| C . |") + "[F]Hello": "C",
}


@pytest.mark.parametrize("text", CHARTS)
def test_chords_begin_on_their_beats(text: str) -> None:
    assert shown(read_chordpro(text, None)) == CHARTS[text]


def test_directives() -> None:
    text = "{title: My Song}\n{key: Bb}\n{tempo: 96}\n{capo: 2}\n{sov: Verse 1}\n[Bb]One\n{eov}\n"
    chart = read_chordpro(text + "{soc}\n{tempo: 120}\n[F]Two\n[blah]Three\n{eoc}\n", None)
    assert (chart.title, chart.key, shown(chart)) == ("My Song", "Bb", "Bb | F")
    assert [(change.onset, change.bpm) for change in chart.tempo_map] == [(0, 96), (4, 120)]
    assert [(s.onset, s.name) for s in chart.sections] == [(0, "Verse 1"), (4, "Chorus")]
    notes = "; ".join(chart.notes)
    for words in ("capo 2 is not applied", "each chord lasts a bar", "'blah' at bar 3"):
        assert words in notes


def test_a_meta_directive_says_the_same() -> None:
    said = read_chordpro("{title: A}\n{time: 3/4}\n{tempo: 90}\n[C]", None)
    assert read_chordpro("{meta: title A}\n{meta time 3/4}\n{meta: tempo 90}\n[C]", None) == said
    assert said.bars[0].length == 3


def test_many_notes_are_counted() -> None:
    notes = read_chordpro("[C]" + "".join(f"[blah{n}]" for n in range(300)), None).notes
    assert len(notes) == 101 and notes[-1] == "201 more things like these"


def test_songs_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "songs.cho"
    path.write_text("{title: One}\n[C]a\n{new_song}\n{title: Two}\n[G]b\n")
    assert shown(load_chart(path)) == "C" and shown(load_chart(path, song="two")) == "G"
    (tmp_path / "song.dat").write_text(grid("| C . |"))
    assert shown(load_chart(tmp_path / "song.dat")) == "C"


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "the text is empty"),
        ("{title: A}\nOnly words", "no chord and no melody"),
        (grid("| % . |"), "bar 1 repeats 1 before it"),
        (grid("|: C . |: D . | E . :| F . :|"), "bar 2 begins a repeat within that of bar 1"),
        (grid("| C . " * 10_001 + "|"), "more than 10,000 bars"),
        ("[C]" * 10_001, "more than 10,000 bars"),
        ("{soc}\n" + "[C]" * 5000 + "\n{eoc}\n{chorus}\n{chorus}", "more than 10,000 bars"),
        ("{t" + " " * 50_000, "no chord and no melody"),
        ("{" + "t" * 100_000, "no chord and no melody"),
        ("[blah]" * 10_001, "10,000 chords cannot be read: cannot read the chord 'blah'"),
        ("[" * 100_000, "no chord and no melody"),
        (grid("| " + "C . " * 50_001 + "|"), "more than 200,000 characters"),
        ("[blah]x", "no chord and no melody in the chart: cannot read the chord 'blah'"),
    ],
)
def test_a_broken_song_is_one_line(text: str, words: str) -> None:
    with pytest.raises(ChartError, match=words) as caught:
        read_chordpro(text, None)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
