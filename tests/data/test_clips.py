"""Clips by sample id: the same in every process, every track once per epoch."""

from __future__ import annotations

import shutil
from collections import Counter
from functools import partial

import numpy as np
import pytest
import runs
import torch
from torch.utils.data import DataLoader

from jasco.controls import control_names
from jasco.data.clips import Augmentation, Clip, ClipBatch, ClipDataset, collate
from jasco.data.dropout import ConditionDropout, TextDropout
from jasco.data.prepared import (
    BAR_ONSETS,
    BARS,
    PreparedDataset,
    make_track,
    read_index,
    write_index,
)
from jasco.data.resumable import collate_or_error
from jasco.data.sampler import ResumableBatchSampler
from jasco.data.track_file import read_header, read_tensors, write_track
from jasco.errors import DataError, JascoError

FRAMES, DIM = 50, 128


@pytest.fixture(scope="module")
def source(songs):
    return PreparedDataset(songs)


def training(source, tracks=None, seed=1):
    dropout = ConditionDropout({"all": 0.2, "chords": 0.5}, control_names())
    tracks = range(len(source)) if tracks is None else tracks
    return ClipDataset(source, tracks, (FRAMES, DIM), seed, Augmentation(TextDropout(), dropout))


def same(a: Clip, b: Clip) -> bool:
    return (
        (a.sample_id, a.dropped, a.length, a.t, a.conditions.text)
        == (b.sample_id, b.dropped, b.length, b.t, b.conditions.text)
        and a.conditions.chords == b.conditions.chords
        and torch.equal(a.latents, b.latents)
        and torch.equal(a.noise, b.noise)
        and torch.equal(a.conditions.drums.codes, b.conditions.drums.codes)
        and a.conditions.melody == b.conditions.melody
    )


def test_a_clip_depends_on_seed_and_sample_id_alone(source):
    one, again, other = training(source), training(source), training(source, seed=2)
    order = [5, 900_000_000_000, 5, 3]
    for sample_id in order:
        assert same(one[sample_id], again[sample_id])
        assert not torch.equal(one[sample_id].noise, other[sample_id].noise)
    assert len({one[sample_id].t for sample_id in range(100)}) == 100


def test_every_track_comes_once_an_epoch(source):
    clips = training(source)
    count = len(source)
    epochs = []
    for epoch in range(3):
        sample_ids = range(epoch * count, (epoch + 1) * count)
        drawn = [track_of(source, clips[sample_id].latents) for sample_id in sample_ids]
        assert sorted(drawn) == list(range(count))
        epochs.append(drawn)
    assert epochs[0] != epochs[1]


def track_of(source, latents):
    """Index of the track that holds these latents, found by looking."""
    for index, track in enumerate(source.tracks):
        whole = source.clip(index, 0, track.num_frames).latents
        for start in range(track.num_frames - FRAMES + 1):
            if torch.equal(whole[start : start + FRAMES], latents):
                return index
    raise AssertionError("the latents are of no track")


def test_places_and_times_are_spread(source):
    clips = training(source, tracks=[0])
    found = [clips[sample_id] for sample_id in range(400)]
    onsets = Counter(clip.conditions.chords.pairs()[-1] for clip in found)
    assert len(onsets) > 30  # starts of every frame
    times = np.array([clip.t for clip in found])
    assert times.mean() == pytest.approx(0.5, abs=0.06) and 0 <= times.min() < times.max() < 1
    noise = torch.stack([clip.noise for clip in found])
    assert abs(noise.mean()) < 0.005 and noise.std() == pytest.approx(1, abs=0.005)


