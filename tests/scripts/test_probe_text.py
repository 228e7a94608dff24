"""``scripts/probe_text.py``: facts that a text names, and a probe trained on synthetic songs."""

from __future__ import annotations

import json
import math

import bands
import pytest
import runs
import torch
from programs import load_script

from jasco.audio import load_audio, save_audio
from jasco.band.dataset import synthesize
from jasco.band.folder import Band

SONG = {
    "description": "A fast tune with clean electric guitar lead",
    "instruments": {"lead": "clean guitar"},
    "families": {"lead": "guitar"},
    "tempo_class": "fast",
    "genre": "soul",
    "pulse": 123,
}


@pytest.fixture(scope="module")
def probe():
    return load_script("probe")


@pytest.fixture(scope="module")
def script(probe):
    return load_script("probe_text")


def test_only_facts_that_the_text_names_are_scored(probe):
    guitar, fast, soul = probe.FAMILIES.index("guitar"), 2, probe.CLASSES["genre"].index("soul")
    unknown = probe.UNKNOWN
    assert probe.truth(SONG) == (guitar, fast, soul)
    assert probe.named_facts(SONG) == (guitar, fast, unknown)
    called = SONG | {"description": "Fast neo-soul with clean electric guitar lead"}
    assert probe.named_facts(called) == (guitar, fast, soul)
    quiet = SONG | {"description": "A tune with drums"}
    assert probe.named_facts(quiet) == (unknown, unknown, unknown)
    alone = SONG | {"instruments": {}, "families": {}}
    assert probe.truth(alone) == (unknown, fast, soul)


def test_shares_are_of_those_that_ask(script):
    predicted = torch.tensor([[0, 1, 5], [1, 1, 6], [2, 2, 7]])
    no = script.UNKNOWN
    wanted = torch.tensor([[0, 1, no], [0, no, 6], [no, 0, 8]])
    found = script.share(predicted, wanted)
    shares = {"family": (0.5, 2), "tempo": (0.5, 2), "genre": (0.5, 2), "both": (1.0, 1)}
    assert {name: (i.mean, i.items) for name, i in found.items()} == shares


def test_the_floor_compares_takes_with_the_requests_of_others(script):
    no = script.UNKNOWN
    predicted = torch.tensor([[0, 1, 0], [1, 1, 4], [2, 2, 4], [0, 0, 4]])
    wanted = torch.tensor([[0, 1, 4], [0, no, no], [no, 0, 4], [1, 1, no]])
    found = script.floor(predicted, wanted)
    assert found["family"] == pytest.approx(4 / 6)  # take 0 has what 1 asks, 1 has 3, 3 has 0 and 1
    assert found["tempo"] == pytest.approx(2 / 6) and found["both"] == 0.0
    assert found["genre"] == 0.5  # take 2 has what 0 asks
    same = torch.zeros(5, 3, dtype=torch.long)
    assert set(script.floor(same, same).values()) == {1.0}


def test_tempi_are_compared_with_their_songs_and_all_others(script):
    texts = ("slow, 60 BPM", "fast", "tempo 90")
    songs = [
        {"pulse": pulse, "description": text}
        for pulse, text in zip((60, 140, 90), texts, strict=True)
    ]
    found = script.tempo_scores([121.0, 140.0, math.nan], songs)
    figures = {name: (own.mean, level) for name, (own, level) in found.items()}
    assert figures["tempo Acc1"] == pytest.approx((1 / 3, 0))
    assert figures["tempo Acc2"] == pytest.approx((2 / 3, 0))
    assert figures["tempo Acc2 told"] == (0.5, 0)
    assert found["tempo Acc1 told"][0].items == 2
    same = script.tempo_scores([60.0, 120.0], [songs[0]] * 2)
    assert [level for _, level in same.values()] == [0.5, 1.0] * 2


def test_an_808_is_no_tempo(script):
    assert script.states_number({"pulse": 80, "description": "slow, 80 BPM"})
    assert not script.states_number({"pulse": 80, "description": "80s beat with 808 drums"})


def test_a_tempo_is_extracted(script, tmp_path):
    clicks = torch.zeros(1, 8 * 32000)
    clicks[:, ::16000] = 0.9  # twice a second
    save_audio(tmp_path / "clicks.wav", clicks, 32000, loudness=None)
    assert script.extract_tempo(tmp_path / "clicks.wav") == pytest.approx(120, rel=0.04)


