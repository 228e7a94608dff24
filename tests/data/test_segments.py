"""Segments: a function of their sample id, uniform over the seconds of all recordings."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch

from jasco.audio import save_audio
from jasco.data.manifest import Recording
from jasco.data.resumable import collate_or_error, hold_out
from jasco.data.segments import SegmentDataModule, SegmentDataset, find_recordings
from jasco.errors import AudioError, DataError, SettingError

RATE = 8000
CONFIG = SimpleNamespace(sampling_rate=RATE, audio_channels=1, hop_length=64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ramps from 0 to 0.5, so that a sample tells its time: of 1 s, 3 s and 0.1 s."""
    folder = tmp_path_factory.mktemp("ramps")
    for name, seconds in (("a", 1.0), ("b", 3.0), ("c", 0.1)):
        ramp = torch.arange(int(seconds * RATE)) / (8 * RATE) + (0.5 if name == "b" else 0)
        save_audio(folder / f"{name}.wav", ramp, RATE, loudness=None)
    return folder


def segments(folder, **changes):
    settings = {"sample_rate": RATE, "channels": 1, "samples": 1600, "seed": 3}
    return SegmentDataset(find_recordings(folder), **{**settings, **changes})


def test_a_segment_is_a_function_of_seed_and_number(folder):
    one, other = segments(folder), segments(folder)
    assert all(torch.equal(one[n], other[n]) for n in (5, 0, 1000))
    assert not torch.equal(one[0], one[1])
    assert not torch.equal(one[0], segments(folder, seed=4)[0])


def test_every_second_is_as_likely(folder):
    found = segments(folder)
    starts = torch.tensor([found[n][0, 0] for n in range(1500)])
    long = starts >= 0.49
    assert long.float().mean().item() == pytest.approx(3 / 4.1, abs=0.04)
    assert (starts[long].max() - 0.5).item() * 8 == pytest.approx(2.8, abs=0.05)
    assert ((starts[long] - 0.5) * 8).mean().item() == pytest.approx(1.4, abs=0.1)


def test_what_is_shorter_is_followed_by_silence(folder):
    only = [r for r in find_recordings(folder) if r.path.name == "c.wav"]
    found = SegmentDataset(only, sample_rate=RATE, channels=1, samples=1600, seed=0)[0]
    assert found.shape == (1, 1600)
    assert (found[0, 1:800] > 0).all() and (found[0, 800:] == 0).all()


