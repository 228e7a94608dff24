"""Melodies, on rolls and notes whose columns can be counted, and on the original's golden data."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import resource
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
import torch

from jasco.errors import MelodyError, MissingPartError
from jasco.melody import LOWEST_NOTE, NUM_NOTES, Melody, note_name, resample_salience

SALIENCE_RATE = 22050 / 256


def roll_of(*rows: int) -> torch.Tensor:
    """(53, T) one-hot roll; -1 is silence."""
    roll = torch.zeros(NUM_NOTES, len(rows))
    for column, row in enumerate(rows):
        if row >= 0:
            roll[row, column] = 1.0
    return roll


def random_rows(length: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(-1, NUM_NOTES, (length,), generator=torch.Generator().manual_seed(seed))


def write_midi(path: Path, *tracks: tuple[str, bool, list[tuple[int, float, float]]]) -> Path:
    midi = pretty_midi.PrettyMIDI(resolution=1000)
    for name, is_drum, notes in tracks:
        instrument = pretty_midi.Instrument(program=0, is_drum=is_drum, name=name)
        instrument.notes = [pretty_midi.Note(90, *note) for note in notes]
        midi.instruments.append(instrument)
    midi.write(str(path))
    return path


# Rolls


def test_a_melody_keeps_a_float_copy_of_its_array() -> None:
    for array in (
        np.zeros((53, 4), np.uint8),
        np.zeros((53, 4), bool),
        torch.zeros(53, 4, dtype=torch.bfloat16),
        [[0.0] * 4] * 53,
    ):
        melody = Melody.from_array(array)
        assert melody.roll.shape == (53, 4) and melody.roll.dtype == torch.float32
        assert melody.frame_rate is None and melody.notices == ()
    array = np.zeros((53, 4), np.float32)
    melody = Melody.from_array(array)
    array[:] = 1
    assert melody.roll.sum() == 0


@pytest.mark.parametrize(
    "array, words",
    [
        (np.zeros((500, 53)), "transpose"),
        (np.zeros((52, 10)), r"\(52, 10\)"),
        (np.zeros(53), r"\(53,\)"),
        (np.zeros((1, 53, 10)), r"\(1, 53, 10\)"),
        (np.zeros((53, 0)), "no columns"),
        (np.full((53, 2), -0.1), "negative"),
        (np.full((53, 2), math.nan), "NaN"),
        (torch.full((53, 2), math.inf), "infinity"),
        ([["a"] * 3] * 53, "numbers"),
        ([[1.0], [1.0, 2.0]], "numbers"),
        ("tune.mid", "Melody.load"),
        (None, "NoneType"),
        ([[10**400] * 3] * 53, "numbers"),
        (np.full((53, 2), 1e300), "infinity"),
        (np.zeros((53, 2), complex), "complex128"),
        (np.zeros((53, 2), "datetime64[s]"), "datetime64"),
        (np.full((53, 2), "1"), "<U1"),
        (torch.zeros(53, 2, dtype=torch.complex64), "complex64"),
        (torch.zeros(53, 2).to_sparse(), "sparse"),
        (torch.zeros(53, 2, device="meta"), "numbers"),
    ],
)
def test_what_is_no_roll_is_refused(array: object, words: str) -> None:
    with pytest.raises(MelodyError, match=words) as caught:
        Melody.from_array(array)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rate", [0, -50, math.nan, math.inf, "50", 10**400])
def test_what_is_no_frame_rate_is_refused(rate: float) -> None:
    with pytest.raises(MelodyError, match="frame rate"):
        Melody.from_array(roll_of(1), rate)


def test_equality_is_by_value() -> None:
    melody = Melody.from_array(roll_of(1, 2), 50)
    assert melody == Melody.from_array(roll_of(1, 2).numpy(), 50.0)
    assert melody == Melody(roll_of(1, 2), 50.0, ("made another way",))
    assert melody != Melody.from_array(roll_of(1, 2))
    assert melody != Melody.from_array(roll_of(1, 3), 50)
    assert melody != roll_of(1, 2)


def test_rows_are_the_strongest_and_lowest_and_silence_is_minus_one() -> None:
    roll = torch.zeros(53, 4)
    roll[[10, 20], 0] = torch.tensor([0.3, 0.4])
    roll[[30, 40], 1] = 0.5
    roll[52, 3] = 1e-3
    melody = Melody.from_array(roll)
    assert melody.rows().tolist() == [20, 30, -1, 52]
    assert melody.notices == (
        "2 columns hold several notes: the strongest, else the lowest, counts",
    )


def test_rows_there_and_back() -> None:
    rows = random_rows(200)
    for given in (rows, rows.numpy().astype(np.int8), rows.tolist()):
        assert torch.equal(Melody.from_rows(given, 50).rows(), rows)


@pytest.mark.parametrize(
    "rows",
    [[53], [-2], [0.5], [[1, 2]], [], "abc", [[0]], [True], [1j], [10**30], None, object()],
)
def test_what_are_no_rows_is_refused(rows: object) -> None:
    with pytest.raises(MelodyError):
        Melody.from_rows(rows)


def test_salience_below_the_threshold_is_silence() -> None:
    salience = 0.49 * roll_of(1, 2, 3) + 0.02 * roll_of(-1, 2, -1)
    assert Melody.from_salience(salience, 86).rows().tolist() == [-1, 2, -1]
    assert Melody.from_salience(salience, 86, threshold=0.4).rows().tolist() == [1, 2, 3]
    assert Melody.from_salience(salience, 86).frame_rate == 86


# Frames


def test_frames_at_the_own_rate_are_the_roll() -> None:
    roll = roll_of(*random_rows(500).tolist())
    for melody in (Melody.from_array(roll), Melody.from_array(roll, 50.0)):
        frames = melody.frames(500, 50.0)
        assert torch.equal(frames, roll) and frames.dtype == torch.float32


def test_frames_are_one_hot_whatever_the_salience() -> None:
    salience = torch.rand(53, 862, generator=torch.Generator().manual_seed(0))
    salience[:, 300:400] = 0
    frames = Melody.from_array(salience, SALIENCE_RATE).frames(500, 50.0)
    assert set(frames.unique().tolist()) == {0.0, 1.0}
    assert set(frames.sum(dim=0).tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("factor", [2, 3, 7])
def test_a_finer_roll_is_read_at_its_exact_columns(factor: int) -> None:
    rows = random_rows(100 * factor)
    # A rate with no exact binary form: a column must not leak into its neighbour.
    frames = Melody.from_rows(rows, 0.1 * factor).frames(100, 0.1)
    assert torch.equal(frames, roll_of(*rows[::factor].tolist()))


def test_a_coarser_roll_is_held_until_the_next_column_weighs_more() -> None:
    frames = Melody.from_array(roll_of(5, 9, -1, -1, 7), 10.0).frames(20, 40.0)
    # Between 5 and 9 the nearer wins (the lower at equal distance); a note fades into silence
    # only where that has the whole weight; the last column lasts as long as any other.
    expected = [5, 5, 5, 9] + [9, 9, 9, 9] + [-1] * 4 + [-1, 7, 7, 7] + [7] * 4
    assert torch.equal(frames, roll_of(*expected))


def test_frames_pads_with_silence_and_cuts_with_a_notice() -> None:
    melody = Melody.from_rows([4] * 100, 50.0)
    assert torch.equal(melody.frames(150, 50.0), roll_of(*[4] * 100 + [-1] * 50))
    assert melody.notice(150, 50.0) == "it lasts 2.00 s and the clip 3.00 s: the rest has no melody"
    assert torch.equal(melody.frames(50, 50.0), roll_of(*[4] * 50))
    assert melody.notice(50, 50.0) == "it lasts 2.00 s and the clip 1.00 s: its end is cut"
    assert melody.notice(100, 50.0) is None
    assert Melody.from_rows([4] * 862, SALIENCE_RATE).notice(500, 50.0) is None


def test_without_a_rate_the_length_has_to_match() -> None:
    melody = Melody.from_rows([4] * 100)
    with pytest.raises(MelodyError, match=r"100 columns and the clip 500 .*frame_rate="):
        melody.frames(500, 50.0)
    assert melody.frames(100, 75.0).shape == (53, 100)
    assert melody.notice(100, 75.0) is None


def test_interpolation_is_linear_at_exact_times() -> None:
    ramp = torch.arange(200.0).repeat(NUM_NOTES, 1)
    found = resample_salience(ramp, SALIENCE_RATE, 50.0, 100)
    assert torch.allclose(found[0], torch.arange(100) * SALIENCE_RATE / 50, atol=1e-4)
    found = resample_salience(ramp, 86, 50.0, 100, centred=True)
    assert torch.allclose(found[0], (torch.arange(100) + 0.5) * 1.72 - 0.5, atol=1e-4)


def test_centred_interpolation_is_that_of_torch() -> None:
    # In float64, because torch computes the positions in the type of the values.
    salience = torch.rand(53, 860, generator=torch.Generator().manual_seed(0)).double()
    expected = torch.nn.functional.interpolate(salience[None], size=500, mode="linear")[0]
    found = resample_salience(salience, 86, 50, 500, centred=True)
    assert torch.allclose(found, expected, atol=1e-9)
    finer = torch.nn.functional.interpolate(salience[None], size=1720, mode="linear")[0]
    found = resample_salience(salience, 86, 172, 1720, centred=True)
    assert torch.allclose(found, finer, atol=1e-9)


@pytest.mark.parametrize(
    "name, labels", [("synth_out", "labels"), ("asset_salience_2", "labels_clip")]
)
def test_the_original_matrices_are_reproduced(shared: Path, name: str, labels: str) -> None:
    golden = np.load(shared / "salience" / f"{name}.npz")
    expected = Melody.from_rows(golden[labels])
    salience = torch.from_numpy(golden["s53"].astype(np.float32))
    as_published = resample_salience(salience, 86, 50, 500, centred=True)
    assert torch.equal(Melody.from_array(as_published).rows(), expected.rows())
    if "matrix" in golden:
        found = Melody.from_array(as_published).frames(500, 50)
        assert torch.equal(found, torch.from_numpy(golden["matrix"]).float())
    # Exact times differ where notes change: measured 0.988 and 0.964.
    exact = Melody.from_salience(salience, SALIENCE_RATE).frames(500, 50)
    agreement = float((Melody.from_array(exact).rows() == expected.rows()).float().mean())
    assert 0.96 < agreement < 1


# Notes


def test_notes_fill_the_columns_from_onset_to_offset() -> None:
    melody = Melody.from_notes([(60, 0.1, 0.2), (62, 0.2, 0.26)], frame_rate=50)
    assert melody.rows().tolist() == [-1] * 5 + [17] * 5 + [19] * 3
    assert melody.frame_rate == 50.0 and melody.notices == ()
    longer = Melody.from_notes([(62, 0.2, 0.26), (60, 0.1, 0.2)], duration=0.4)
    assert longer.rows().tolist() == melody.rows().tolist() + [-1] * 7


def test_times_go_to_the_nearest_column_and_no_note_vanishes() -> None:
    melody = Melody.from_notes([(60, 0.029, 0.0311), (64, 0.049, 0.0521)], frame_rate=100)
    assert melody.rows().tolist() == [-1, -1, -1, 17, -1, 21]
    assert Melody.from_notes([(60, 0.0, 0.001)]).rows().tolist() == [17]
    assert Melody.from_notes([(60.4, 0, 1), (61.5, 1, 2)], frame_rate=1).rows().tolist() == [17, 19]


def test_the_highest_of_simultaneous_notes_is_used() -> None:
    notes = [(72, 1, 2), (60, 0, 4), (64, 3, 4), (55, 1, 2)]
    melody = Melody.from_notes(notes, frame_rate=1)
    assert melody.notes() == ((60, 0, 1), (72, 1, 2), (60, 2, 3), (64, 3, 4))
    assert melody.notices == (
        "2 of 4 notes overlap higher ones, which are used instead (1 are covered wholly)",
    )
    doubled = Melody.from_notes([(60, 0, 1), (60, 0, 1)])
    assert doubled.notices == ()


def test_notes_out_of_range_move_by_octaves_after_the_highest_is_chosen() -> None:
    notes = [(42, 0, 1), (24, 1, 2), (96, 2, 3), (127, 3, 4), (43, 4, 5), (95, 5, 6)]
    melody = Melody.from_notes(notes, frame_rate=1)
    assert [key for key, _, _ in melody.notes()] == [54, 48, 84, 91, 43, 95]
    assert melody.notices == (
        "notes outside G2 to B6 are moved by octaves: C1 to C3, F#2 to F#3, C7 to C6, G9 to G6",
    )
    # The bass, moved up to F#3, would be above the melody's E3.
    over_bass = Melody.from_notes([(42, 0, 1), (52, 0, 1)], frame_rate=1)
    assert over_bass.notes() == ((52, 0, 1),)


@pytest.mark.parametrize("key", range(128))
def test_every_midi_note_finds_a_row_of_its_pitch_class(key: int) -> None:
    row = int(Melody.from_notes([(key, 0, 1)], frame_rate=1).rows()[0])
    assert 0 <= row < NUM_NOTES and (LOWEST_NOTE + row - key) % 12 == 0
    if LOWEST_NOTE <= key < LOWEST_NOTE + NUM_NOTES:
        assert row == key - LOWEST_NOTE


def test_notes_beyond_the_duration_are_cut_and_counted() -> None:
    melody = Melody.from_notes([(60, 0, 3), (62, 5, 6)], frame_rate=1, duration=2)
    assert melody.notes() == ((60, 0, 2),)
    assert melody.notices == ("1 of 2 notes begin after the end at 2 s",)


@pytest.mark.parametrize(
    "notes, words",
    [
        ([], "at least one note"),
        ([(60, 1.0, 1.0)], "before the offset"),
        ([(60, 2.0, 1.0)], "before the offset"),
        ([(60, -0.1, 1.0)], "after 0 s"),
        ([(128, 0.0, 1.0)], "0 to 127"),
        ([(math.nan, 0.0, 1.0)], "0 to 127"),
        ([(60, 0.0, math.inf)], "offset"),
        ([(60, 0.0)], "onset in s"),
        ([("C4", 0.0, 1.0)], "onset in s"),
        ([60, 62], "onset in s"),
        ([(60, 0, 10**400)], "onset in s"),
        ([(60, 0, 1e5)], r"lasts 100000 s, and at 50 Hz at most 10,000 s \(500,000 columns\)"),
        ([(60, 0, 1e308)], "10,000 s"),
        (((60, i, i + 1) for i in range(10**9)), "more than 100,000 notes"),
        ([["x" * 10**6, 0, 1]], r"\['x+\.\.\.x+', 0, 1\] is no note"),
        (60, "int is no list"),
    ],
)
def test_what_are_no_notes_is_refused(notes: list, words: str) -> None:
    with pytest.raises(MelodyError, match=words):
        Melody.from_notes(notes)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"frame_rate": 1e9}, r"at 1e\+09 Hz at most 0 s"),
        ({"duration": 1e7}, "lasts 1e.07 s"),
        ({"duration": 1e300}, "10,000 s"),
    ],
)
def test_lengths_are_bounded_before_anything_is_allocated(options: dict, words: str) -> None:
    with pytest.raises(MelodyError, match=words):
        Melody.from_notes([(60, 0, 1)], **options)


def test_many_long_notes_take_no_more_time_than_few() -> None:
    notes = [(i % 128, i / 100, 9000) for i in range(100_000)]
    started = time.perf_counter()
    melody = Melody.from_notes(notes)
    assert time.perf_counter() - started < 15  # 1e5 notes times 4e5 columns would take minutes
    assert melody.notes()[-1] == (91, 999.68, 9000)


def test_a_note_that_is_struck_again_is_two_notes() -> None:
    notes = ((60, 0.0, 0.5), (60, 0.5, 1.0), (62, 1.0, 1.5), (74, 1.2, 1.3))
    melody = Melody.from_notes(notes)
    assert melody.restrikes == (25,)
    assert melody.notes() == (*notes[:2], (62, 1.0, 1.2), (74, 1.2, 1.3), (62, 1.3, 1.5))
    assert melody.notes()[-1] == (62, 1.3, 1.5)
    assert melody == Melody.from_rows(melody.rows(), 50.0)
    assert melody.crop(0.25).restrikes == (13,) and melody.crop(0.5).restrikes == ()
    assert melody.crop(0.0, 0.5).restrikes == ()
    with pytest.raises(MelodyError, match="column from 1 to 1"):
        Melody(roll_of(1, 1), 50.0, (), (2,))


@pytest.mark.parametrize("duration", [0, -1, math.nan, math.inf])
def test_what_is_no_duration_is_refused(duration: float) -> None:
    with pytest.raises(MelodyError, match="positive duration"):
        Melody.from_notes([(60, 0, 1)], duration=duration)


@pytest.mark.parametrize("rate", [50.0, 86.0, SALIENCE_RATE, 12.5])
def test_notes_there_and_back(rate: float) -> None:
    rows = random_rows(300)
    melody = Melody.from_rows(rows, rate)
    again = Melody.from_notes(melody.notes(), frame_rate=rate, duration=300 / rate)
    assert again == melody


def test_notes_need_seconds() -> None:
    with pytest.raises(MelodyError, match="frame_rate="):
        Melody.from_rows([1, 2]).notes()


def test_note_names() -> None:
    assert [note_name(key) for key in (43, 60, 61, 70, 95, 0)] == [
        "G2",
        "C4",
        "C#4",
        "Bb4",
        "B6",
        "C-1",
    ]


# MIDI


def test_midi_gives_the_highest_note_of_the_pitched_tracks(tmp_path: Path) -> None:
    path = write_midi(
        tmp_path / "a.mid",
        ("bass", False, [(36, 0.0, 2.0)]),
        ("Lead", False, [(72, 0.5, 1.0), (76, 1.0, 1.5)]),
        ("kit", True, [(95, 0.0, 2.0)]),
    )
    melody = Melody.from_midi(path)
    assert melody.notes() == ((48, 0.0, 0.5), (72, 0.5, 1.0), (76, 1.0, 1.5), (48, 1.5, 2.0))
    assert melody.frame_rate == 50.0 and melody.roll.shape == (53, 100)
    assert len(melody.notices) == 2
    lead = ((72, 0.5, 1.0), (76, 1.0, 1.5))
    assert Melody.from_midi(path, track=1, frame_rate=20).notes() == lead
    assert Melody.from_midi(str(path), track="lead").notes() == lead
    assert Melody.from_midi(path, track=0).notes() == ((48, 0.0, 2.0),)
    for track in (2, -1, "kit", "solo"):
        with pytest.raises(MelodyError, match="0 'bass', 1 'Lead'"):
            Melody.from_midi(path, track=track)


def test_midi_tempo_changes_are_followed(tmp_path: Path) -> None:
    from mido import Message, MetaMessage, MidiFile, MidiTrack

    track = MidiTrack(
        [
            MetaMessage("set_tempo", tempo=500_000, time=0),  # 120 beats a minute
            Message("note_on", note=60, velocity=64, time=0),
            Message("note_off", note=60, time=480),
            MetaMessage("set_tempo", tempo=1_000_000, time=0),  # 60
            Message("note_on", note=62, velocity=64, time=0),
            Message("note_on", note=62, velocity=0, time=480),  # as good as a note_off
        ]
    )
    MidiFile(type=0, ticks_per_beat=480, tracks=[track]).save(tmp_path / "a.mid")
    assert Melody.from_midi(tmp_path / "a.mid").notes() == ((60, 0.0, 0.5), (62, 0.5, 1.5))


def test_midi_without_notes_or_that_is_none_is_refused(tmp_path: Path) -> None:
    drums = write_midi(tmp_path / "drums.mid", ("kit", True, [(40, 0.0, 1.0)]))
    empty = write_midi(tmp_path / "silent.mid", ("lead", False, []))
    text = tmp_path / "text.mid"
    text.write_text("This is no MIDI file.")
    nothing = tmp_path / "nothing.mid"
    nothing.touch()
    for path, words in [
        (drums, "no notes"),
        (empty, "no notes"),
        (text, "no MIDI file"),
        (nothing, "no MIDI file"),
        (tmp_path / "gone.mid", "No such file"),
        (tmp_path, "directory"),
    ]:
        with pytest.raises(MelodyError, match=words) as caught:
            Melody.from_midi(path)
        assert path.name in str(caught.value) and "\n" not in str(caught.value)


def test_a_broken_midi_file_is_a_melody_or_a_melody_error(tmp_path: Path) -> None:
    whole = write_midi(tmp_path / "a.mid", ("lead", False, [(60, 0.0, 1.0), (64, 1.0, 2.0)]))
    data = whole.read_bytes()
    draw = np.random.default_rng(0)
    refused = 0
    for length in range(1, len(data), 3):
        broken = bytearray(data[:length] if length % 2 else data)
        broken[draw.integers(len(broken))] = draw.integers(256)
        whole.write_bytes(broken)
        try:
            Melody.from_midi(whole)
        except MelodyError:
            refused += 1
    assert refused > 10


@pytest.mark.parametrize("rate", [50.0, SALIENCE_RATE])
def test_midi_there_and_back(tmp_path: Path, rate: float) -> None:
    rows = random_rows(1500)
    rows[-1] = 20
    melody = Melody.from_rows(rows, rate)
    assert melody.to_midi(tmp_path / "a.mid") == tmp_path / "a.mid"
    assert Melody.from_midi(tmp_path / "a.mid", frame_rate=rate) == melody
    assert [path.name for path in tmp_path.iterdir()] == ["a.mid"]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    melody = Melody.from_rows([1, 2], 50)
    (tmp_path / "folder.mid").mkdir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "folder.mid", tmp_path / "file" / "a.mid", tmp_path / "no" / "a.mid"):
        with pytest.raises(MelodyError, match="cannot write"):
            melody.to_midi(path)
    with pytest.raises(MelodyError, match="silent"):
        Melody.from_rows([-1], 50).to_midi(tmp_path / "a.mid")
    with pytest.raises(MelodyError, match="frame_rate"):
        Melody.from_rows([1]).to_midi(tmp_path / "a.mid")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.mid"]


# Files


def test_load_reads_every_kind_of_file(tmp_path: Path) -> None:
    roll = roll_of(*random_rows(100).tolist())
    np.save(tmp_path / "a.npy", roll.numpy().astype(np.uint8))
    assert Melody.load(tmp_path / "a.npy") == Melody.from_array(roll)
    np.savez(tmp_path / "one.npz", matrix=roll.numpy())
    assert Melody.load(tmp_path / "one.npz") == Melody.from_array(roll)
    np.savez_compressed(tmp_path / "a.npz", roll=roll.numpy(), frame_rate=86.0, other=np.zeros(3))
    assert Melody.load(tmp_path / "a.npz") == Melody.from_array(roll, 86.0)
    for held in (roll.T, {"melody": roll.T.contiguous().half()}):
        torch.save(held, tmp_path / "a.th")
        assert Melody.load(tmp_path / "a.th") == Melody.from_array(roll, 50.0)
    notes = [(60, 0.0, 0.5), (62, 0.5, 1.0)]
    (tmp_path / "a.json").write_text(json.dumps(notes))
    assert Melody.load(tmp_path / "a.json") == Melody.from_notes(notes)
    path = write_midi(tmp_path / "a.MID", ("lead", False, notes))
    assert Melody.load(str(path)) == Melody.from_notes(notes)


def test_load_reads_what_the_original_publishes(shared: Path) -> None:
    melody = Melody.load(shared / "audio" / "salience_2.th")
    labels = np.load(shared / "salience" / "asset_salience_2.npz")["labels_shipped"]
    assert melody == Melody.from_rows(labels, 50.0)
    assert torch.equal(melody.frames(500, 50.0), melody.roll)


class Bomb:
    def __reduce__(self) -> tuple:
        return (os.abort, ())


def test_load_refuses_what_holds_no_melody_and_runs_no_code(tmp_path: Path) -> None:
    torch.save(Bomb(), tmp_path / "bomb.th")
    np.save(tmp_path / "bomb.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "bomb.npz", roll=np.array([Bomb()], dtype=object))
    torch.save(torch.zeros(500, 52), tmp_path / "shape.th")
    torch.save([1, 2], tmp_path / "list.pt")
    np.save(tmp_path / "shape.npy", np.zeros((500, 53)))
    np.savez(tmp_path / "many.npz", a=np.zeros((53, 2)), b=np.zeros((53, 2)))
    (tmp_path / "text.json").write_text("not json")
    (tmp_path / "object.json").write_text('{"notes": []}')
    (tmp_path / "number.json").write_text("7")
    for name in ("text.th", "text.npy", "text.npz", "tune.wav", "tune"):
        (tmp_path / name).write_text("This holds no melody.")
    (tmp_path / "folder.npy").mkdir()
    paths = [*tmp_path.iterdir(), tmp_path / "gone.npz", tmp_path / "gone.json"]
    assert len(paths) == 18
    for path in paths:
        with pytest.raises(MelodyError) as caught:
            Melody.load(path)
        assert path.name in str(caught.value) and "\n" not in str(caught.value)


def npy(descr: str, shape: tuple[int, ...], data: bytes = b"") -> bytes:
    """An .npy file with a header that may claim anything."""
    file = io.BytesIO()
    fields = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, fields)
    return file.getvalue() + data


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return file.getvalue()


def saved(tensor: object) -> bytes:
    file = io.BytesIO()
    torch.save(tensor, file)
    return file.getvalue()


# name: function of bytes, so that nothing large is made before its test; words of the error
OVERSIZED: dict[str, tuple[Callable[[], bytes], str]] = {
    "claims.npy": (lambda: npy("<f4", (53, 10**12)), "1,000,000,000,000 columns"),
    "long.npz": (lambda: zipped(roll=npy("<f8", (53, 600_000), bytes(10**8))), "500,000"),
    "claims.npz": (lambda: zipped(roll=npy("<f8", (53, 10**12))), "500,000"),
    "short.npz": (lambda: zipped(roll=npy("<f8", (53, 10**5))), "cut off"),
    "rate.npz": (
        lambda: zipped(roll=npy("<f8", (53, 1), bytes(424)), frame_rate=npy("<f8", (10**9,))),
        "give one number",
    ),
    "rates.npz": (
        lambda: zipped(roll=npy("<f8", (53, 1), bytes(424)), frame_rate=npy("<U4", (), bytes(16))),
        "real numbers",
    ),
    "text.npy": (lambda: npy("<U9", (53, 4), bytes(53 * 4 * 36)), "<U9"),
    "complex.npy": (lambda: npy("<c8", (53, 4), bytes(53 * 4 * 8)), "complex64"),
    "expanded.th": (lambda: saved(torch.zeros(1).expand(10**9, 53)), "1,000,000,000 columns"),
    "long.th": (lambda: saved(torch.zeros(500_001, 53, dtype=torch.uint8)), "500,001 columns"),
    "sparse.th": (lambda: saved(torch.zeros(4, 53).to_sparse()), "sparse"),
    "notes.json": (lambda: b"[[60, 0, 100000]]", "10,000 s"),
    "deep.json": (lambda: b"[" * 10**5, "deep"),
    "nan.json": (lambda: b"[[60, 0, NaN]]", "NaN"),
}


@contextlib.contextmanager
def no_more_memory_than(size: int) -> Iterator[None]:
    """Let allocations fail that add more than ``size`` bytes to the process."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.parametrize("name", OVERSIZED)
