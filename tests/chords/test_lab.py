"""``.lab`` files as they are found: read with a notice, or refused with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from jasco.chords import ChordProgression
from jasco.errors import ChordError

TWO = [("C", 0.0), ("G", 1.0)]
COMMAS = "columns are parted by commas or semicolons"
# content -> chords, end, report
FILES: dict[str, tuple[str | bytes, list[tuple[str, float]], float | None, list[str]]] = {
    "as mir_eval writes it": ("0\t1\tC:maj\n1\t2\tG:maj\n", TWO, 2, []),
    "two columns": (
        "0.046 C\n1 G\n",
        [("C", 0.046), ("G", 1.0)],
        None,
        ["two columns: each chord lasts until the next one"],
    ),
    "no end of the last line": ("0 1 C\n1 G", TWO, None, ["the last line has no end"]),
    "commas": ("0,1,C:maj\n1.0,2.0,G\n", TWO, 2, [COMMAS]),
    "a label with commas": (
        "0,1,C:maj(9,11)\n1,2,G\n",
        TWO,
        2,
        [COMMAS, "C:maj(9,11) -> C (dropped: 9, 11)"],
    ),
    "semicolons": ("0; 1; C\n1; 2; G\n", TWO, 2, [COMMAS]),
    "decimal commas": ("0,0;1,0;C\n1,0;2,5;G\n", TWO, 2.5, [COMMAS]),
    "decimal commas and blanks": ("0,0 1,0 C\n1,0 2,5 G\n", TWO, 2.5, [COMMAS]),
    "a header": (
        "start,end,label\n0,1,C\n1,2,G\n",
        TWO,
        2,
        ["line 1 is a header: start end label", COMMAS],
    ),
    "durations": (
        "start duration chord\n0 1 C\n1 2 G\n",
        TWO,
        3,
        ["line 1 is a header: start duration chord"],
    ),
    "quotes": ("0 1 \"C:maj\"\n1 2 'G'\n", TWO, 2, []),
    "a fourth column": (
        "0 1 C 0.9\n1 2 G 0.8\n",
        TWO,
        2,
        ["further columns of 2 lines are not read"],
    ),
    "comments": ("# by hand\n0 1 C # tonic\n\n1 2 G\n", TWO, 2, []),
    "silence": (
        "0 1 &pause\n1 2 silence\n2 3 no_chord\n3 4 C\n",
        [("N", 0.0), ("N", 1.0), ("N", 2.0), ("C", 3.0)],
        4,
        ["&pause -> N (no chord)", "silence -> N (no chord)", "no_chord -> N (no chord)"],
    ),
    "a start before zero": (
        "-.01 1 C\n1 2 G\n",
        TWO,
        2,
        ["C at line 1 begins at -0.01 s: read as 0 s"],
    ),
    "an end before zero": (
        "-2 -1 F\n-1 1 C\n1 2 G\n",
        TWO,
        2,
        [
            "F at line 1 ends before 0 s and is left out",
            "C at line 2 begins at -1 s: read as 0 s",
        ],
    ),
    "nested": (
        "0 4 C\n1 2 G\n4 5 F\n",
        [("C", 0.0), ("G", 1.0), ("C", 2.0), ("F", 4.0)],
        5,
        ["G at line 2 lies within C, which resumes at 2 s"],
    ),
    "nested twice": (
        "0 8 C\n1 4 G\n2 3 F\n",
        [("C", 0.0), ("G", 1.0), ("F", 2.0), ("G", 3.0), ("C", 4.0)],
        8,
        [
            "F at line 3 lies within G, which resumes at 3 s",
            "G at line 2 lies within C, which resumes at 4 s",
        ],
    ),
    "nested at the start": (
        "0 4 C\n0 1 G\n",
        [("C", 0.0), ("G", 0.0), ("C", 1.0)],
        4,
        [
            "G at line 2 lies within C, which resumes at 1 s",
            "C and G both begin at 0 s: G sounds",
        ],
    ),
    "in another order": ("1 2 G\n0 1 C\n", TWO, 2, []),
    "rounded edges": ("0 1.0004 C\n1 2 G\n", TWO, 2, []),
    "HTK": (
        "0 10000000 C\n10000000 25000000 G\n",
        TWO,
        2.5,
        ["times are in units of 100 ns, as HTK writes them"],
    ),
    "no length": (
        "0 1 C\n1 1 G\n",
        TWO,
        None,
        ["G at line 2 has no length: until the next one"],
    ),
    "Latin-1": (
        "# Beyoncé\n0 1 C\n1 2 G\n".encode("latin-1"),
        TWO,
        2,
        ["the file is in Latin-1, not in UTF-8"],
    ),
    "UTF-16": ("0 1 C\n1 2 G\n".encode("utf-16"), TWO, 2, ["the file is in UTF-16-LE"]),
    "UTF-16 without a mark": (
        "0 1 C\n1 2 G\n".encode("utf-16-be"),
        TWO,
        2,
        ["the file is in UTF-16-BE"],
    ),
    "a mark": (b"\xef\xbb\xbf0 1 C\n1 2 G\n", TWO, 2, []),
    "old line ends": ("0 1 C\r1 2 G\r", TWO, 2, []),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_files_as_they_are_found(name: str, tmp_path: Path) -> None:
    content, chords, end, report = FILES[name]
    data = content.encode() if isinstance(content, str) else content
    (tmp_path / "song.lab").write_bytes(data)
    progression = ChordProgression.load(tmp_path / "song.lab")
    assert progression.pairs() == chords
    assert progression.end == end
    assert list(progression.notices) == report


# content -> position, words
REFUSED = {
    "0 1 C\n1 2\n": (6, "'1 2' at line 2 is not a segment"),
    "0 1 C\nx 2 G\n": (6, "'x 2 G' at line 2 is not a segment"),
    "0 1 C\n1 nan G\n": (6, "'nan'"),
    "0 1 C\n2 1 G\n": (6, "before it begins"),
    "0 1 C\n1 2 Foo\n": (6, "'Foo' at line 2"),
    "0 2000 C\n2000 240000 G\n": (9, "lies beyond 36,000 s"),  # milliseconds
    "0 1e300 C\n": (0, "lies beyond"),
    "-2 -1 C\n": (0, "no segment"),
    "name chord who\n": (0, "is not a segment"),
}


@pytest.mark.parametrize("content", REFUSED)
def test_files_that_are_refused(content: str, tmp_path: Path) -> None:
    position, words = REFUSED[content]
    (tmp_path / "song.lab").write_text(content)
    with pytest.raises(ChordError, match=words) as caught:
        ChordProgression.load(tmp_path / "song.lab")
    assert caught.value.position == position
