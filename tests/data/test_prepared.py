from __future__ import annotations

import hashlib
import json
import os
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from jasco.chords import CHORD_INDEX, CHORD_NAMES, ChordProgression
from jasco.control_value import Span
from jasco.data import prepared, track_file
from jasco.data.prepared import PreparedDataset, make_track, write_index
from jasco.data.track_file import read_header, write_track
from jasco.errors import DataError, JascoError, SettingError

RATE, DIM = 50.0, 4
SIGNATURES = {
    "latents": {"version": 1, "codec": "c0dec", "frame_rate": RATE, "latent_dim": DIM},
    "chords": {"version": 1},
    "drums": {"version": 1, "codec": "c0dec", "frame_rate": RATE},
    "melody": {"version": 1, "frame_rate": RATE},
}
CHORDS = [("N", 0.0), ("Am", 0.5), ("C", 1.98), ("G7", 2.0), ("F", 3.011)]


def tensors_of(frames: int, seed: int = 0) -> dict[str, dict[str, torch.Tensor]]:
    """By stage, what the file of a track holds."""
    torch.manual_seed(seed)
    return {
        "latents": {"latents": torch.randn(frames, DIM).half()},
        "chords": {
            "chord_onsets": torch.tensor([t for _, t in CHORDS], dtype=torch.float64),
            "chord_names": torch.tensor([CHORD_INDEX[n] for n, _ in CHORDS], dtype=torch.int16),
        },
        "drums": {"drum_codes": torch.randint(0, 64, (frames,), dtype=torch.int16)},
        "melody": {"melody": torch.randint(-1, 53, (frames,), dtype=torch.int8)},
    }


def add_track(root, seed, *, frames=200, stages=tuple(SIGNATURES), signatures=SIGNATURES, **fields):
    (root / "tracks").mkdir(exist_ok=True)
    id = hashlib.sha256(bytes([seed])).hexdigest()
    made = tensors_of(frames, seed)
    tensors = {k: v for stage in stages for k, v in made[stage].items()}
    write_track(root, id, frames / RATE, {s: signatures[s] for s in stages}, tensors)
    header = read_header(root / prepared.track_file(id))
    return make_track(header, f"/music/{seed}.wav", fields)


@pytest.fixture
def root(tmp_path):
    tracks = [add_track(tmp_path, seed, text=f"song {seed}") for seed in range(3)]
    write_index(tmp_path, tracks)
    return tmp_path


def test_facts_and_tracks(root):
    data = PreparedDataset(root)
    assert len(data) == 3 and data.controls == ("chords", "drums", "melody")
    assert (data.facts.codec, data.facts.frame_rate, data.facts.latent_dim) == ("c0dec", RATE, DIM)
    assert data.facts.stages == ("chords", "drums", "latents", "melody")
    assert [track.id for track in data.tracks] == sorted(track.id for track in data.tracks)
    assert {track.text for track in data.tracks} == {"song 0", "song 1", "song 2"}
    assert all(track.num_frames == 200 and track.duration == 4.0 for track in data.tracks)


def test_a_clip_is_the_slice(root):
    data = PreparedDataset(root)
    index = next(i for i, track in enumerate(data.tracks) if track.text == "song 1")
    clip = data.clip(index, 30, 100)
    made = tensors_of(200, seed=1)
    assert clip.length == 100
    torch.testing.assert_close(clip.latents, made["latents"]["latents"][30:130].float())
    assert torch.equal(clip.conditions.drums.codes, made["drums"]["drum_codes"][30:130].long())
    assert torch.equal(clip.conditions.melody.rows(), made["melody"]["melody"][30:130].long())
    chords = clip.conditions.chords.pairs()
    assert [name for name, _ in chords] == ["Am", "C", "G7"] and chords[0][1] == 0.0
    assert [time for _, time in chords[1:]] == pytest.approx([1.38, 1.4])
    assert clip.conditions.text is None


