from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from charts import shown

from jasco.charts import Chart, guitar_pro, load_chart
from jasco.charts.guitar_pro import read_guitar_pro
from jasco.errors import ChartError

VALUES = {4: "Whole", 2: "Half", 1: "Quarter", 0.5: "Eighth", 0.25: "16th"}
Beat = tuple[Any, ...]  # note value in quarters, chord name or "", keys of the notes

# Contents of an XML element of a bar, by a short name.
MARKS = {
    "|:": '<Repeat start="true" end="false" count="0"/>',
    ":|": '<Repeat start="false" end="true" count="2"/>',
    ":|3": '<Repeat start="false" end="true" count="3"/>',
    "|::|": '<Repeat start="true" end="true" count="2"/>',
    "1": "<AlternateEndings>1</AlternateEndings>",
    "1 2": "<AlternateEndings>1 2</AlternateEndings>",
    "2": "<AlternateEndings>2</AlternateEndings>",
    "3": "<AlternateEndings>3</AlternateEndings>",
    **{
        jump: f"<Directions><Jump>{jump}</Jump></Directions>"
        for jump in ("DaCapoAlFine", "DaSegnoAlCoda", "DaCoda", "DaSegnoSegno")
    },
    **{
        target: f"<Directions><Target>{target}</Target></Directions>"
        for target in ("Segno", "Coda", "Fine")
    },
}


class Writer:
    """Tables of a document of one staff a track."""

    def __init__(self) -> None:
        self.bars, self.voices, self.beats, self.notes, self.rhythms = ([] for _ in range(5))  # type: list[str]

    def beat(self, beat: Beat, chords: dict[str, int]) -> int:
        length, chord, *keys = beat
        dots = '<AugmentationDot count="1"/>' if length in (3, 1.5, 0.75) else ""
        value = VALUES[length / 1.5 if dots else length]
        self.rhythms.append(f"<NoteValue>{value}</NoteValue>{dots}")
        named = f"<Chord>{chords.setdefault(chord, len(chords))}</Chord>" if chord else ""
        first = len(self.notes)
        for key in keys:
            tie = '<Tie origin="false" destination="true"/>' * (key < 0)
            number = f'<Property name="Midi"><Number>{abs(key)}</Number></Property>'
            self.notes.append(f"{tie}<Properties>{number}</Properties>")
        notes = " ".join(map(str, range(first, len(self.notes))))
        self.beats.append(f'<Rhythm ref="{len(self.rhythms) - 1}"/>{named}<Notes>{notes}</Notes>')
        return len(self.beats) - 1

    def bar(self, beats: Sequence[Beat] | str, chords: dict[str, int]) -> int:
        if isinstance(beats, str):
            self.bars.append(f"<SimileMark>{beats}</SimileMark><Voices>-1 -1 -1 -1</Voices>")
        else:
            numbers = " ".join(str(self.beat(beat, chords)) for beat in beats)
            self.voices.append(f"<Beats>{numbers}</Beats>")
            self.bars.append(f"<Voices>{len(self.voices) - 1} -1 -1 -1</Voices>")
        return len(self.bars) - 1

    def table(self, name: str, rows: Sequence[str]) -> str:
        found = (f'<{name} id="{index}">{row}</{name}>' for index, row in enumerate(rows))
        return f"<{name}s>{''.join(found)}</{name}s>"


