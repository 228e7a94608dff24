"""Composed songs: coverage of the vocabulary, and labels that equal the notes."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import mir_eval
import numpy as np
import pytest
import torch

from jasco.band import Song, compose_song
from jasco.band.accompaniment import BASS_LINES, COMPING
from jasco.band.description import MOODS, TEMPO_CLASSES
from jasco.band.drums import FREE
from jasco.band.genres import GENRES
from jasco.band.grid import METERS
from jasco.band.grooves import FAMILIES, PIECES
from jasco.band.harmony import CHORDS, HARMONIC_RHYTHMS, LANGUAGES, MODES
from jasco.band.instruments import BASSES, KITS, PITCHED
from jasco.band.lead import DENSITIES
from jasco.chords import CHORD_NAMES, ChordProgression
from jasco.chords.vocabulary import ROOTS
from jasco.errors import SettingError
from jasco.melody import LOWEST_NOTE, NUM_NOTES, Melody

ROLES = {"lead", "chords", "pad", "bass", "drums"}


@pytest.fixture(scope="module")
def songs() -> list[Song]:
    return [compose_song(f"0/{number}") for number in range(1000)]


def test_a_thousand_songs_hold_every_name(songs):
    assert {name for song in songs for name in song.chords.names} == set(CHORD_NAMES)


def test_a_thousand_songs_hold_every_option(songs):
    def choices(name):
        return {song.facts[name] for song in songs}

    def played(kind, role):
        return {song.facts[kind][role] for song in songs if role in song.facts[kind]}

    harmonies = [found for song in songs for found in song.facts["harmony"].values()]
    assert choices("genre") == set(GENRES) and choices("mode") == set(MODES)
    assert choices("mood") == {word for words in MOODS.values() for word in words}
    assert choices("tempo_class") == set(TEMPO_CLASSES) and choices("ends") == {True, False}
    assert {song.meter for song in songs} == set(METERS)
    assert {song.key.split()[0] for song in songs} == set(ROOTS)
    assert {label for song in songs for label in song.form} == {
        "intro", "verse", "chorus", "bridge", "break", "end",
    }  # fmt: skip
    assert {language for language, _ in harmonies} == set(LANGUAGES)
    assert {rhythm for _, rhythm in harmonies} == set(HARMONIC_RHYTHMS)
    assert played("patterns", "drums") == {*FAMILIES, FREE}
    assert played("patterns", "chords") == set(COMPING)
    assert played("patterns", "bass") == set(BASS_LINES)
    assert played("patterns", "lead") == set(DENSITIES)
    assert played("instruments", "bass") == set(BASSES)
    assert played("instruments", "drums") == set(KITS)
    pitched = [played("instruments", role) for role in ("lead", "chords", "pad")]
    assert set.union(*pitched) == set(PITCHED)
    assert {note.pitch for song in songs for note in song.hits} == set(PIECES.values())
    leads = [song.parts["lead"].notes for song in songs if "lead" in song.parts]
    rows = {note.pitch - LOWEST_NOTE for notes in leads for note in notes}
    assert rows == set(range(NUM_NOTES))


def test_no_chord_is_too_short_to_be_heard(songs):
    lasting = [
        later - onset
        for song in songs
        for onset, later in zip(song.chords.onsets, song.chords.onsets[1:], strict=False)
    ]
    assert 0.4 < min(lasting) < 0.6


def test_each_part_is_absent_now_and_then(songs):
    shares = {role: sum(role not in song.parts for song in songs) / 1000 for role in ROLES}
    assert 0.1 < shares["drums"] < 0.25 and 0.15 < shares["lead"] < 0.35
    assert 0.01 < shares["chords"] < 0.05 and 0.03 < shares["bass"] < 0.2
    assert all(song.parts for song in songs)


def test_instruments_are_independent_of_drums_in_some_songs(songs):
    """Text would otherwise tell all about the drums, and a model need not listen to them."""
    by_genre = Counter((song.facts["genre"], song.facts["patterns"].get("drums")) for song in songs)
    own = sum(n for (g, family), n in by_genre.items() if family in GENRES[g].drums)
    assert 0.7 < own / sum(n for (_, family), n in by_genre.items() if family) < 0.95


def test_the_same_seed_gives_the_same_song_and_another_another():
    assert compose_song(7) == compose_song("7")
    assert len({str(compose_song(seed).parts) for seed in range(30)}) == 30


@pytest.mark.parametrize("duration", [0.4, 3.0, 95.0])
def test_any_duration_is_filled(duration):
    for seed in range(10):
        song = compose_song(seed, duration)
        assert song.chords.end == duration
        ends = [note.offset for part in song.parts.values() for note in part.notes]
        assert all(end <= duration for end in ends)
        if not song.facts["ends"] and duration > 1:
            assert max(ends) > duration - 2.5


@pytest.mark.parametrize("duration", [0.0, -1.0, float("nan"), float("inf")])
def test_no_song_without_length(duration):
    with pytest.raises(SettingError, match="positive duration"):
        compose_song(0, duration)


def test_notes_are_playable(songs):
    for song in songs[:300]:
        for role, part in song.parts.items():
            assert part.notes and list(part.notes) == sorted(part.notes, key=lambda n: n.onset)
            for note in part.notes:
                assert 0 <= note.onset < note.offset <= song.duration
                assert 1 <= note.velocity <= 127
            voices = {} if role != "lead" else None
            for a, b in pairwise(part.notes) if voices is None else ():
                assert a.offset <= b.onset
            for note in part.notes if voices is not None else ():
                assert voices.get(note.pitch, 0.0) <= note.onset
                voices[note.pitch] = note.offset


def test_chords_are_what_sounds(songs):
    """Within each chord nothing else is played, and all of it is where there is time."""
    complete = whole = 0
    for song in songs[:300]:
        starts = [*song.chords.onsets, song.duration]
        parts = [song.parts[role] for role in ("chords", "pad", "bass") if role in song.parts]
        for (name, start), end in zip(song.chords.pairs(), starts[1:], strict=True):
            onsets = [
                (part.instrument.family == "bass", note.pitch % 12)
                for part in parts
                for note in part.notes
                if start + 0.05 <= note.onset < end - 0.05
                or (start - 0.01 <= note.onset < start + 0.05)
            ]
            if name == "N":
                assert not [pitch for _, pitch in onsets], (song.seed, start)
            elif name != "UNK":
                chord = CHORDS[name]
                allowed = {*chord.tones, chord.bass}
                assert all(pitch in allowed for bass, pitch in onsets if not bass), song.seed
                if end - start > 1.5 and "chords" in song.parts:
                    whole += 1
                    complete += allowed <= {pitch for _, pitch in onsets}
    assert whole > 1000 and complete > 0.98 * whole


def test_the_melody_is_the_lead(songs):
    voiced = 0
    for song in songs[:200]:
        melody = song.melody()
        assert melody.roll.shape == (NUM_NOTES, 1000) and melody.frame_rate == 50
        lead = song.parts["lead"].notes if "lead" in song.parts else ()
        rows = melody.rows()
        sounding = torch.full((1000,), -1)
        for note in lead:
            first, stop = (int(t * 50 + 0.5) for t in (note.onset, note.offset))
            sounding[first : max(stop, first + 1)] = note.pitch - LOWEST_NOTE
        assert torch.equal(rows, sounding)
        assert not melody.notices
        voiced += int((rows >= 0).sum())
    assert voiced > 50 * 1000
    silent = next(song for song in songs if "lead" not in song.parts)
    assert not silent.melody().roll.any()


def test_midi_holds_every_note(songs, tmp_path):
    import pretty_midi

    for song in songs[:12]:
        path = tmp_path / "song.mid"
        song.to_midi(path)
        midi = pretty_midi.PrettyMIDI(str(path))
        assert midi.get_tempo_changes()[1] == pytest.approx([song.tempo], rel=1e-5)
        assert str(midi.time_signature_changes[0]).startswith(song.meter)
        assert [track.name for track in midi.instruments] == list(song.parts)
        for track, part in zip(midi.instruments, song.parts.values(), strict=True):
            assert track.is_drum == (part.instrument.family == "drums")
            assert track.program == part.instrument.program
            written = sorted((n.pitch, n.start, n.end, n.velocity) for n in track.notes)
            wanted = sorted((n.pitch, n.onset, n.offset, n.velocity) for n in part.notes)
            np.testing.assert_allclose(written, wanted, atol=1e-3)
    lead = next(song for song in songs if "lead" in song.parts)
    lead.to_midi(path)
    read = Melody.from_midi(path, track="lead").rows()
    same = read == lead.melody().rows()[: len(read)]
    assert same.float().mean() > 0.99  # a tick may move an end across the middle of a frame
    assert not list(tmp_path.glob(".*"))


def test_lab_and_jams_hold_every_chord(songs, tmp_path):
    for song in songs[:50]:
        for suffix, write in ((".lab", song.chords.to_lab), (".jams", song.chords.to_jams)):
            write(tmp_path / f"song{suffix}")
            read = ChordProgression.load(tmp_path / f"song{suffix}")
            assert read.names == song.chords.names
            assert read.onsets == pytest.approx(song.chords.onsets, abs=1e-9)
            assert read.end == song.duration
        intervals, labels = mir_eval.io.load_labeled_intervals(str(tmp_path / "song.lab"))
        assert intervals[-1, 1] == song.duration and len(labels) == len(song.chords.names)


def test_chords_change_on_the_beat(songs):
    """Bars of the song's own tempo and metre hold its progression."""
    song = next(
        s for s in songs
        if all(r == "bar" for _, r in s.facts["harmony"].values()) and s.meter == "6/8"
    )  # fmt: skip
    bar = 6 * 60 / song.bpm
    places = np.array(song.chords.onsets) / bar
    np.testing.assert_allclose(places, places.round(), atol=1e-9)


def test_facts_are_plain(songs):
    import json

    for song in songs[:100]:
        facts = song.to_dict()
        assert json.loads(json.dumps(facts)) == facts
        assert facts["description"] == song.description
    assert len({song.description for song in songs}) > 950


def test_the_lead_is_in_front_and_out_of_the_way_of_the_chords(songs):
    def levels(part):
        return part.instrument.level + 40 * np.log10(part.volume / 127)

    apart, checked = 0, 0
    for song in songs:
        if not {"lead", "chords"} <= set(song.parts):
            continue
        lead = song.parts["lead"]
        for role in {"chords", "pad", "bass"} & set(song.parts):
            assert levels(lead) > levels(song.parts[role]) + 4, song.seed
        middles = [
            np.median([note.pitch for note in part.notes]) for part in (lead, song.parts["chords"])
        ]
        checked += 1
        apart += abs(middles[0] - middles[1]) >= 4
    assert checked > 500 and apart > 0.85 * checked
