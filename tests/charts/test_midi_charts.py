from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import mido
import pytest
from charts import shown
from mido import Message, MetaMessage, MidiFile, MidiTrack

from jasco.charts import Chart, load_chart
from jasco.charts.midi import read_midi_chart
from jasco.charts.templates import name_of_keys
from jasco.chords import CHORD_NAMES
from jasco.chords.vocabulary import QUALITIES, SPELLINGS
from jasco.errors import ChartError

Event = tuple[float, Message | MetaMessage]
QUARTER = 480


def midi(*tracks: Sequence[Event]) -> bytes:
    """File of tracks of (onset in quarter notes, message)."""
    file = MidiFile(ticks_per_beat=QUARTER)
    for events in tracks:
        track, now = MidiTrack(), 0
        for at, message in sorted(events, key=lambda event: event[0]):
            tick = round(at * QUARTER)
            track.append(message.copy(time=tick - now))
            now = tick
        file.tracks.append(track)
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def texts(kind: str, *named: tuple[float, str]) -> list[Event]:
    names = {"marker": "marker", "text": "text", "lyrics": "lyrics", "cue_marker": "cue_marker"}
    return [(at, MetaMessage(names[kind], text=text)) for at, text in named]


def notes(*played: tuple[float, float, int], channel: int = 0, name: str = "") -> list[Event]:
    events: list[Event] = [(0, MetaMessage("track_name", name=name))] if name else []
    for at, length, key in played:
        events.append((at, Message("note_on", note=key, velocity=90, channel=channel)))
        events.append((at + length, Message("note_on", note=key, velocity=0, channel=channel)))
    return events


def metre(at: float, beats: int, unit: int) -> Event:
    return at, MetaMessage("time_signature", numerator=beats, denominator=unit)


def xf(at: float, *data: int) -> Event:
    return at, MetaMessage("sequencer_specific", data=(0x43, 0x7B, 0x01, *data))


def blocks(*chords: tuple[float, Sequence[int]], name: str = "Piano") -> list[Event]:
    return notes(*((at, 2, key) for at, keys in chords for key in keys), name=name)


C, AM, G7, F = (48, 64, 67, 72), (45, 60, 64), (43, 59, 62, 65), (53, 57, 60)
PAD = notes((0, 8, 36), name="bass")  # two bars

# Tracks -> chords by bar, with offsets in quarter notes; worked out by hand.
CHARTS: dict[str, tuple[list[list[Event]], str]] = {
    "markers": ([texts("marker", (0, "C"), (2, "G7"), (4, "Am")), PAD], "C G7@2 | Am"),
    "texts": ([texts("text", (0, "C"), (6, "F#m7b5")), PAD], "C | F#m7b5@2"),
    "lyrics": ([texts("lyrics", (0, "[C]"), (4, "[G]")), PAD], "C | G"),
    "cue points are sections": (
        [texts("cue_marker", (0, "A"), (4, "B")), texts("marker", (0, "C")), PAD],
        "C | ",
    ),
    "sections beside chords": (
        [texts("marker", (0, "Intro"), (0, "Csus4"), (4, "D/F#")), PAD],
        "C | D/F#",
    ),
    "the kind with the most names": (
        [texts("text", (0, "C"), (2, "F"), (4, "G")) + texts("marker", (0, "A"), (4, "B")), PAD],
        "C F@2 | G",
    ),
    "letters of sections": (
        [texts("marker", (0, "A"), (2, "B"), (4, "A")), blocks((0, C), (4, F))],
        "C | F",
    ),
    "markers of bare letters": ([texts("marker", (0, "A"), (2, "D"), (4, "E")), PAD], "A D@2 | E"),
    "words of a song": (
        [texts("lyrics", (0, "A"), (1, "long"), (2, "time"), (3, "a-"), (4, "go")),
         blocks((0, C), (4, F))],
        "C | F",
    ),
    "Yamaha XF": (
        [[xf(0, 0x31, 0, 0x7F, 0x7F), xf(2, 0x26, 10), xf(4, 0x44, 11), xf(6, 0x31, 0, 0x33)],
         texts("marker", (0, "F")), PAD],
        "C Abm7@2 | F#m7b5 C/E@2",
    ),
    "block chords": ([blocks((0, C), (2, AM), (4, G7), (6, G7))], "C Am@2 | G7"),
    "block chords of the named track": (
        [blocks((0, F), (2, F), (4, F), name="hits"), blocks((0, C), (4, AM), name="Chords")],
        "C | Am",
    ),
    "metre in the middle": (
        [[metre(0, 3, 4), metre(6, 4, 4), metre(10, 6, 8)],
         texts("marker", (0, "C"), (3, "G"), (6, "F"), (10, "A")), notes((0, 13, 40))],
        "C | G | F | A",
    ),
    "pick-up": (
        [[metre(0, 1, 4), metre(1, 4, 4)], texts("marker", (1, "C"), (5, "G")), notes((0, 9, 40))],
        " | C | G",
    ),
    "type 0": ([texts("marker", (0, "C")) + PAD], "C | "),
}  # fmt: skip