def gp(
    *bars: tuple[Any, ...] | Sequence[Beat] | str,
    tempi: Sequence[str] = ("0 0 120 2",),
    key: str = "0 Major",
    head: str = "",
    tracks: Sequence[tuple[str, Sequence[Any]]] = (),
    item: str = "",
    kind: str = "DiagramCollection",
) -> bytes:
    """File of bars; each is a list of beats, or a tuple of metre, marks and beats."""
    whole = [bar if isinstance(bar, tuple) else ("4/4", "", bar) for bar in bars]
    every = tracks or [("Steel Guitar", [beats for _, _, beats in whole])]
    writer, rows, listed = Writer(), [[] for _ in whole], ""  # type: ignore[var-annotated]
    for index, (name, contents) in enumerate(every):
        chords: dict[str, int] = {}
        for row, beats in zip(rows, contents, strict=True):
            row.append(writer.bar(beats, chords))
        items = "".join(
            f'<Item id="{number}" name="{chord}">{item}</Item>' for chord, number in chords.items()
        )
        listed += (
            f'<Track id="{index}"><Name>{name}</Name><InstrumentSet><Type>'
            f"{'drumKit' if name == 'Drums' else 'pitched'}</Type></InstrumentSet><Staves><Staff>"
            f'<Properties><Property name="{kind}"><Items>{items}</Items></Property></Properties>'
            "</Staff></Staves></Track>"
        )
    masters = ""
    for (metre, marks, _), row in zip(whole, rows, strict=True):
        content = "".join(
            MARKS.get(mark, f"<Section><Letter>{mark[1:]}</Letter><Text/></Section>")
            for mark in marks.split(", ")
            if mark
        )
        count, mode = key.split()
        masters += (
            f"<MasterBar><Key><AccidentalCount>{count}</AccidentalCount><Mode>{mode}</Mode></Key>"
            f"<Time>{metre}</Time>{content}<Bars>{' '.join(map(str, row))}</Bars></MasterBar>"
        )
    automations = "".join(
        "<Automation><Type>Tempo</Type><Linear>false</Linear><Bar>{}</Bar><Position>{}</Position>"
        "<Value>{} {}</Value></Automation>".format(*tempo.split())
        for tempo in tempi
    )
    tables = (
        writer.table("Bar", writer.bars)
        + writer.table("Voice", writer.voices)
        + writer.table("Beat", writer.beats)
        + writer.table("Note", writer.notes)
        + writer.table("Rhythm", writer.rhythms)
    )
    return packed(
        f"<GPIF><Score><Title>A Song</Title></Score><MasterTrack>{head}<Automations>{automations}"
        f"</Automations></MasterTrack><Tracks>{listed}</Tracks><MasterBars>{masters}</MasterBars>"
        f"{tables}</GPIF>"
    )


def packed(document: str | bytes, name: str = "Content/score.gpif") -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("VERSION", "7.0")
        archive.writestr("Content/BinaryStylesheet", bytes(20_000))
        archive.writestr(name, document)
    return data.getvalue()