def test_a_clip_beyond_the_end_tells_what_is_real(root):
    clip = PreparedDataset(root).clip(0, 150, 120)
    assert clip.length == 50 and clip.latents.shape == (120, DIM)
    assert clip.latents[:50].abs().min() > 0 and not clip.latents[50:].any()
    assert len(clip.conditions.drums) == 50 and clip.conditions.melody.roll.shape == (53, 50)
    assert clip.conditions.chords.end == pytest.approx(1.0)


@settings(max_examples=150, deadline=None)
@given(
    onsets=st.lists(st.floats(0, 8), min_size=1, max_size=12, unique=True),
    grid=st.booleans(),
    start=st.integers(0, 399),
    length=st.integers(1, 400),
)
def test_cropped_chords_are_the_frames_of_the_whole(onsets, grid, start, length):
    length = min(length, 400 - start)
    times = sorted({round(t * RATE) / RATE if grid else t for t in onsets if t < 7.99} or {0.0})
    names = torch.arange(1, len(times) + 1, dtype=torch.int16)
    whole = ChordProgression(tuple(CHORD_NAMES[i] for i in names), tuple(times), 8.0)
    file = {"chord_onsets": torch.tensor(times, dtype=torch.float64), "chord_names": names}
    span = Span(start, start + length, 400, RATE)
    cropped = ChordProgression.unpack(SimpleNamespace(tensor=file.get), span)
    assert torch.equal(cropped.frames(length, RATE), whole.frames(400, RATE)[start:][:length])


def test_only_the_slice_is_read(root, monkeypatch):
    """Latents are never asked for as a whole."""
    asked = []
    real = track_file.safe_open

    class Spy:
        def __init__(self, *args, **options):
            self.manager = real(*args, **options)

        def __enter__(self):
            self.file = self.manager.__enter__()
            return self

        def __exit__(self, *error):
            return self.manager.__exit__(*error)

        def get_tensor(self, name):
            asked.append(name)
            return self.file.get_tensor(name)

        def get_slice(self, name):
            return self.file.get_slice(name)

    data = PreparedDataset(root)
    monkeypatch.setattr(track_file, "safe_open", Spy)
    data.clip(0, 10, 20)
    assert set(asked) == {"chord_onsets", "chord_names"}


def test_some_controls(root):
    data = PreparedDataset(root, controls=["melody"])
    assert data.clip(0, 0, 10).conditions.asked == ("melody",)
    assert PreparedDataset(root, controls=[]).clip(0, 0, 10).conditions.asked == ()


def test_a_control_that_was_not_prepared(root):
    tracks = prepared.read_index(root)
    write_index(root, [*tracks, add_track(root, 9, stages=("latents", "chords"))])
    data = PreparedDataset(root)
    assert data.facts.stages == ("chords", "latents") and data.controls == ("chords",)
    with pytest.raises(DataError, match=r"drums was not prepared for 1 of 4 .* stages=\[drums\]"):
        PreparedDataset(root, controls=["chords", "drums"])


def test_a_control_of_another_codec(tmp_path):
    other = SIGNATURES | {"drums": SIGNATURES["drums"] | {"codec": "other"}}
    write_index(tmp_path, [add_track(tmp_path, 0, signatures=other)])
    assert "drums" not in PreparedDataset(tmp_path).facts.stages
    with pytest.raises(DataError, match="another codec"):
        PreparedDataset(tmp_path, controls=["drums"])


def test_latents_of_two_codecs(root):
    other = SIGNATURES | {"latents": LATENTS | {"codec": "other"}}
    tracks = prepared.read_index(root)
    write_index(root, [*tracks, add_track(root, 9, signatures=other)])
    with pytest.raises(DataError, match="2 codecs"):
        PreparedDataset(root)


def test_without_latents(tmp_path):
    write_index(tmp_path, [add_track(tmp_path, 0, stages=("chords",))])
    with pytest.raises(DataError, match="latents was not prepared"):
        PreparedDataset(tmp_path)


