"""MIDI files as people send them, and 500 mutated ones against an independent reader."""

from __future__ import annotations

import io
import struct
import time
from collections import defaultdict
from pathlib import Path

import mido
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jasco.errors import MelodyError
from jasco.melody import Melody
from jasco.melody.midi_file import MidiFile, parse_midi

QUARTER = 96


def header(kind: int = 0, tracks: int = 1, division: int = QUARTER) -> bytes:
    return struct.pack(">4sLHHH", b"MThd", 6, kind, tracks, division)


def chunk(body: str, name: bytes = b"MTrk") -> bytes:
    data = bytes.fromhex(body)
    return name + struct.pack(">L", len(data)) + data


def smf(*bodies: str, kind: int | None = None, division: int = QUARTER) -> bytes:
    """File of these tracks in hexadecimal, each ended by its end of track."""
    kind = min(len(bodies) - 1, 1) if kind is None else kind
    tracks = [chunk(body + "00ff2f00") for body in bodies]
    return header(kind, len(bodies), division) + b"".join(tracks)


def read(path: Path, data: bytes, **options: object) -> Melody:
    path.write_bytes(data)
    return Melody.load(path, **options)


PLAIN = "00903c5a 60803c00"  # C for a quarter, half a second at 120 a minute
SECOND = "00ff5103 0f4240"  # a quarter a second
ONE = ((60, 0.0, 0.5),)


def rmid(data: bytes) -> bytes:
    inner = b"RMIDdata" + struct.pack("<L", len(data)) + data + b"LIST" + struct.pack("<L", 0)
    return b"RIFF" + struct.pack("<L", len(inner)) + inner