def opened(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read("Content/score.gpif").decode()


def whole(chord: str) -> list[Beat]:
    return [(4, chord, 60)]


def bars(*chords: str, **marks: str) -> list[tuple[str, str, list[Beat]]]:
    """Bars of a chord each, with the marks of some, by letter."""
    return [("4/4", marks.get(chord.lower(), ""), whole(chord)) for chord in chords]


# File -> chords by bar, with offsets in quarter notes; worked out by hand.
CHARTS: dict[str, tuple[bytes, str]] = {
    "beats": (gp([(1, "C", 60), (1, "", 60), (2, "G7", 60)], whole("Am")), "C G7@2 | Am"),
    "dots": (gp([(1.5, "C", 60), (2.5 - 2, "F", 60), (2, "G", 60)]), "C F@3/2 G@2"),
    "rests": (gp([(2, ""), (2, "Dm", 62)], [(4, "")]), "Dm@2 | "),
    "metres": (
        gp(("3/4", "", [(3, "C", 60)]), ("6/8", "", [(1.5, "F", 60), (1.5, "G", 60)]), whole("A")),
        "C | F G@3/2 | A",
    ),
    "repeat": (gp(*bars("C", "F", c="|:", f=":|"), whole("G")), "C | F | C | F | G"),
    "three times": (gp(*bars("C", c="|:"), *bars("F", f=":|3")), "C | F | C | F | C | F"),
    "a bar that repeats": (gp(*bars("C", "F", c="|::|")), "C | C | F"),
    "endings": (
        gp(*bars("C", "F", "G", "A", c="|:", f="1, :|", g="2, :|")),
        "C | F | C | G | A",
    ),
    "endings of several turns": (
        gp(*bars("C", "F", "G", c="|:", f="1 2, :|3", g="3")),
        "C | F | C | F | C | G",
    ),
    "an ending of two bars": (
        gp(*bars("C", "D", "E", "F", "G", c="|:", d="1", e=":|", f="2")),
        "C | D | E | C | F | G",
    ),
    "D.C. al Fine": (
        gp(*bars("C", "F", "G", f="Fine", g="DaCapoAlFine")),
        "C | F | G | C | F",
    ),
    "D.S. al Coda": (
        gp(*bars("C", "D", "E", "F", "G", d="Segno", e="DaCoda", f="DaSegnoAlCoda", g="Coda")),
        "C | D | E | F | D | E | G",
    ),
    "simile marks": (
        gp(whole("C"), "Simple", [(2, "F", 60), (2, "G", 60)], "FirstOfDouble", "SecondOfDouble"),
        "C | C | F G@2 | C | F G@2",
    ),
    "pick-up": (gp([(1, "G7", 67)], whole("C"), head="<Anacrusis/>"), "G7 | C"),
    "chords of two tracks": (
        gp(whole(""), whole(""), tracks=[("Voice", [whole(""), whole("")]),
                                         ("Guitar", [whole("C"), [(2, "F", 60), (2, "G", 60)]])]),
        "C | F G@2",
    ),
    "text chords": (gp(whole("Bb7"), kind="ChordCollection"), "Bb7"),
    "block chords": (
        gp([(2, "", 48, 52, 55), (2, "", 48, 52, 55)], [(4, "", 45, 48, 52, 55)]), "C | Am7"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHARTS)
def test_chords_begin_on_their_beats(name: str) -> None:
    data, expected = CHARTS[name]
    assert shown(read_guitar_pro(data, None)) == expected


def test_tempo_key_title_and_sections() -> None:
    data = gp(
        ("4/4", "§A", whole("Bbm")), ("4/4", "§B", whole("F7")),
        tempi=("0 0 120 2", "0 0.5 60 1", "1 0 90 3"), key="-5 Minor",
    )  # fmt: skip
    chart = read_guitar_pro(data, None)
    assert [(t.onset, t.bpm) for t in chart.tempo_map] == [(0, 120), (2, 30), (4, 135)]
    assert (chart.title, chart.key) == ("A Song", "Bbm")
    assert [(s.onset, s.name) for s in chart.sections] == [(0, "A"), (4, "B")]


def test_the_melody_is_the_named_track_or_the_first_of_single_notes() -> None:
    strummed: list[Beat] = [(4, "C", 48, 52, 55)]
    tune: list[Beat] = [(1, "", 60), (1, ""), (2, "", 64)]
    tracks = [("Drums", [tune]), ("Guitar", [strummed]), ("Lead Vocal", [tune])]
    chart = read_guitar_pro(gp(whole(""), tracks=tracks), None)
    assert [(n.onset, n.length, n.key) for n in chart.melody] == [(0, 1, 60), (2, 2, 64)]
    assert "melody of 'Lead Vocal', by its name of 2 tracks" in chart.notes
    unnamed = gp(whole(""), tracks=[("Guitar", [strummed]), ("Flute", [tune])])
    assert [n.key for n in read_guitar_pro(unnamed, None).melody] == [60, 64]
    tied = gp([(4, "C", 60)], [(2, "", -60), (2, "", 62)])
    assert [(n.onset, n.length) for n in read_guitar_pro(tied, None).melody] == [(0, 6), (6, 2)]
    assert not read_guitar_pro(gp(strummed), None).melody


def test_tuplets_and_grace_notes() -> None:
    data = gp([(1, "C", 60), (1, "F", 62), (1, "G", 64), (2, "A", 65)])
    text = opened(data)
    triplet = text.replace(
        "Quarter</NoteValue>", 'Quarter</NoteValue><PrimaryTuplet num="3" den="2"/>'
    )
    chart = read_guitar_pro(packed(triplet), None)
    assert shown(chart) == "C F@2/3 G@4/3 A@2"
    assert chart.melody[1].length == Fraction(2, 3)
    grace = text.replace("<Notes>0", "<GraceNotes>BeforeBeat</GraceNotes><Notes>0", 1)
    assert shown(read_guitar_pro(packed(grace), None)) == "F G@1 A@2"


def test_a_chord_without_a_readable_name_is_that_of_its_degrees() -> None:
    degrees = (
        '<Chord><KeyNote step="F" accidental="Sharp"/><BassNote step="F" accidental="Sharp"/>'
        '<Degree interval="Third" alteration="Minor" omitted="false"/>'
        '<Degree interval="Fifth" alteration="Diminished" omitted="false"/>'
        '<Degree interval="Seventh" alteration="Minor" omitted="false"/>'
        '<Degree interval="Ninth" alteration="Major" omitted="true"/></Chord>'
    )
    assert shown(read_guitar_pro(gp(whole("my chord"), item=degrees), None)) == "F#m7b5"
    chart = read_guitar_pro(gp(whole("C"), whole("my chord")), None)
    assert shown(chart) == "C | " and any("my chord" in note for note in chart.notes)


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("<Value>120 2", "<Value>1e99999 2", "'1e99999' at bar 1 is no number"),
        ("<Position>0", "<Position>1e-99999", "'1e-99999' at bar 1 is no number"),
        ("<Bar>0", "<Bar>1e99999", "'1e99999' at a tempo is no number"),
        ('count="2"', 'count="1e99999"', "'1e99999' at bar 1 is no number"),
        ("<Value>120 2", "<Value>1.2E+02 2", ""),
        ("Quarter</NoteValue>", 'Quarter</NoteValue><AugmentationDot count="-5"/>', ""),
    ],
)
def test_numbers_are_bounded_before_they_are_computed(old: str, new: str, words: str) -> None:
    text = opened(gp(("4/4", "|::|", [(1, "C", 60)])))
    assert old in text
    data = packed(text.replace(old, new, 1))
    if words:
        with pytest.raises(ChartError, match=re.escape(words)):
            read_guitar_pro(data, None)
    else:
        chart = read_guitar_pro(data, None)
        assert shown(chart) == "C | C" and [t.bpm for t in chart.tempo_map] == [120]
        assert chart.melody[0].length == 1