def test_what_is_missing_or_broken(root, tmp_path):
    data = PreparedDataset(root)
    path = root / data.tracks[0].file
    for start, frames in ((200, 1), (-1, 5), (0, 0)):
        with pytest.raises(SettingError, match="begin inside"):
            data.clip(0, start, frames)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="broken"):
        data.clip(0, 0, 10)
    path.unlink()
    with pytest.raises(DataError, match="is missing"):
        data.clip(0, 0, 10)
    with pytest.raises(DataError, match="no folder"):
        PreparedDataset(tmp_path / "absent")
    with pytest.raises(DataError, match=r"no index.jsonl"):
        PreparedDataset(root / "tracks")
    (root / "index.jsonl").write_text('{"id": "x"}\n')
    with pytest.raises(JascoError, match="line 1 has no 'file'"):
        PreparedDataset(root)
    (root / "index.jsonl").write_text("")
    with pytest.raises(DataError, match="no track"):
        PreparedDataset(root)


def test_a_file_that_is_not_the_indexs(root):
    data = PreparedDataset(root)
    add_track(root, 1, frames=50)
    index = next(i for i, track in enumerate(data.tracks) if track.text == "song 1")
    with pytest.raises(DataError, match="not what the index says"):
        data.clip(index, 0, 10)


def test_the_same_values_give_the_same_bytes(tmp_path):
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        stages = tuple(SIGNATURES) if name == "a" else tuple(reversed(SIGNATURES))
        track = add_track(tmp_path / name, 0, stages=stages, text="é\u2028", id=7, duration=1)
        write_index(tmp_path / name, [track])
        made.append([(tmp_path / name / f).read_bytes() for f in (track.file, "index.jsonl")])
    assert made[0] == made[1]
    line = json.loads(made[0][1])
    assert line["text"] == "é\u2028" and line["manifest_id"] == 7 and line["duration"] == 4.0
    (track,) = PreparedDataset(tmp_path / "a").tracks
    assert track.fields == {"text": "é\u2028", "manifest_id": 7}


# Place in a line of the index, value, and what the message says.
WRONG_LINES = [
    ("id", 7, "id is 7, not a text"),
    ("file", "../../etc/passwd", "file is '../../etc/passwd', not the path of a file inside"),
    ("file", "/etc/passwd", "file is '/etc/passwd'"),
    ("file", "tracks/../../x", "file is 'tracks/../../x'"),
    ("file", "..\\x", "file is"),
    ("file", "a\0b", "file is"),
    ("file", "", "file is ''"),
    ("file", ".", "file is '.'"),
    ("file", ["x"], "file is"),
    ("file", None, "file is None"),
    ("file", "tracks", "broken|Is a directory"),
    ("file", "tracks/away.safetensors", "is missing"),
    ("path", {}, "path is {}"),
    ("duration", "4", "duration is '4', not a number of seconds"),
    ("duration", -1, "duration is -1"),
    ("duration", 1e15, "duration is 1000000000000000"),
    ("duration", True, "duration is True"),
    ("num_frames", 10**12, "num_frames is 1000000000000, not a whole number from 0 to 100,000,000"),
    ("num_frames", -1, "num_frames is -1"),
    ("num_frames", 2.5, "num_frames is 2.5"),
    ("num_frames", 10**8, "not what the index says"),
    ("num_frames", 100, "not what the index says"),
    ("stages", ["latents"], "stages is"),
    ("stages", {"latents": 1}, "stages is"),
    ("stages", {}, "latents was not prepared"),
    ("stages", {"latents": "x", "stranger": "y"}, "holds no stranger"),
]