# name: bytes, notes of the melody, words of the report ("" for no line at all)
FILES: dict[str, tuple[bytes, tuple[tuple[int, float, float], ...], str]] = {
    "tempo in the second track": (
        bytes.fromhex(
            "4d546864000000060001000200604d54726b0000000400ff2f00"
            "4d54726b0000001300ff51030f424000903c5a60803c0000ff2f00"
        ),
        ((60, 0.0, 1.0),),
        "the tempo changes in track chunk 2 count for all tracks",
    ),
    "tempo in the second track, after the first beat": (
        smf(PLAIN + "00903e5a 60803e00", "60ff5103 0f4240"),
        ((60, 0.0, 0.5), (62, 0.5, 1.5)),
        "track chunk 2",
    ),
    "two tempi at one moment": (
        smf(SECOND + PLAIN, "00ff5103 07a120"),
        ONE,
        "the last counts",
    ),
    "no note-off": (
        bytes.fromhex(
            "4d546864000000060000000101e04d54726b0000001700903c5a8360803c000090405a"
            "8f00ff01017800ff2f00"
        ),
        ((60, 0.0, 0.5), (64, 0.5, 2.5)),
        "without a note-off last to the end of the track (1)",
    ),
    "all notes off": (
        smf("00903c5a 00903e5a 60b07b00 60903c5a 60803c00"),
        ((62, 0.0, 0.5), (60, 1.0, 1.5)),
        "overlap higher ones",
    ),
    "all sound off under the pedal": (
        smf("00b0407f 00903c5a 30803c00 30b07800 60b04000"),
        ONE,
        "sustain pedal holds them (1)",
    ),
    "one key struck twice, let go twice": (
        bytes.fromhex(
            "4d546864000000060000000100604d54726b0000001400903c5a60903c5a01803c005f803c0000ff2f00"
        ),
        ((60, 0.0, 0.5), (60, 0.5, 1.0)),
        "",
    ),
    "one key struck twice, let go once": (
        smf("00903c5a 60903c5a 60803c00 60ff010178"),
        ((60, 0.0, 0.5), (60, 0.5, 1.0)),
        "without a note-off",
    ),
    "one key struck twice, let go in one moment": (
        smf("00903c5a 60903c5a 60803c00 00803c00"),
        ((60, 0.0, 0.5), (60, 0.5, 1.0)),
        "",
    ),
    "repeated note": (
        smf(PLAIN + PLAIN),
        ((60, 0.0, 0.5), (60, 0.5, 1.0)),
        "",
    ),
    "sustain pedal": (
        smf("00b0407f 00903c5a 30803c00 30b04000"),
        ONE,
        "notes last as long as the sustain pedal holds them (1)",
    ),
    "pedal that is not lifted": (
        smf("00b0407f 00903c5a 30803c00 30ff010178"),
        ONE,
        "sustain pedal",
    ),
    "pedal below half, and another controller": (
        smf("00b0403f 00b0427f 00903c5a 60803c00 60b04000"),
        ONE,
        "",
    ),
    "reset of all controllers lifts the pedal": (
        smf("00b0407f 00903c5a 30803c00 30b07900 60b04000"),
        ONE,
        "sustain pedal",
    ),
    "a channel per note": (
        smf("00973c5a 60873c00 00983e5a 60883e00 0099405a 60894000 009a425a 608a4200"),
        ((60, 0.0, 0.5), (62, 0.5, 1.0), (64, 1.0, 1.5), (66, 1.5, 2.0)),
        "channel 10 is read as notes and not as drums",
    ),
    "a zone of MPE": (
        smf("00b06500 00b06406 00b0060f 00c130 0099405a 60894000"),
        ((64, 0.0, 0.5),),
        "channel 10 is read as notes and not as drums",
    ),
    "pedal of the zone's master channel": (
        smf("00b06500 00b06406 00b0060f 00b0407f 0091405a 30814000 30b04000"),
        ((64, 0.0, 0.5),),
        "sustain pedal",
    ),
    "a song of General MIDI in one track": (
        smf("00c030 0090405a 0099315a 00913e5a 60804000 00893100 00813e00"),
        ((64, 0.0, 0.5),),
        "channel 10 is drums beside other channels",
    ),
    "neighbouring channels and a reset to General MIDI": (
        smf("00f0057e7f0901f7 00973c5a 60873c00 00983e5a 60883e00 0099405a 60894000"),
        ((60, 0.0, 0.5), (62, 0.5, 1.0)),
        "channel 10 is drums beside other channels",
    ),
    "neighbouring channels and a track called drums": (
        smf("00ff03054472756d73 00973c5a 60873c00 00983e5a 60883e00 0099405a 60894000"),
        ((60, 0.0, 0.5), (62, 0.5, 1.0)),
        "channel 10 is drums beside other channels",
    ),
    "a melody bank of GM2 on channel 10": (smf("00b90079 00993c5a 60893c00"), ONE, ""),
    "a drum bank of GM2 on channel 11": (
        smf("00ba0078 009a505a 608a5000", PLAIN),
        ONE,
        "",
    ),
    "drums of GS on channel 11": (
        smf("00f00a41104212401a150200f7 009a505a 608a5000", PLAIN),
        ONE,
        "",
    ),
    "key signature of nine sharps": (
        smf("00ff59020900" + PLAIN),
        ONE,
        "the key signature 09 00 does not exist",
    ),
    "time signature of nothing": (
        smf("00ff580400021808" + PLAIN),
        ONE,
        "the time signature 00 02 18 08 does not exist",
    ),
    "velocity above 127": (smf("00903c85 60803c00"), ONE, "values above 127"),
    "key above 127": (smf(PLAIN + "00908540 60808500"), ONE, "key above 127"),
    "tempo of nothing": (smf("00ff5103000000" + PLAIN), ONE, "invalid tempo changes (1)"),
    "tempo of two bytes": (smf("00ff51020f42" + PLAIN), ONE, "invalid tempo changes (1)"),
    "three tracks announced, one there": (
        header(1, 3) + chunk(PLAIN + "00ff2f00"),
        ONE,
        "the header says 3 tracks, and 1 are there",
    ),
    "one track announced, two there": (
        header(1, 1) + chunk(PLAIN + "00ff2f00") + chunk("60903e5a 60803e00 00ff2f00"),
        ((60, 0.0, 0.5), (62, 0.5, 1.0)),
        "the header says 1 tracks, and 2 are there",
    ),
    "unknown chunk": (
        header(1, 1) + chunk("4d54726b", b"XFIH") + chunk(PLAIN + "00ff2f00"),
        ONE,
        "the chunk 'XFIH' is none of MIDI's",
    ),
    "longer header": (
        b"MThd" + bytes.fromhex("00000008 0000 0001 0060 abcd") + chunk(PLAIN + "00ff2f00"),
        ONE,
        "",
    ),
    "bytes before the header": (b"\0" * 128 + smf(PLAIN), ONE, "128 bytes before the header"),
    "RMID wrapper": (rmid(smf(PLAIN)), ONE, "RIFF"),
    "type 3": (smf(PLAIN, kind=3), ONE, "type 3, which does not exist"),
    "SMPTE division of milliseconds": (
        smf("00ff5103 0f4240 00903c5a 8374803c00", division=0xE728),
        ONE,
        "",
    ),
    "SMPTE division of 29.97 frames": (
        smf("00903c5a 81 16803c00".replace(" ", ""), division=0xE30A),  # 150 of 299.7 a second
        ((60, 0.0, 0.5),),
        "",
    ),
    "type 2": (
        smf(SECOND + PLAIN, "00903e5a 60803e00", kind=2),
        ((60, 0.0, 1.0),),
        "of type 2, 2 sequences that do not sound together",
    ),
    "type 2 whose first sequence has no notes": (
        smf(SECOND, PLAIN, kind=2),
        ONE,
        "of type 2",
    ),
    "no end of track": (header() + chunk(PLAIN), ONE, "has no end of track"),
    "track cut off": (
        smf(PLAIN + "00903e5a 60803e00")[:-9],
        ONE,
        "is broken at byte",
    ),
    "track length of nothing": (
        header(1, 2) + b"MTrk\0\0\0\0" + bytes.fromhex(PLAIN + "00ff2f00") + chunk("00ff2f00"),
        ONE,
        "not as long as it says",
    ),
    "track length beyond the file": (
        header(1, 2) + b"MTrk\0\0\xff\xff" + bytes.fromhex(PLAIN + "00ff2f00") + chunk("00ff2f00"),
        ONE,
        "not as long as it says",
    ),
    "bytes after the end of track": (
        header() + chunk(PLAIN + "00ff2f00 00000000"),
        ONE,
        "4 bytes after the end of track",
    ),
    "a byte of padding between chunks": (
        header(1, 2) + chunk(PLAIN + "00ff2f00") + b"\0" + chunk("00ff2f00"),
        ONE,
        "not as long as it says",
    ),
    "system messages": (smf("00f8 00f17f" + PLAIN), ONE, "system messages (F8)"),
    "running status after a text": (smf("00903c5a 00ff010178 603c00"), ONE, ""),
    "note of no length": (smf(PLAIN + "00903e5a 00803e00"), ONE, "notes of no length are left out"),
    "note-off of a silent key": (smf("00803e00" + PLAIN + "00803c00"), ONE, ""),
    "bends, pressures and system exclusive": (
        smf("00e00040 00d040 00a03c40 00f0047d0102f7 00f70101" + PLAIN),
        ONE,
        "",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_right_and_what_was_odd_is_said(name: str, tmp_path: Path) -> None:
    data, notes, words = FILES[name]
    melody = read(tmp_path / "a.mid", data)
    assert melody.notes() == notes
    assert any(words in line for line in melody.notices) if words else melody.notices == ()


@pytest.mark.parametrize("suffix", [".mid", ".midi", ".MID", ".kar", ".rmi", ".smf"])
def test_every_suffix_of_midi_is_read(suffix: str, tmp_path: Path) -> None:
    assert read(tmp_path / f"a{suffix}", smf(PLAIN)).notes() == ONE


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "no header"),
        (b"MThd", "cut off"),
        (header(), "no track"),
        (smf(PLAIN, division=0), "0 ticks a quarter"),
        (smf(PLAIN, division=0xE700), "0 ticks a frame"),
        (header(1, 2000) + chunk("00ff2f00") * 2000, "more than 1,000 tracks"),
        (header() + chunk("00ff2f00") + b"\0" * 2**21, "2 MiB"),
        (smf("00903c5a 84e2ad00803c00", division=48), "10,000 s"),  # tick 10 million
        (smf("00993c5a 60893c00"), "its pitched tracks are none (1 notes are drums)"),
    ],
)
def test_what_cannot_be_read_is_refused_at_once(data: bytes, words: str, tmp_path: Path) -> None:
    started = time.perf_counter()
    with pytest.raises(MelodyError) as caught:
        read(tmp_path / "a.mid", data)
    assert words in str(caught.value) and "a.mid" in str(caught.value)
    assert time.perf_counter() - started < 5


