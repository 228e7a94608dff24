"""``scripts/probe_text.py``: facts that a text names, and a probe trained on synthetic songs."""

from __future__ import annotations

import bands
import pytest
import torch
from programs import load_script

from jasco.audio import save_audio
from jasco.band.dataset import synthesize
from jasco.band.folder import Band

SONG = {
    "description": "A fast tune with clean electric guitar lead",
    "instruments": {"lead": "clean guitar"},
    "families": {"lead": "guitar"},
    "tempo_class": "fast",
}


@pytest.fixture(scope="module")
def script():
    return load_script("probe_text")


def test_only_facts_that_the_text_names_are_scored(script):
    guitar, fast = script.FAMILIES.index("guitar"), 2
    assert script.truth(SONG) == script.named_facts(SONG) == (guitar, fast)
    quiet = SONG | {"description": "A tune with drums"}
    assert script.truth(quiet) == (guitar, fast)
    assert script.named_facts(quiet) == (script.UNKNOWN, script.UNKNOWN)
    alone = SONG | {"instruments": {}, "families": {}}
    assert script.truth(alone) == (script.UNKNOWN, fast)


def test_shares_are_of_those_that_ask(script):
    predicted = torch.tensor([[0, 1], [1, 1], [2, 2]])
    wanted = torch.tensor([[0, 1], [0, script.UNKNOWN], [script.UNKNOWN, 0]])
    found = script.share(predicted, wanted)
    assert [(i.mean, i.items) for i in found.values()] == [(0.5, 2), (0.5, 2), (1.0, 1)]


def test_the_floor_compares_takes_with_the_requests_of_others(script):
    predicted = torch.tensor([[0, 1], [1, 1], [2, 2], [0, 0]])
    wanted = torch.tensor([[0, 1], [0, script.UNKNOWN], [script.UNKNOWN, 0], [1, 1]])
    found = script.floor(predicted, wanted)
    assert found["family"] == pytest.approx(4 / 6)  # take 0 has what 1 asks, 1 has 3, 3 has 0 and 1
    assert found["tempo"] == pytest.approx(2 / 6) and found["both"] == 0.0
    same = torch.zeros(5, 2, dtype=torch.long)
    assert list(script.floor(same, same).values()) == [1.0, 1.0, 1.0]


@pytest.fixture(scope="module")
def band(tmp_path_factory):
    return Band(tmp_path_factory.mktemp("band"), seed=1, seconds=4.0)


@pytest.fixture(scope="module")
def manifest(band):
    synthesize(band, 4, bands.Here(), progress=False)
    return band.out / "manifest.jsonl"


def test_it_learns_the_songs_that_it_is_shown(script, manifest):
    probe = script.learn([manifest], 4.0, epochs=250, seed=0)
    songs = script.read_songs(manifest)
    predicted = script.predict(
        probe, script.stack([script.extract_features(path) for path in songs])
    )
    truth = torch.tensor([script.truth(song) for song in songs.values()])
    known = truth != script.UNKNOWN
    assert bool((predicted == truth)[known].all())


def test_a_transposed_sound_is_moved_along_the_bands(script, tmp_path):
    time = torch.arange(2 * 32000) / 32000
    peaks = []
    for name, frequency in (("low", 440.0), ("high", 440.0 * 2 ** (5 / 12))):
        tone = 0.3 * torch.sin(2 * torch.pi * frequency * time)
        save_audio(tmp_path / f"{name}.wav", tone[None], 32000, loudness=None)
        levels, _ = script.extract_features(tmp_path / f"{name}.wav")
        peaks.append(int(levels.mean(1).argmax()))
    assert peaks[1] - peaks[0] == 5


def test_periods_are_those_of_the_strokes(script, tmp_path):
    clicks = torch.zeros(1, 8 * 32000)
    clicks[:, ::16000] = 0.9  # twice a second
    save_audio(tmp_path / "clicks.wav", clicks, 32000, loudness=None)
    _, periods = script.extract_features(tmp_path / "clicks.wav")
    strongest = script.PERIODS[int(periods.argmax())]
    assert min(abs(strongest / 0.5 - n) for n in (1, 2, 3, 4)) < 0.05


def test_audio_without_periodicity_has_features(script, tmp_path):
    save_audio(tmp_path / "silence.wav", torch.zeros(1, 64000), 32000, loudness=None)
    features = script.extract_features(tmp_path / "silence.wav")
    assert all(bool(part.isfinite().all()) for part in features)