@pytest.mark.parametrize("key, value, message", WRONG_LINES, ids=lambda v: f"{v}"[:30])
def test_a_wrong_line_of_the_index_is_named(root, key, value, message):
    lines = [json.loads(line) for line in (root / "index.jsonl").read_text().splitlines()]
    lines[0][key] = value
    (root / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(DataError, match=message):
        PreparedDataset(root).clip(0, 0, 10)


def damaged(root, tensors=(), **facts):
    """The index of a dataset whose only track has other tensors or facts than the right ones."""
    track = add_track(root, 0)
    path = root / track.file
    header = read_header(path)
    known = {"id": header.id, "duration": header.duration, "stages": header.stages} | facts
    save_file({**load_file(path), **dict(tensors)}, path, metadata={"jasco": json.dumps(known)})
    write_index(root, [track])


LATENTS = SIGNATURES["latents"]
WRONG_FACTS = [
    ({"id": 1}, "describes no track"),
    ({"duration": None}, "describes no track"),
    ({"stages": []}, "describes no track"),
    ({"stages": {"latents": 1}}, "describes no track"),
    ({"stages": {}}, "holds no"),
    ({"stages": SIGNATURES | {"latents": {"version": 1}}}, "do not say their codec"),
    (
        {"stages": SIGNATURES | {"latents": LATENTS | {"codec": 1}}},
        "codec",
    ),
    ({"stages": SIGNATURES | {"latents": LATENTS | {"frame_rate": 0}}}, "codec"),
    ({"stages": SIGNATURES | {"latents": LATENTS | {"frame_rate": 1e99}}}, "codec"),
    ({"stages": SIGNATURES | {"latents": LATENTS | {"latent_dim": 10**9}}}, "codec"),
]


@pytest.mark.parametrize("facts, message", WRONG_FACTS)
def test_a_wrong_header_is_named(tmp_path, facts, message):
    damaged(tmp_path, **facts)
    with pytest.raises(DataError, match=message):
        PreparedDataset(tmp_path).clip(0, 0, 10)


WRONG_TENSORS = {
    "latents as integers": ("latents", torch.zeros(200, DIM, dtype=torch.int64), "not what"),
    "latents of another width": ("latents", torch.zeros(200, DIM + 1), "not what"),
    "latents of one dimension": ("latents", torch.zeros(200), "not what"),
    "latents that are NaN": ("latents", torch.full((200, DIM), float("nan")), "not finite"),
    "codes as floats": ("drum_codes", torch.zeros(200), "drum_codes is F32"),
    "codes that are short": ("drum_codes", torch.zeros(10, dtype=torch.int16), "drum_codes is"),
    "negative codes": ("drum_codes", torch.full((200,), -1), "not negative"),
    "rows as floats": ("melody", torch.zeros(200), "melody is F32"),
    "rows in a square": ("melody", torch.zeros(200, 2, dtype=torch.int8), "melody is I8"),
    "rows beyond the roll": ("melody", torch.full((200,), 99), "rows lie"),
    "onsets without names": ("chord_onsets", torch.zeros(3), "not of one length"),
    "onsets as integers": ("chord_onsets", torch.zeros(5, dtype=torch.int64), "no numbers"),
    "onsets that are NaN": ("chord_onsets", torch.full((5,), float("nan")), "not ascending"),
    "onsets that fall": ("chord_onsets", torch.arange(5.0).flip(0), "not ascending"),
    "onsets below zero": ("chord_onsets", torch.arange(5.0) - 3, "not ascending"),
    "a chord that is none": ("chord_names", torch.full((5,), 194), "chord_names lie from 0 to 193"),
    "a negative chord": ("chord_names", torch.full((5,), -1), "chord_names lie"),
    "chords as floats": ("chord_names", torch.zeros(5), "no indices"),
}


@pytest.mark.parametrize("name, tensor, message", WRONG_TENSORS.values(), ids=WRONG_TENSORS)
def test_a_wrong_tensor_is_named(tmp_path, name, tensor, message):
    damaged(tmp_path, {name: tensor})
    with pytest.raises(DataError, match=message):
        PreparedDataset(tmp_path).clip(0, 0, 10)


def test_a_pipe_in_place_of_a_track_does_not_block(root):
    data = PreparedDataset(root)
    path = root / data.tracks[0].file
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DataError, match="named pipe"):
        data.clip(0, 0, 10)