def test_a_track_is_chosen_by_number_name_or_channel(tmp_path: Path) -> None:
    lead, bass = "00ff03044c656164" + PLAIN, "00ff030442617373 0090245a 60802400"
    data = smf(lead, bass + "0091435a 60814300", SECOND)
    for track, keys in ((0, [60]), (1, [48]), (2, [67]), ("bass", [48, 67]), (" LEAD", [60])):
        assert [note[0] for note in read(tmp_path / "a.mid", data, track=track).notes()] == keys
    with pytest.raises(MelodyError, match="0 'Lead', 1 'Bass' channel 1, 2 'Bass' channel 2"):
        read(tmp_path / "a.mid", data, track=3)
    second = smf(SECOND + PLAIN, "00903e5a 60803e00", kind=2)
    assert read(tmp_path / "a.mid", second, track=1).notes() == ((62, 0.0, 0.5),)
    (tmp_path / "a.json").write_text("[[60, 0, 1]]")
    with pytest.raises(MelodyError, match="is one of a MIDI file"):
        Melody.load(tmp_path / "a.json", track=1)


def test_repeated_notes_are_there_after_writing_and_reading(tmp_path: Path) -> None:
    notes = ((60, 0.0, 0.5), (60, 0.5, 1.0), (62, 1.0, 1.5), (62, 1.5, 1.52), (60, 2.0, 2.5))
    path = Melody.from_notes(notes).to_midi(tmp_path / "a.mid")
    melody = Melody.from_midi(path)
    assert melody.notes() == notes and melody.notices == ()