def test_a_small_file_cannot_ask_for_much_memory(name: str, tmp_path: Path) -> None:
    make, words = OVERSIZED[name]
    (tmp_path / name).write_bytes(make())
    started = time.perf_counter()
    with no_more_memory_than(200 * 2**20), pytest.raises(MelodyError) as caught:
        Melody.load(tmp_path / name)
    assert words in str(caught.value) and name in str(caught.value)
    assert len(str(caught.value)) < 400 and "\n" not in str(caught.value)
    assert time.perf_counter() - started < 5


def test_a_torch_file_that_unpacks_to_much_is_refused(tmp_path: Path) -> None:
    """torch.save stores members as they are, and torch.load unpacks compressed ones."""
    packed = io.BytesIO(saved(torch.zeros(10, 53)))
    with (
        zipfile.ZipFile(packed) as source,
        zipfile.ZipFile(tmp_path / "a.th", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for member in source.infolist():
            target.writestr(member, source.read(member), zipfile.ZIP_DEFLATED)
        with target.open("archive/data/9", "w", force_zip64=True) as file:
            for _ in range(45):
                file.write(bytes(10**7))
    with pytest.raises(MelodyError, match="unpacks to 450,"):
        Melody.load(tmp_path / "a.th")


@pytest.mark.parametrize(
    "name, words",
    [
        ("song.mp3", "--melody-from"),
        ("song.WAV", "--melody-from"),
        ("song.lab", "--chords"),
        ("song.txt", "give .mid"),
    ],
)
def test_a_file_of_another_kind_is_named_with_its_option(
    name: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(MelodyError, match=words):
        Melody.load(tmp_path / name)


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.mid")
    for path in (tmp_path / "a.mid", "a\0.mid", "\ud800.mid", 7):
        with pytest.raises(MelodyError, match="cannot read"):
            Melody.load(path)
        with pytest.raises(MelodyError, match="cannot read"):
            Melody.from_midi(path)


def test_json_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf[[60, 0, 1]]")
    assert Melody.load(tmp_path / "a.json").notes() == ((60, 0.0, 1.0),)


# Plot


def test_plot_names_the_extra_where_matplotlib_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    with pytest.raises(MissingPartError, match=r"pip install 'jasco\[plot\]'"):
        Melody.from_rows([1]).plot()


def test_plot_draws_the_roll_over_seconds_and_note_names(tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    ax = Melody.from_rows([-1, 0, 52, 17] * 25, 50.0).plot()
    (image,) = ax.images
    assert image.get_array().shape == (53, 100)
    assert image.get_extent() == [0, 2.0, 42.5, 95.5]
    names = dict(zip(ax.get_yticks(), (t.get_text() for t in ax.get_yticklabels()), strict=True))
    assert names[43] == "G2" and names[60] == "C4" and "s" in ax.get_xlabel()
    again = Melody.from_rows([1]).plot(ax)
    assert again is ax and ax.get_xlabel() == "frame"
    ax.figure.savefig(tmp_path / "roll.png")


def test_a_part_of_a_melody() -> None:
    melody = Melody.from_notes([(60, 0.0, 1.0), (64, 1.0, 2.0)])
    assert melody.crop(0.5).notes() == ((60, 0.0, 0.5), (64, 0.5, 1.5))
    assert melody.crop(0.5, 1.0).notes() == ((60, 0.0, 0.5), (64, 0.5, 1.0))
    assert melody.crop(0.0, 9.0) == melody
    for start in (-1.0, 2.0, math.nan):
        with pytest.raises(MelodyError, match=r"lasts 2\.00 s"):
            melody.crop(start)
    with pytest.raises(MelodyError, match="frame_rate="):
        Melody(melody.roll).crop(1.0)