def test_clips_begin_at_bars_where_they_are_known(songs, tmp_path):
    """The first track has bars, of which some are too late; the second has no beat."""
    root = tmp_path / "copy"
    shutil.copytree(songs, root)
    tracks = read_index(root)
    for number, onsets in enumerate(([0.3, 0.9, 2.1, float("nan")], [])):
        path, track = root / tracks[number].file, tracks[number]
        tensors = read_tensors(path, exclude={}) | {BAR_ONSETS: torch.tensor(onsets)}
        stages = {**read_header(path).stages, BARS: {"version": 1}}
        write_track(root, track.id, track.duration, stages, tensors)
        tracks[number] = make_track(read_header(path), track.path, track.fields)
    write_index(root, tracks)
    found = PreparedDataset(root)
    assert [found.bars(n) for n in range(3)] == [[15, 45, 105], [], []]
    starts = []
    for number in (0, 1, 2):
        whole = found.clip(number, 0, found.tracks[number].num_frames).latents
        clips = training(found, tracks=[number])
        cut = [clips[sample_id].latents for sample_id in range(30)]
        starts.append({s for c in cut for s in range(71) if torch.equal(c, whole[s : s + FRAMES])})
    assert starts[0] == {15, 45} and len(starts[1]) > 15 and len(starts[2]) > 15


def test_evaluation_is_complete_and_even(source):
    clips = ClipDataset(source, range(len(source)), (FRAMES, DIM), seed=1)
    found = [clips[sample_id] for sample_id in range(64)]
    assert all(clip.dropped == frozenset() for clip in found)
    assert {clip.conditions.text for clip in found} == {t.text for t in source.tracks}
    gaps = np.diff(sorted(clip.t for clip in found))
    assert gaps.max() < 0.03  # 64 times: nowhere a hole twice the mean


def test_a_short_track_is_padded(tmp_path):
    codec = runs.new_model().codec
    source = PreparedDataset(runs.write_dataset(tmp_path / "short", codec, count=1, frames=45))
    clip = training(source)[0]
    assert clip.length == 45 and clip.latents.shape == (FRAMES, DIM)
    assert clip.latents[45:].abs().max() == 0
    batch = collate([clip])
    assert batch.mask.tolist() == [[True] * 45 + [False] * 5]
    assert len(clip.conditions.drums.codes) == FRAMES


def test_a_batch(source):
    clips = training(source)
    batch = collate([clips[sample_id] for sample_id in range(8)])
    assert isinstance(batch, ClipBatch) and len(batch) == 8
    assert batch.latents.shape == batch.noise.shape == (8, FRAMES, DIM)
    assert batch.t.dtype == torch.float32 and batch.audio is None
    for name in control_names():
        assert batch.dropped[name].tolist() == [name in clips[n].dropped for n in range(8)]
    assert torch.equal(batch.given("melody"), ~batch.dropped["melody"])
    moved = batch.to("meta")
    assert moved.noise.device.type == moved.dropped["text"].device.type == "meta"
    assert moved.audio is None and moved.conditions is batch.conditions


def test_errors_travel_as_values(source, songs, tmp_path):
    shutil.copytree(songs, tmp_path / "copy")
    broken = PreparedDataset(tmp_path / "copy")
    (tmp_path / "copy" / broken.tracks[2].file).write_bytes(b"")
    clips = ClipDataset(broken, range(len(broken)), (FRAMES, DIM), seed=1)
    sampler = ResumableBatchSampler(0, len(broken), end=len(broken))
    for workers in (0, 1):
        whole = partial(collate_or_error, collate)
        loader = DataLoader(clips, batch_sampler=sampler, collate_fn=whole, num_workers=workers)
        (found,) = loader
        assert isinstance(found, DataError) and "Traceback" not in str(found)


def test_ranks_share_the_global_batches():
    alone = iter(ResumableBatchSampler(100, 6))
    ranks = [iter(ResumableBatchSampler(100, 3, rank, 2)) for rank in (0, 1)]
    for _ in range(5):
        assert next(alone) == next(ranks[0]) + next(ranks[1])
    assert list(ResumableBatchSampler(10, 4, end=17)) == [[10, 11, 12, 13], [14, 15, 16]]
    assert len(ResumableBatchSampler(10, 4, end=17)) == 2
    with pytest.raises(TypeError, match="infinite"):
        len(ResumableBatchSampler(0, 4))


def test_an_error_is_one_of_ours():
    assert issubclass(DataError, JascoError)