def test_texts_metre_key_and_tempo_are_read() -> None:
    texts = "00ff0306c3a974756465 00ff0501e9 60ff0603412042"
    file = parse_midi(smf("00ff580406031808 60ff5902fd01 00ff5103 0f4240", texts, PLAIN))
    (sequence,) = file.sequences
    assert file.format == 1 and file.ticks_per_quarter == QUARTER and not file.notices
    assert [tuple(s) for s in sequence.time_signatures] == [(0, 0.0, 6, 8)]
    assert [tuple(s) for s in sequence.key_signatures] == [(96, 0.5, -3, True)]
    assert [tuple(c) for c in sequence.tempo_map.changes] == [(0, 0.0, 120.0), (96, 0.5, 60.0)]
    assert sequence.tempo_map.seconds(192) == 1.5
    named = sequence.tracks[1]
    assert named.name == "étude"
    assert [tuple(t) for t in named.texts] == [
        (0, 0.0, "track", "étude"),
        (0, 0.0, "lyric", "é"),
        (96, 0.5, "marker", "A B"),
    ]
    assert tuple(sequence.tracks[2].notes[0]) == (60, 0.0, 0.5, 0, 96, 90, 1)


# --- an independent reader ------------------------------------------------------------------------

Played = list[tuple[float, float, int, int]]
"""Onset and offset (s), channel from 1 and key."""


def seconds_of(file: mido.MidiFile) -> dict[int, float]:
    """Time of every tick at which something happens, by mido's own sum of deltas."""
    times: dict[int, float] = {}
    tick, second, tempo = 0, 0.0, 500_000
    for message in mido.merge_tracks(file.tracks):
        tick += message.time
        second += mido.tick2second(message.time, file.ticks_per_beat, tempo)
        times[tick] = second
        tempo = message.tempo if message.type == "set_tempo" else tempo
    return times


