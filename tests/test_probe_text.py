"""``scripts/probe_text.py``: what a text asks for, and a probe that learns from the band."""

from __future__ import annotations

from pathlib import Path

import bands
import pytest
import torch
from programs import load_script

from jasco import Jasco
from jasco.data.prepared import PreparedDataset

SONG = {
    "description": "A fast tune with clean electric guitar lead",
    "instruments": {"lead": "clean guitar"},
    "families": {"lead": "guitar"},
    "tempo_class": "fast",
}


@pytest.fixture(scope="module")
def script():
    return load_script("probe_text")


def test_only_what_the_text_names_is_asked(script):
    guitar, fast = script.FAMILIES.index("guitar"), 2
    assert script.truth(SONG) == script.asked(SONG) == (guitar, fast)
    quiet = SONG | {"description": "A tune with drums"}
    assert script.truth(quiet) == (guitar, fast)
    assert script.asked(quiet) == (script.UNKNOWN, script.UNKNOWN)
    alone = SONG | {"instruments": {}, "families": {}}
    assert script.truth(alone) == (script.UNKNOWN, fast)


def test_shares_are_of_those_that_ask(script):
    heard = torch.tensor([[0, 1], [1, 1], [2, 2]])
    wanted = torch.tensor([[0, 1], [0, script.UNKNOWN], [script.UNKNOWN, 0]])
    found = script.share(heard, wanted)
    assert [(i.mean, i.items) for i in found.values()] == [(0.5, 2), (0.5, 2), (1.0, 1)]


def test_it_learns_the_songs_that_it_is_shown(script, tmp_path):
    data = PreparedDataset(bands.prepare_band(tmp_path / "band", Path("demo"), 4, 2.0), [])
    frames = min(track.num_frames for track in data.tracks)
    probe = script.train(data, frames, epochs=100, batch=4, seed=0)
    codec = Jasco.from_pretrained("demo", device="cpu", dtype="float32").codec
    paths = [Path(track.path) for track in data.tracks]
    heard = script.hear(probe, codec, paths)
    truth = torch.tensor([script.truth(track.fields) for track in data.tracks])
    known = truth != script.UNKNOWN
    assert bool((heard == truth)[known].all())
