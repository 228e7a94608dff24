"""Bad files of every format: one line that says why, in bounded memory, before any long work."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from memory import peak, reset_peak

from jasco.charts import Bar, Chart, ChartChord, ChartNote, TempoChange, load_chart, save_chart
from jasco.chords.metre import COMMON
from jasco.errors import ChartError, JascoError

MOST = 300e6  # bytes above what the process held before
MANY = 10**6
GPIF = (
    '<GPIF><MasterTrack/><Tracks><Track id="0"><Staves><Staff><Properties>'
    '<Property name="DiagramCollection"><Items><Item id="0" name="C"/></Items></Property>'
    "</Properties></Staff></Staves></Track></Tracks>{masters}<Bars><Bar id='0'><Voices>0</Voices>"
    "</Bar></Bars><Voices><Voice id='0'><Beats>0</Beats></Voice></Voices><Beats><Beat id='0'>"
    "<Rhythm ref='0'/><Chord>0</Chord></Beat></Beats><Rhythms><Rhythm id='0'><NoteValue>Whole"
    "</NoteValue></Rhythm></Rhythms></GPIF>"
)
MASTER = "<MasterBar><Time>4/4</Time>{}<Bars>0</Bars></MasterBar>"
CONTAINER = '<container><rootfiles><rootfile full-path="a.xml"/></rootfiles></container>'
XML = "<score-partwise><part id='P1'>{}</part></score-partwise>"
HARMONY = "<harmony><root><root-step>C</root-step></root><kind>major</kind></harmony>"


def mxl(document: str | bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("a.xml", document)
    return data.getvalue()


def gp(document: str | bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Content/score.gpif", document)
    return data.getvalue()


def locked(archive: bytes) -> bytes:
    """Archive whose members say that they are encrypted."""
    data = bytearray(archive)
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(sign)
        while at >= 0:
            data[at + place] |= 1
            at = data.find(sign, at + 4)
    return bytes(data)


def masters(*marks: str) -> str:
    return GPIF.format(
        masters=f"<MasterBars>{''.join(MASTER.format(m) for m in marks)}</MasterBars>"
    )


def written(suffix: str, folder: Path) -> bytes:
    """Chart of two bars with a melody, as the project writes it."""
    one, four = Fraction(1), Fraction(4)
    chart = Chart(
        chords=(ChartChord(0 * one, "C"), ChartChord(four, "G7")),
        end=2 * four,
        bars=(Bar(0 * one, four, COMMON), Bar(four, four, COMMON)),
        tempo_map=(TempoChange(0 * one, 100 * one),),
        melody=(ChartNote(one, one, 60), ChartNote(four, one, 62)),
    )
    save_chart(chart, folder / f"whole{suffix}")
    return (folder / f"whole{suffix}").read_bytes()


FORMATS: dict[str, Callable[[Path], bytes]] = {
    "song.html": lambda _: b"irealb://A=B==Swing=C==1r34LbKcu7[T44C   |D-7 G7 |C   Z==x=0=0",
    "song.musicxml": lambda folder: written(".musicxml", folder),
    "song.mxl": lambda folder: mxl(written(".musicxml", folder)),
    "song.gp": lambda _: gp(masters("", "")),
    "song.cho": lambda _: b"{title: A}\n{start_of_grid}\n| C . G7 . | Am |\n{end_of_grid}\n",
    "song.abc": lambda _: b'X:1\nT:A\nM:4/4\nL:1/4\nK:C\n"C"CDEF|"G7"GABc|\n',
    "song.mid": lambda folder: written(".mid", folder),
    "song.jams": lambda folder: written(".jams", folder),
    "song.txt": lambda _: b"# title: A\n# metre: 4/4\n0 A, | C:maj | G:7 |\n4 end\n",
    "song.lab": lambda folder: written(".lab", folder),
}


def read(data: bytes, path: Path) -> str:
    """Message of the error of a file; empty where it is read."""
    path.write_bytes(data)
    reset_peak()
    before = peak()
    try:
        load_chart(path, bpm=None)
    except JascoError as error:
        message = str(error)
        assert isinstance(error, ChartError) and "\n" not in message and len(message) < 600
    else:
        message = ""
    assert peak() - before < MOST
    return message


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_is_cut_or_damaged_gives_a_chart_or_one_line(name: str, tmp_path: Path) -> None:
    data = FORMATS[name](tmp_path)
    path = tmp_path / name
    assert read(data, path) == ""
    rng = random.Random(name)
    for share in range(20):
        read(data[: len(data) * share // 20], path)
    for _ in range(80):
        damaged = bytearray(data)
        for _ in range(rng.choice((1, 2, 8))):
            damaged[rng.randrange(len(data))] = rng.choice((0, 48, 57, 60, 124, 255))
        read(bytes(damaged), path)
    assert read(b"", path) and read(bytes(999), path) and read(rng.randbytes(999), path)


@pytest.mark.parametrize("name", FORMATS)
def test_the_content_decides_where_the_suffix_is_wrong(name: str, tmp_path: Path) -> None:
    data = FORMATS[name](tmp_path)
    (tmp_path / name).write_bytes(data)
    chart = load_chart(tmp_path / name)
    for other in FORMATS:
        if name == "song.lab" and other != name:
            assert read(data, tmp_path / other)  # lines of numbers are no other format
        else:
            (tmp_path / other).write_bytes(data)
            assert load_chart(tmp_path / other) == chart


LONG: dict[str, tuple[str, Callable[[], bytes]]] = {
    "iReal Pro": ("a.html", lambda: b"irealbook://A=B=Swing=C=n=T44" + b"C |" * MANY),
    "MusicXML": ("a.xml", lambda: XML.format("<measure/>" * MANY).encode()),
    "an mxl": ("a.mxl", lambda: mxl(XML.format("<measure/>" * MANY))),
    "Guitar Pro": ("a.gp", lambda: gp(masters(*[""] * 30_000))),
    "ChordPro": ("a.cho", lambda: b"{sog}\n" + b"| C . . . \n" * MANY),
    "ABC": ("a.abc", lambda: b"X:1\nK:C\n" + b'"C"C4|' * MANY),
    "Billboard": ("a.txt", lambda: b"# metre: 4/4\n0 | " + b"C:maj | " * MANY + b"\n9 end"),
    "lab": ("a.lab", lambda: b"".join(b"%d %d C\n" % (n, n + 1) for n in range(200_000))),
    "JAMS": ("a.jams", lambda: json.dumps({"annotations": [{"namespace": "chord", "data": [
        {"time": n, "duration": 1, "value": "C"} for n in range(200_000)]}]}).encode()),
    "MIDI": ("a.mid", lambda: b"MThd\0\0\0\6\0\0\0\1\0\1MTrk\0\0\0\x10\0\x90\x3c\x40"
             b"\x87\xff\xff\x7f\x90\x3c\0\0\xff\x2f\0\0\0"),
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_too_many_bars_are_refused(name: str, tmp_path: Path) -> None:
    suffix, data = LONG[name]
    message = read(data(), tmp_path / suffix)
    assert "more than" in message or "larger than" in message or "at most" in message


FORWARD, BACKWARD = (
    f'<barline><repeat direction="{way}"/></barline>' for way in ("forward", "backward")
)
NESTED: dict[str, tuple[str, bytes]] = {
    "iReal Pro": ("a.html", b"irealbook://A=B=Swing=C=n=T44{C |{D |E }|F }Z"),
    "MusicXML": ("a.xml", XML.format("".join(
        f"<measure>{before}{HARMONY}{after}</measure>"
        for before, after in ((FORWARD, ""), (FORWARD, ""), ("", BACKWARD), ("", BACKWARD))
    )).encode()),
    "Guitar Pro": ("a.gp", gp(masters(*['<Repeat start="true" end="false"/>'] * 2,
                                      *['<Repeat start="false" end="true" count="2"/>'] * 2))),
    "ChordPro": ("a.cho", b"{sog}\n|: C |: F | G :| A :|\n{eog}\n"),
    "ABC": ("a.abc", b'X:1\nM:4/4\nL:1/4\nK:C\n|:"C"C4|:"F"F4|"G"G4:|"A"A4:|\n'),
}  # fmt: skip


@pytest.mark.parametrize("name", NESTED)
def test_repeats_within_repeats_are_refused(name: str, tmp_path: Path) -> None:
    suffix, data = NESTED[name]
    assert "begins a repeat within that of bar 1" in read(data, tmp_path / suffix)


ENTITIES = '<!DOCTYPE a [<!ENTITY b "{}"><!ENTITY c "&b;&b;&b;&b;">]>'.format("x" * 9999)
BLANKS = b"<a>" + b" " * (33 * 2**20)
BAD: dict[str, tuple[str, bytes, str]] = {
    "entities": ("a.musicxml", (ENTITIES + XML.format("&c;")).encode(), "declares entities"),
    "entities in an mxl": ("a.mxl", mxl(ENTITIES + XML.format("&c;")), "declares entities"),
    "entities in a gp": ("a.gp", gp(ENTITIES + "<GPIF>&c;</GPIF>"), "declares entities"),
    "a bomb": ("a.mxl", mxl(BLANKS), "larger than the 32 MiB"),
    "a bomb in a gp": ("a.gp", gp(BLANKS), "larger than the 32 MiB"),
    "a password": ("a.mxl", locked(mxl(XML.format(""))), "locked by a password"),
    "a password in a gp": ("a.gp", locked(gp(masters(""))), "locked by a password"),
    "repeats of repeats": (
        "a.abc", b'X:1\nP:' + b"(" * 40 + b"A" + b")9" * 40 + b'\nK:C\nP:A\n"C"C4|', "more than"),
    "no chords": ("a.cho", b"{title: A}\nonly words\n", "no chord"),
    "no notes": ("a.abc", b"X:1\nK:C\nz4|", "no chord"),
    "an empty song": ("a.html", b"irealbook://A=B=Swing=C=n=T44    Z", "no chord"),
    "no bars": ("a.gp", gp("<GPIF/>"), "no chord"),
    "deep": ("a.jams", b'{"annotations": ' + b"[" * 9999, "JSON|nested|deep"),
    "a picture": ("a.mid", b"\x89PNG\r\n\x1a\n" + bytes(99), "no MIDI|header|is no"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_told(name: str, tmp_path: Path) -> None:
    suffix, data, words = BAD[name]
    message = read(data, tmp_path / suffix)
    assert any(word in message for word in words.split("|")), message