@pytest.mark.parametrize(("rate", "channels"), [(RATE, 1), (16000, 1), (32000, 2)])
def test_rate_and_channels_are_those_asked_for(tmp_path, rate, channels):
    time = torch.arange(4 * 11025) / 11025
    stereo = torch.stack([0.4 * torch.sin(2000 * time), torch.zeros_like(time)])
    save_audio(tmp_path / "s.flac", stereo, 11025, loudness=None)
    found = segments(tmp_path, sample_rate=rate, channels=channels, samples=rate // 2)[0]
    assert found.shape == (channels, rate // 2) and found.dtype == torch.float32
    level = 0.4 / 2**0.5 / (2 if channels == 1 else 1)
    assert found[0].std().item() == pytest.approx(level, rel=0.02)
    if channels == 2:
        assert found[1].abs().max() < 1e-3
    assert segments(tmp_path, channels=2)[0].shape == (2, 1600)


def test_mono_recordings_serve_codecs_of_two_channels(folder):
    found = segments(folder, channels=2)[0]
    assert torch.equal(found[0], found[1])


def test_a_manifest_names_recordings_and_their_drums(folder):
    lines = [{"path": "a.wav", "drums": "c.wav", "duration": 1.0}, {"path": "b.wav"}]
    manifest = folder / "songs.jsonl"
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = find_recordings(manifest)
    assert [r.path.name for r in found] == ["a.wav", "b.wav", "c.wav"]
    assert segments(manifest).ends.tolist() == pytest.approx([1.0, 4.0, 4.1])


def test_a_bad_recording_travels_as_an_error(folder, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    bad = Recording(tmp_path / "bad.wav", {"duration": 2.0})
    found = SegmentDataset([bad], sample_rate=RATE, channels=1, samples=64, seed=0)[0]
    assert isinstance(found, AudioError)
    good = segments(folder)[0]
    assert collate_or_error(torch.stack, [good, found]) is found
    assert collate_or_error(torch.stack, [good, good]).shape == (2, 1, 1600)
    with pytest.raises(AudioError, match="bad.wav"):
        SegmentDataset([Recording(bad.path)], sample_rate=RATE, channels=1, samples=64, seed=0)


def test_no_recordings(tmp_path):
    with pytest.raises(DataError, match="no audio files"):
        find_recordings(tmp_path)
    with pytest.raises(DataError, match="nothing.jsonl"):
        find_recordings(tmp_path / "nothing.jsonl")


def data_module(folder, rank=0, ranks=1, steps=0, **changes):
    settings = {"duration": 0.2, "batch_size": 4, "workers": 0, "val_segments": 6}
    data = SegmentDataModule(folder, **{**settings, **changes})
    data.trainer = SimpleNamespace(
        num_devices=1,
        lightning_module=SimpleNamespace(model=SimpleNamespace(config=CONFIG)),
        global_rank=rank,
        world_size=ranks,
        global_step=steps,
        accumulate_grad_batches=1,
    )
    data.setup("fit")
    return data


def first_batches(data, count):
    batches = iter(data.train_dataloader())
    return [next(batches) for _ in range(count)]


def test_ranks_share_what_one_reads_alone(folder):
    alone = first_batches(data_module(folder, batch_size=8), 2)
    ranks = [first_batches(data_module(folder, rank, 2), 2) for rank in range(2)]
    for step in range(2):
        assert torch.equal(alone[step], torch.cat([ranks[0][step], ranks[1][step]]))


def test_workers_change_nothing(folder):
    alone = first_batches(data_module(folder), 3)
    shared = first_batches(data_module(folder, workers=2), 3)
    assert all(torch.equal(a, b) for a, b in zip(alone, shared, strict=True))


def test_it_goes_on_where_it_stopped(folder):
    straight = first_batches(data_module(folder), 5)
    state = data_module(folder, steps=3).state_dict()
    resumed = data_module(folder)
    resumed.load_state_dict(state)
    assert all(
        torch.equal(a, b) for a, b in zip(straight[3:], first_batches(resumed, 2), strict=True)
    )


def test_validation_is_held_out_and_the_same_each_time(folder):
    data = data_module(folder, val_share=0.3)
    train, val = ({r.path for r in data.datasets[s].recordings} for s in ("train", "val"))
    assert len(train) == 2 and len(val) == 1 and not train & val
    first, second = ([*data.val_dataloader()] for _ in range(2))
    assert [len(batch) for batch in first] == [4, 2]
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert first[0].shape[-1] == 5 * RATE
    whole = data_module(folder, val_share=0.0)
    assert len(whole.datasets["val"].recordings) == 3
    other = data_module(folder, val_root=folder)
    assert len(other.datasets["train"].recordings) == len(other.datasets["val"].recordings) == 3


def test_lengths_are_whole_frames(folder):
    assert data_module(folder, duration=0.11).datasets["train"].samples == 896  # 13.75 frames
    assert data_module(folder, duration=0.001).datasets["train"].samples == 64


def test_hold_out():
    ids = ["d", "a", "c", "b"]
    assert hold_out(ids, 0.25) == ([0, 2, 3], [1])
    assert hold_out(ids, 0.3) == ([0, 2], [1, 3])
    assert hold_out(ids, 0.0) == ([0, 1, 2, 3], [1, 3, 2, 0])
    assert hold_out(["x"], 0.5) == ([0], [0])


@pytest.mark.parametrize(
    "change", [{"duration": 0.0}, {"val_share": 1.5}, {"batch_size": 0}, {"workers": -1}]
)
def test_settings_out_of_range(folder, change):
    with pytest.raises(SettingError, match=next(iter(change))):
        SegmentDataModule(folder, **change)
