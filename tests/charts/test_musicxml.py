from __future__ import annotations

import io
import zipfile
from fractions import Fraction
from pathlib import Path

import pytest
from charts import shown

from jasco.charts import Chart
from jasco.charts.harmony import KINDS
from jasco.charts.musicxml import read_musicxml
from jasco.errors import ChartError

ATTRIBUTES = (
    "<attributes><divisions>2</divisions><key><fifths>{fifths}</fifths></key>"
    "<time><beats>{beats}</beats><beat-type>{unit}</beat-type></time>{more}</attributes>"
)


def attributes(beats: int | str = 4, unit: int = 4, fifths: int = 0, more: str = "") -> str:
    return ATTRIBUTES.format(beats=beats, unit=unit, fifths=fifths, more=more)


def harmony(
    symbol: str, kind: str = "major", *, more: str = "", text: str = "", of: str = ""
) -> str:
    """Harmony; ``symbol`` is the root, such as ``Bb``, and a bass after a slash."""
    root, _, bass = symbol.partition("/")
    parts = [
        f"<{name}><{name}-step>{note[0]}</{name}-step><{name}-alter>"
        f"{note.count('#') - note.count('b')}</{name}-alter></{name}>"
        for name, note in (("root", root), ("bass", bass))
        if note
    ]
    said = f' text="{text}"' if text else ""
    return f"<harmony{of}>{parts[0]}<kind{said}>{kind}</kind>{''.join(parts[1:])}{more}</harmony>"


def note(pitch: str, length: int, more: str = "") -> str:
    """Note of a pitch such as ``C4`` or ``Bb4``, or rest ``R``; in divisions of an eighth."""
    if pitch == "R":
        return f"<note><rest/><duration>{length}</duration>{more}</note>"
    alter = pitch.count("#") - pitch.count("b")
    return (
        f"<note><pitch><step>{pitch[0]}</step><alter>{alter}</alter><octave>{pitch[-1]}</octave>"
        f"</pitch><duration>{length}</duration>{more}</note>"
    )


def barline(side: str, inside: str) -> str:
    return f'<barline location="{side}">{inside}</barline>'


def words(text: str, sound: str = "", sign: str = "") -> str:
    said = f"<direction-type><words>{text}</words></direction-type>" if text else ""
    drawn = f"<direction-type><{sign}/></direction-type>" if sign else ""
    return f"<direction>{said}{drawn}{f'<sound {sound}/>' if sound else ''}</direction>"


REPEAT, FORWARD = '<repeat direction="backward"/>', barline("left", '<repeat direction="forward"/>')
FIRST = barline("left", '<ending number="1" type="start"/>')
END_FIRST = barline("right", f'<ending number="1" type="stop"/>{REPEAT}')
SECOND = barline("left", '<ending number="2" type="start"/>')
END_SECOND = barline("right", '<ending number="2" type="discontinue"/>')


def document(*measures: str, part: str = "", head: str = "", marked: str = "") -> bytes:
    """Score of the measures, the first with attributes in 4/4 unless it has its own."""
    body = "".join(
        f'<measure number="{n}"{marked if n == 1 else ""}>'
        + (attributes() if n == 1 and "<attributes>" not in inside else "")
        + f"{inside}</measure>"
        for n, inside in enumerate(measures, 1)
    )
    return (
        f'<?xml version="1.0"?><!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 '
        f'Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd"><score-partwise>{head}'
        f'<part id="P1">{body}</part>{part}</score-partwise>'
    ).encode()


def read(*measures: str, **more: str) -> Chart:
    return read_musicxml(document(*measures, **more), None)


C, D, E, F, G, A = (harmony(letter) for letter in "CDEFGA")
OFFSET = "<offset>{}</offset>"