def test_beats_that_bars_share_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guitar_pro, "_MAX_BEATS", 900)
    beats = [(0.25, "C", 60)] * 10
    text = opened(gp(*[beats] * 2))
    bar = text[text.index("<MasterBar>") : text.index("</MasterBars>")]
    assert len(read_guitar_pro(packed(text.replace(bar, bar * 10)), None).bars) == 20
    with pytest.raises(ChartError, match="more beats than are read"):
        read_guitar_pro(packed(text.replace(bar, bar * 30)), None)
    voices = text.replace(" -1 -1 -1</Voices>", " 0" * 999 + "</Voices>")  # the first four count
    assert len(read_guitar_pro(packed(voices), None).bars) == 2


def test_what_is_not_followed_is_noted(tmp_path: Path) -> None:
    data = gp(*bars("C", "F", f="DaSegnoSegno"))
    (tmp_path / "song.gp").write_bytes(data)
    chart: Chart = load_chart(tmp_path / "song.gp", bpm=90)
    assert "'DaSegnoSegno' at bar 2 is not followed" in chart.notes
    assert chart.tempo_map[0].bpm == 90
    (tmp_path / "song.xml").write_bytes(data)
    assert load_chart(tmp_path / "song.xml", bpm=90) == chart


@pytest.mark.parametrize(
    "data, words",
    [
        (b"\x18FICHIER GUITAR PRO v5.10" + bytes(99), "files before Guitar Pro 7 are not read"),
        (b"BCFZ" + bytes(99), "save it as .gp, .musicxml or .mid"),
        (gp(whole("C"))[:-40], "no whole zip archive"),
        (packed("<GPIF>"), "no whole XML document"),
        (packed("<other/>"), "the document is a 'other', not a GPIF"),
        (packed("<GPIF/>"), "no chord and no melody"),
        (packed('<!DOCTYPE a [<!ENTITY b "c">]><GPIF/>'), "declares entities"),
        (packed(b"<GPIF>" + b" " * (32 * 2**20)), "larger than the 32 MiB"),
        (packed("<GPIF><MasterBars>" + "<MasterBar/>" * 10_001 + "</MasterBars></GPIF>"),
         "more than 10,000 bars"),
        (packed("<GPIF>" + "<a>" * 99), "64 within each other"),
        (packed("<GPIF/>", "Content/other"), "as MusicXML: the archive has no 'META-INF"),
    ],
)  # fmt: skip
def test_a_broken_file_is_one_line(data: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "song.gp").write_bytes(data)
    with pytest.raises(ChartError, match=words) as caught:
        load_chart(tmp_path / "song.gp")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