@pytest.fixture(scope="module")
def band(tmp_path_factory):
    return Band(tmp_path_factory.mktemp("band"), seed=1, seconds=4.0)


@pytest.fixture(scope="module")
def manifest(band):
    synthesize(band, 4, bands.Here(), progress=False)
    return band.out / "manifest.jsonl"


def test_it_learns_the_songs_that_it_is_shown(probe, manifest):
    network = probe.learn([manifest], 4.0, epochs=250, seed=0)
    songs = probe.read_songs(manifest)
    predicted = probe.listen(network, list(songs))
    truth = torch.tensor([probe.truth(song) for song in songs.values()])
    known = truth != probe.UNKNOWN
    assert bool((predicted == truth)[known].all())


def test_it_learns_reconstructions_too(probe, manifest, monkeypatch):
    codec = runs.new_model().eval().codec
    monkeypatch.setattr(probe, "train", lambda features, labels, *_: (features, labels))
    features, labels = probe.learn([manifest], 2.0, 1, 0, codec)
    plain, _ = probe.learn([manifest], 2.0, 1, 0)
    assert len(plain.levels) == 8 and len(labels) == 16
    assert torch.equal(labels[::2], labels[1::2])
    assert torch.equal(features.levels[::2], plain.levels)
    path = next(iter(probe.read_songs(manifest)))
    sound = probe.through(codec, load_audio(path, start=2.0, duration=2.0))
    assert sound.samples.shape[-1] == 2 * codec.sample_rate
    assert torch.equal(features.levels[3], probe.features_of(sound)[0])


def test_a_transposed_sound_is_moved_along_the_bands(probe, tmp_path):
    time = torch.arange(2 * 32000) / 32000
    peaks = []
    for name, frequency in (("low", 440.0), ("high", 440.0 * 2 ** (5 / 12))):
        tone = 0.3 * torch.sin(2 * torch.pi * frequency * time)
        save_audio(tmp_path / f"{name}.wav", tone[None], 32000, loudness=None)
        levels, _ = probe.extract_features(tmp_path / f"{name}.wav")
        peaks.append(int(levels.mean(1).argmax()))
    assert peaks[1] - peaks[0] == 5


def test_periods_are_those_of_the_strokes(probe, tmp_path):
    clicks = torch.zeros(1, 8 * 32000)
    clicks[:, ::16000] = 0.9  # twice a second
    save_audio(tmp_path / "clicks.wav", clicks, 32000, loudness=None)
    _, periods = probe.extract_features(tmp_path / "clicks.wav")
    strongest = probe.PERIODS[int(periods.argmax())]
    assert min(abs(strongest / 0.5 - n) for n in (1, 2, 3, 4)) < 0.05


def test_audio_without_periodicity_has_features(probe, tmp_path):
    save_audio(tmp_path / "silence.wav", torch.zeros(1, 64000), 32000, loudness=None)
    features = probe.extract_features(tmp_path / "silence.wav")
    assert all(bool(part.isfinite().all()) for part in features)


def test_renders_and_takes_are_scored(script, probe, monkeypatch, tmp_path, capsys):
    items, lines = [], []
    for name in ("a", "b"):
        mix = tmp_path / "band" / "audio" / f"{name}.wav"
        takes = [script.audio_path(tmp_path / "figures", x, 0, name) for x in ("text", "ceiling")]
        for path in (mix, *takes):
            save_audio(path, torch.randn(1, 3 * 32000), 32000)
        items.append({"path": str(mix), "id": name})
        lines.append(json.dumps(SONG | {"path": f"audio/{name}.wav"}))
    (tmp_path / "band" / "manifest.jsonl").write_text("\n".join(lines))
    checkpoint = {"name": "demo", "revision": None}
    frozen = {"data": {"duration": 3.0}, "settings": ["text"], "seeds": [0]}
    frozen["checkpoint"] = checkpoint
    report = {"frozen": frozen, "items": items}
    (tmp_path / "figures" / "report.json").write_text(json.dumps(report))
    monkeypatch.setattr(script, "learn", lambda *_: probe.Probe().eval())
    script.main(["band", str(tmp_path / "figures"), "--json", str(tmp_path / "figures.json")])
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert set(figures) == {"renders", "renders, asked", "ceiling", "text"}
    assert figures["text"]["tempo Acc2"]["items"] == 2 and figures["renders"]["genre"]["items"] == 2
    assert figures["text"]["genre"]["items"] == 0  # the texts name none
    assert "tempo Acc1 told" in capsys.readouterr().out