# Measures -> chords by bar, with offsets in quarter notes; worked out by hand.
CHARTS: dict[str, tuple[tuple[str, ...], str]] = {
    "between notes": ((C + note("C4", 4) + G + note("D4", 4), F), "C G@2 | F"),
    "offset": ((C + harmony("G", more=OFFSET.format(6)) + note("R", 8), F), "C G@3 | F"),
    "offset back": ((note("R", 8) + harmony("G", more=OFFSET.format(-4)), F), "G@2 | F"),
    "offset into the next": (
        (note("R", 8) + harmony("G", more=OFFSET.format(2)), "", F),
        " | G@1 | F",
    ),
    "backup and forward": (
        (C + note("C4", 8) + "<backup><duration>4</duration></backup>" + G, F),
        "C G@2 | F",
    ),
    "pick-up": ((note("G4", 2), C, F + note("C4", 6)), " | C | F"),
    "metre in the middle": (
        (C, attributes(3) + D + note("C4", 4) + E + note("C4", 2), attributes(6, 8) + F, G),
        "C | D E@2 | F | G",
    ),
    "repeat": ((C, FORWARD + D, E + barline("right", REPEAT), F), "C | D | E | D | E | F"),
    "three times": (
        (C + barline("right", '<repeat direction="backward" times="3"/>'), F),
        "C | C | C | F",
    ),
    "voltas": ((C, FIRST + D + END_FIRST, SECOND + E + END_SECOND, F), "C | D | C | E | F"),
    "voltas and D.C. al Coda": (
        (
            C,
            FIRST + D + END_FIRST,
            SECOND + E + words("To Coda", 'tocoda="c"', "coda") + END_SECOND,
            F + words("D.C. al Coda", 'dacapo="yes"'),
            words("", 'coda="c"', "coda") + G,
        ),
        "C | D | C | E | F | C | E | G",
    ),
    "D.S. al Coda by signs alone": (
        (
            C,
            words("", sign="segno") + D,
            E + words("", sign="coda"),
            F + words("D.S. al Coda"),
            words("", sign="coda") + G,
        ),
        "C | D | E | F | D | E | G",
    ),
    "D.C. al Fine": ((C, D + words("Fine"), E + words("D.C. al Fine")), "C | D | E | C | D"),
    "dal segno": (
        (C, words("", 'segno="1"') + D, E + words("", 'dalsegno="1"'), F),
        "C | D | E | D | E | F",
    ),
    "measure-repeat": (
        (
            C,
            D + note("C4", 8),
            "<attributes><measure-style><measure-repeat type='start'>2</measure-repeat>"
            "</measure-style></attributes>" + note("R", 8),
            note("R", 8),
            "<attributes><measure-style><measure-repeat type='stop'/></measure-style>"
            "</attributes>" + G,
        ),
        "C | D | C | D | G",
    ),
    "alternate": ((C + harmony("G", of=' type="alternate"') + note("R", 8),), "C"),
    "none and quarter tone": (
        (
            harmony("C", "none") + note("R", 4)
            + harmony("G").replace("<root-alter>0", "<root-alter>.5") + note("R", 4),
        ),
        "N",
    ),
    "clarinet in B flat": (
        (attributes(more="<transpose><chromatic>-2</chromatic></transpose>") + D + note("D5", 8),),
        "C",
    ),
    "degrees": (
        (
            harmony("C", more="<degree><degree-value>7</degree-value><degree-alter>0</degree-alter>"
                    "<degree-type>add</degree-type></degree>"),
            harmony("C", "dominant", more="<degree><degree-value>5</degree-value><degree-alter>-1"
                    "</degree-alter><degree-type>alter</degree-type></degree>"),
            harmony("C", "minor-seventh", more="<degree><degree-value>7</degree-value>"
                    "<degree-alter>0</degree-alter><degree-type>subtract</degree-type></degree>"),
        ),
        "C7 | C7 | Cm",
    ),
    "bass and inversion": (
        (harmony("C/E"), harmony("C", more="<inversion>2</inversion>"), harmony("Bb/D")),
        "C/E | C/G | Bb/D",
    ),
    "other by its text": ((harmony("C", "other", text="m7b5"), harmony("C", "other")), "Cm7b5 | C"),
    "functional": ((harmony("C", "Neapolitan"), harmony("C", "German")), "C#/E# | Ab7/C"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHARTS)
def test_chords_begin_on_their_beats(name: str) -> None:
    measures, expected = CHARTS[name]
    assert shown(read(*measures)) == expected


def test_measures_of_parts_are_read_like_parts_of_measures() -> None:
    bars = [attributes() + C + note("C4", 8), F + note("F4", 8)]
    inside = "".join(f'<measure number="1"><part id="P1">{bar}</part></measure>' for bar in bars)
    timewise = f"<score-timewise>{inside}</score-timewise>".encode()
    assert read_musicxml(timewise, None) == read(*bars)


NAMES = {
    "major": "C", "minor": "Cm", "augmented": "Caug", "diminished": "Cdim", "dominant": "C7",
    "major-seventh": "Cmaj7", "minor-seventh": "Cm7", "diminished-seventh": "Cdim",
    "augmented-seventh": "Caug", "half-diminished": "Cm7b5", "major-minor": "Cm",
    "major-sixth": "C6", "minor-sixth": "Cm6", "dominant-ninth": "C7", "major-ninth": "Cmaj7",
    "minor-ninth": "Cm7", "dominant-11th": "C7", "major-11th": "Cmaj7", "minor-11th": "Cm7",
    "dominant-13th": "C7", "major-13th": "Cmaj7", "minor-13th": "Cm7", "suspended-second": "C",
    "suspended-fourth": "C", "pedal": "C", "power": "C", "Neapolitan": "C#/E#",
    "Italian": "Ab7/C", "French": "Ab7/C", "German": "Ab7/C", "Tristan": "Cm7b5",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_name(kind: str) -> None:
    assert shown(read(harmony("C", kind))) == NAMES[kind]


def test_melody_of_the_top_staff_with_ties_and_chords() -> None:
    part = (
        '<part id="P2"><measure number="1">'
        + attributes()
        + C
        + note("C3", 8)
        + "</measure></part>"
    )
    grace = "<note><grace/><pitch><step>A</step><octave>4</octave></pitch></note>"
    low = "<backup><duration>8</duration></backup>" + note("C3", 8, "<staff>2</staff>")
    chart = read(
        C + grace + note("Bb4", 2) + note("D5", 2, "<chord/>")
        + note("R", 2) + note("G4", 4, "<tie type='start'/>") + low,
        F + note("G4", 2, "<tie type='stop'/>") + note("R", 6),
        part=part,
        head='<work><work-title>A  Song</work-title></work><part-list><score-part id="P1">'
        "<part-name>Voice</part-name></score-part></part-list>",
    )  # fmt: skip
    assert chart.title == "A Song" and chart.key == "C"
    assert [(n.onset, n.length, n.key) for n in chart.melody][2:] == [(2, 3, 67)]
    assert sorted(n.key for n in chart.melody) == [67, 70, 74]
    assert "melody of 'Voice', the first of 2 parts" in chart.notes
    assert "grace and cue notes are left out (1)" in chart.notes
    # The second part repeats the chord of the first.
    assert shown(chart) == "C | F"


def test_a_measure_repeat_copies_what_its_own_part_has() -> None:
    repeat = "<attributes><measure-style><measure-repeat type='start'>1</measure-repeat>"
    repeat += "</measure-style></attributes>" + note("R", 8)
    drums = f"<measure>{note('R', 8)}</measure><measure>{repeat}</measure>"
    first = (C + note("C4", 4) + G + note("D4", 4), note("R", 8))
    chart = read(*first, part=f'<part id="P2">{drums}</part>')
    assert shown(chart) == "C G@2 | " and len(chart.melody) == 2
    own = read(first[0], repeat)
    assert shown(own) == "C G@2 | C G@2" and len(own.melody) == 4


@pytest.mark.parametrize(
    "kind, inversion, name",
    [
        ("dominant", 3, "C/Bb"), ("major-sixth", 3, "Am7"), ("diminished-seventh", 3, "Cdim"),
        ("major-seventh", 3, "Cmaj7"), ("half-diminished", 3, "Cm7b5/Bb"), ("major", 1, "C/E"),
    ],
)  # fmt: skip
def test_inversions_stand_over_a_note_of_the_chord(kind: str, inversion: int, name: str) -> None:
    of = f"<inversion>{inversion}</inversion></harmony>"
    assert shown(read(harmony("C", kind).replace("</harmony>", of))) == name


def test_tempo_sections_and_swing() -> None:
    metronome = (
        "<direction><direction-type><metronome><beat-unit>quarter</beat-unit><beat-unit-dot/>"
        "<per-minute>c. 60</per-minute></metronome></direction-type></direction>"
    )
    rehearsal = "<direction><direction-type><rehearsal>A</rehearsal></direction-type></direction>"
    chart = read(
        rehearsal + words("Swing", 'tempo="120"') + C + note("C4", 4) + metronome + note("C4", 4), F
    )
    assert [(change.onset, change.bpm) for change in chart.tempo_map] == [(0, 120), (2, 90)]
    assert [section.name for section in chart.sections] == ["A"]
    assert any("swing at bar 1 is not played" in note for note in chart.notes)


@pytest.mark.parametrize(
    "lengths, end, played",
    [
        ((8, 4, 4, 8), 24, (0, 8, 12, 16)),  # halves of a bar, divided for a phrase
        ((8, 4, 8, 8), 32, (0, 8, 16, 24)),  # a bar without its last rest
        ((2, 8, 6, 2, 8), 26, (0, 2, 10, 16, 18)),
        ((8, 4, 4, 4, 8), 32, (0, 8, 12, 16, 24)),
    ],
)
def test_halves_of_a_bar_are_as_long_as_their_notes(
    lengths: tuple[int, ...], end: int, played: tuple[int, ...]
) -> None:
    """Lengths in eighths: a phrase or a repeat may end within a bar."""
    chart = read(*(harmony("CDEFG"[i]) + note("C4", n) for i, n in enumerate(lengths)))
    assert chart.end == Fraction(end, 2)
    assert [2 * chord.onset for chord in chart.chords] == [*played]


def test_a_bar_before_a_repeat_completes_the_pick_up() -> None:
    end = note("C4", 6) + barline("right", REPEAT)
    chart = read(note("G4", 2), C + note("C4", 8), F + end, G + note("C4", 8))
    assert [chord.onset for chord in chart.chords] == [1, 5, 9, 13, 16] and chart.end == 20


def test_functional_kinds_may_be_written_small() -> None:
    assert shown(read(harmony("F", "tristan"), harmony("C", "neapolitan"))) == "Fm7b5 | C#/E#"


def test_a_metre_of_more_than_59_beats_leaves_the_bars_as_long_as_their_notes() -> None:
    first = attributes(64, 16) + harmony("C") + note("C4", 32) + harmony("G") + note("C4", 8)
    chart = read(first, harmony("F") + note("C4", 40))
    assert shown(chart) == "C G@16 | F" and chart.end == 40
    assert any("metre 64/16 at bar 1 is not read" in line for line in chart.notes)


def test_kind_and_text_that_disagree_are_noted() -> None:
    notes = read(harmony("C", "major", text="m(maj9)")).notes
    assert any("kind major at bar 1 is read, and its text is 'm(maj9)'" in note for note in notes)
    assert not any("its text" in n for n in read(harmony("C", "minor-seventh", text="m7")).notes)
    assert any(
        "no note of the scale" in n for n in read(CHARTS["none and quarter tone"][0][0]).notes
    )


def zipped(method: int = zipfile.ZIP_DEFLATED, **files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), data)
    return packed.getvalue()


CONTAINER = b'<container><rootfiles><rootfile full-path="b.xml"/></rootfiles></container>'


def test_a_compressed_file_is_read_by_its_container(tmp_path: Path) -> None:
    from jasco.charts import load_chart

    wrong, right = document(D), document(C, G)
    (tmp_path / "song.mxl").write_bytes(
        zipped(a_xml=wrong, **{"META-INF__container_xml": CONTAINER}, b_xml=right)
    )
    assert shown(load_chart(tmp_path / "song.mxl", bpm=90)) == "C | G"
    (tmp_path / "song.mid").write_bytes(right)  # its suffix is wrong
    assert shown(load_chart(tmp_path / "song.mid")) == "C | G"
    (tmp_path / "wide.xml").write_bytes(right.decode().encode("utf-16"))
    assert shown(load_chart(tmp_path / "wide.xml")) == "C | G"


BOMB = b"<!DOCTYPE a [<!ENTITY b 'c'>]><score-partwise>&b;</score-partwise>"
LOCKED = bytearray(zipped(**{"META-INF__container_xml": CONTAINER}, b_xml=b"x"))
LOCKED[6] |= 1  # the flag of an encrypted member, in its local and its central header
LOCKED[LOCKED.index(b"PK\x01\x02") + 8] |= 1

BROKEN: dict[str, tuple[bytes, str]] = {
    "truncated": (document(C, D)[:-40], "no whole XML document"),
    "entities": (BOMB, "declares entities"),
    "multi-byte encoding": (b'<?xml version="1.0" encoding="shift_jis"?><a/>', "no whole XML"),
    "unknown encoding": (b'<?xml version="1.0" encoding="foo"?><a/>', "no whole XML document"),
    "finer and finer": (
        document("".join(
            f"<attributes><divisions>{n}</divisions></attributes>" + note("C4", 1)
            for n in range(10_001, 10_301, 2)
        )),
        "the lengths up to bar 1 are finer than is read",
    ),
    "packed otherwise": (
        zipped(zipfile.ZIP_LZMA, **{"META-INF__container_xml": CONTAINER}),
        "is not packed by deflate",
    ),
    "another document": (b"<opml/>", "'opml', not a score-partwise"),
    "no chords": (document(note("R", 8)), "no chord and no melody"),
    "deep": (b"<a>" * 100 + b"</a>" * 100, "64 within"),
    "many elements": (b"<score-partwise>" + b"<a/>" * 500_001 + b"</score-partwise>", "500,000"),
    "many bars": (document(*["<harmony/>"] * 10_001), "more than 10,000 bars"),
    "nested repeats": (
        document(FORWARD + C, FORWARD + D, *[E + barline("right", REPEAT)] * 2),
        "bar 2 begins a repeat within that of bar 1",
    ),
    "repeat of nothing": (
        document("<attributes><measure-style><measure-repeat type='start'>1</measure-repeat>"
                 "</measure-style></attributes>" + C),
        "bar 1 repeats 1 before it",
    ),
    "huge number": (document(note("C4", 8).replace("n>8", "n>1e999999999")), "no number"),
    "broken archive": (zipped(a_xml=b"x" * 99)[:60], "no whole zip archive"),
    "no container": (zipped(a_xml=b"x"), "the archive has no 'META-INF/container.xml'"),
    "no document": (zipped(**{"META-INF__container_xml": CONTAINER}), "the archive has no 'b.xml'"),
    "locked": (bytes(LOCKED), "locked by a password"),
    "zip bomb": (
        zipped(**{"META-INF__container_xml": CONTAINER}, b_xml=bytes(33 * 2**20)),
        "'b.xml' is larger than the 32 MiB",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_document_is_one_line(name: str) -> None:
    data, expected = BROKEN[name]
    with pytest.raises(ChartError, match=expected) as caught:
        read_musicxml(data, None)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