def reference(file: mido.MidiFile, track: mido.MidiTrack) -> Played:
    """Notes of a track by looking up, for each strike, what ends it.

    Strikes and releases of a key are numbered; the release of a strike is the first after it that
    no older strike has taken, the last release of the key where all are taken, or the end.
    """
    times = seconds_of(file)
    tick, events = 0, []
    for message in track:
        tick += message.time
        events.append((tick, message))
    end = len(events) - 1
    strikes, releases = defaultdict(list), defaultdict(list)
    pedals: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for place, (_, message) in enumerate(events):
        if message.type == "note_on" and message.velocity:
            strikes[message.channel, message.note].append(place)
        elif message.type in ("note_on", "note_off"):
            releases[message.channel, message.note].append((place, False))
        elif message.is_cc() and message.control == 123:
            for key in range(128):
                releases[message.channel, key].append((place, True))
        elif message.is_cc() and message.control in (64, 121):
            down = message.control == 64 and message.value >= 64
            pedals[message.channel].append((place, down))
    found = []
    for (channel, key), places in strikes.items():
        last = max((p for p, whole in releases[channel, key] if not whole), default=-1)
        ends: dict[int, int] = {}
        for place, whole in releases[channel, key]:
            open_ = [p for p in places if p < place and p not in ends]
            for strike in open_ if whole or place == last else open_[:1]:
                ends[strike] = place
        for strike in places:
            stop = ends.get(strike, end)
            before = [down for place, down in pedals[channel] if place < stop]
            if before and before[-1]:
                after = [place for place, down in pedals[channel] if place > stop and not down]
                stop = after[0] if after else end
            onset, offset = events[strike][0], events[stop][0]
            if offset > onset:
                found.append((times[onset], times[offset], channel + 1, key))
    return sorted(found)


def read_by_us(file: MidiFile, number: int) -> Played:
    (sequence,) = file.sequences
    notes = sequence.tracks[number].notes
    return sorted((note.onset, note.offset, note.channel, note.key) for note in notes)


def message(kind: str, delta: int, channel: int, first: int, second: int) -> mido.Message:
    if kind == "pedal":
        return mido.Message("control_change", channel=channel, control=64, value=second, time=delta)
    if kind in ("121", "123", "7"):
        return mido.Message(
            "control_change", channel=channel, control=int(kind), value=0, time=delta
        )
    if kind == "tempo":
        return mido.MetaMessage("set_tempo", tempo=1 + 9999 * first, time=delta)
    if kind == "text":
        return mido.MetaMessage("lyrics", text="la", time=delta)
    if kind == "bend":
        return mido.Message("pitchwheel", channel=channel, pitch=64 * first, time=delta)
    if kind == "sysex":
        return mido.Message("sysex", data=(125, first, second), time=delta)
    return mido.Message(kind, channel=channel, note=first, velocity=second, time=delta)


KINDS = ["note_on"] * 6 + ["note_off"] * 5 + ["pedal"] * 2
KINDS += ["121", "123", "7", "tempo", "text", "bend", "sysex"]
messages = st.builds(
    message,
    st.sampled_from(KINDS),
    st.sampled_from([0, 0, 1, 7, 96, 500, 20_000]),
    st.sampled_from([0, 1, 9]),
    st.sampled_from([0, 36, 60, 61, 127]),
    st.sampled_from([0, 0, 1, 63, 64, 127]),
)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.lists(messages, max_size=40), min_size=1, max_size=4),
    st.sampled_from([1, 96, 480, 32_767]),
)
def test_notes_of_500_mutated_files_are_those_of_the_reference(
    tracks: list[list[mido.Message]], quarter: int
) -> None:
    kind = 0 if len(tracks) == 1 else 1
    written = mido.MidiFile(
        type=kind, ticks_per_beat=quarter, tracks=list(map(mido.MidiTrack, tracks))
    )
    buffer = io.BytesIO()
    written.save(file=buffer)
    buffer.seek(0)
    file = mido.MidiFile(file=buffer)  # as stored, with the ends of tracks
    ours = parse_midi(buffer.getvalue())
    for number, track in enumerate(file.tracks):
        for found, expected in zip(read_by_us(ours, number), reference(file, track), strict=True):
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from([data for data, _, _ in FILES.values()]),
    st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=4), st.integers(0, 4)), max_size=4),
)
def test_what_is_mutated_is_read_or_refused(
    data: bytes, changes: list[tuple[int, bytes, int]]
) -> None:
    for place, insert, removed in changes:
        data = data[:place] + insert + data[place + removed :]
    started = time.perf_counter()
    try:
        file = parse_midi(data)
    except MelodyError:
        return
    finally:
        assert time.perf_counter() - started < 5
    for sequence in file.sequences:
        for track in sequence.tracks:
            assert all(0 <= n.key <= 127 and n.onset < n.offset for n in track.notes)