@pytest.mark.parametrize("name", CHARTS)
def test_chords_begin_on_their_beats(name: str) -> None:
    tracks, expected = CHARTS[name]
    assert shown(read_midi_chart(midi(*tracks), None)) == expected


def test_the_melody_is_found_by_its_name_or_its_height() -> None:
    low, high = notes((0, 1, 50), (1, 1, 52), name="Lead vocal"), notes((0, 2, 90), name="flute")
    drums = notes((0, 1, 100), channel=9, name="drums")
    chart = read_midi_chart(midi(low, high, drums, blocks((0, C))), None)
    assert [(n.onset, n.length, n.key) for n in chart.melody] == [(0, 1, 50), (1, 1, 52)]
    assert any("melody of 'Lead vocal', by its name of 2" in note for note in chart.notes)
    assert any("block chords of 'Piano' are named by their keys" in note for note in chart.notes)
    unnamed = read_midi_chart(midi(notes((0, 1, 50), name="x"), high, drums), None)
    assert [n.key for n in unnamed.melody] == [90] and not unnamed.chords
    pedal = [(0, Message("control_change", control=64, value=127)),
             (3, Message("control_change", control=64, value=0))]  # fmt: skip
    held = read_midi_chart(midi(notes((0, 1, 60)) + pedal), None)
    assert held.melody[0].length == 3


def test_tempo_metre_key_title_and_sections() -> None:
    head: list[Event] = [
        (0, MetaMessage("track_name", name="A Song")),
        (0, MetaMessage("set_tempo", tempo=400_000)),
        (6, MetaMessage("set_tempo", tempo=1_000_000)),
        (0, MetaMessage("key_signature", key="Bbm")),
        metre(0, 6, 8),
    ]
    marks = texts("marker", (0, "Intro"), (3, "Chorus"))
    chart = read_midi_chart(midi(head, marks, notes((0, 9, 60))), None)
    assert [(change.onset, change.bpm) for change in chart.tempo_map] == [(0, 150), (6, 60)]
    assert (chart.title, chart.key, len(chart.bars)) == ("A Song", "Bbm", 3)
    assert [(s.onset, s.name) for s in chart.sections] == [(0, "Intro"), (3, "Chorus")]
    assert "the file has no metre: 4/4" in read_midi_chart(midi(PAD), None).notes


def test_letters_of_sections_are_sections() -> None:
    chart = read_midi_chart(midi(texts("marker", (0, "A"), (4, "B")), PAD), None)
    assert [s.name for s in chart.sections] == ["A", "B"] and not chart.chords


def test_a_file_without_beats_counts_seconds() -> None:
    data = bytearray(midi(texts("marker", (0, "C")), PAD))
    data[12:14] = (256 - 25).to_bytes(1, "big") + bytes(
        [40]
    )  # 25 frames of 40 ticks: 1000 a second
    chart: Chart = read_midi_chart(bytes(data), None)
    assert chart.melody[0].length == Fraction(8 * QUARTER * 2, 1000)
    progression = chart.to_chords()
    assert progression is not None and progression.end == 4  # two bars of 2 s
    assert any("SMPTE" in note for note in chart.notes)


def test_block_chords_of_the_vocabulary_are_named() -> None:
    for (root, quality, bass), name in SPELLINGS.items():
        steps = QUALITIES[quality].values()
        keys = [36 + (root + bass) % 12, *(60 + (root + step) % 12 for step in (0, *steps))]
        sound = {key % 12 for key in keys}
        found = name_of_keys(keys)
        same = [n for (r, q, b), n in SPELLINGS.items()
                if {(r + s) % 12 for s in (0, b, *QUALITIES[q].values())} == sound]  # fmt: skip
        assert found in same and (found == name or len(same) > 1)
    assert name_of_keys([60, 67]) is None and len(CHORD_NAMES) == 194
    assert name_of_keys([48, 64, 67, 71, 74]) == "Cmaj7"


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "no MIDI|header"),
        (bytes(2**21 + 1), "larger than the 2 MiB"),
        (midi(PAD)[:20], "no pitched notes|holds no|track"),
        (midi(texts("marker", (0, "Intro"))), "no chord and no melody"),
        (midi([metre(0, 1, 4)], notes((0, 20_000, 60))), "more than 10,000 bars"),
        (midi(notes(*((n / 8, 0.1, 60) for n in range(100_001)))), "more than 100,000 notes"),
    ],
)
def test_a_broken_file_is_one_line(data: bytes, words: str) -> None:
    with pytest.raises(ChartError, match=words) as caught:
        read_midi_chart(data, None)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_the_content_decides_over_the_suffix(tmp_path: Path) -> None:
    (tmp_path / "song.xml").write_bytes(midi(*CHARTS["markers"][0]))
    assert shown(load_chart(tmp_path / "song.xml")) == CHARTS["markers"][1]
    assert mido.MidiFile(tmp_path / "song.xml").ticks_per_beat == QUARTER
