"""Each stage against the function that it wraps."""

from __future__ import annotations

import pickle

import pytest
import torch

from jasco.audio import Audio
from jasco.checkpoint.codec import CodecSource
from jasco.chords import CHORD_NAMES
from jasco.errors import CheckpointError, SettingError
from jasco.extract.chords import extract_chords
from jasco.extract.drums import separate_drums
from jasco.extract.melody import extract_melody
from jasco.extract.salience import DeepSalience
from jasco.prepare.stages.chords import ChordStage
from jasco.prepare.stages.drums import DrumStage
from jasco.prepare.stages.latents import LatentStage
from jasco.prepare.stages.melody import MelodyStage

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def audio() -> Audio:
    """A major triad and a minor one, two seconds each, with some noise."""
    time = torch.arange(2 * 44100) / 44100
    chords = [[48, 60, 64, 67], [45, 57, 60, 64]]
    sound = [
        sum(
            0.5**h * torch.sin(440 * 2 ** ((n - 69) / 12) * h * 6.2832 * time) / 8
            for n in c
            for h in (1, 2, 3)
        )
        for c in chords
    ]
    noise = 0.01 * torch.randn(1, 4 * 44100, generator=torch.Generator().manual_seed(0))
    return Audio(torch.cat(sound)[None] + noise, 44100)


@pytest.fixture(scope="module")
def source(codec_folder) -> CodecSource:
    return CodecSource(str(codec_folder))


def test_latents(audio, source):
    stage = LatentStage(source)
    found = stage.open(CPU)(audio)
    assert set(found) == set(stage.gives)
    codec = source.load()
    wanted = codec.encode_raw(audio.resample(32000).samples[None])[0]
    assert found["latents"].dtype == torch.float16 and found["latents"].shape == (200, 128)
    torch.testing.assert_close(found["latents"].float(), wanted, rtol=1e-3, atol=1e-4)
    facts = {"codec": codec.fingerprint(), "frame_rate": 50.0, "latent_dim": 128}
    assert stage.signature() == {"version": 1, **facts}

    low = LatentStage(source, "bfloat16")
    assert low.signature() == {"version": 1, **facts, "dtype": "bfloat16"}
    rounded = low.open(CPU)(audio)["latents"]
    assert stage.open(CPU)(audio)["latents"].equal(found["latents"])
    assert 1e-4 < (rounded.float() - wanted).norm() / wanted.norm() < 2e-2


def test_chords(audio, chordino):
    stage = ChordStage()
    found = stage.open(CPU)(audio)
    assert set(found) == set(stage.gives)
    chords = extract_chords(audio)
    assert [CHORD_NAMES[i] for i in found["chord_names"].tolist()] == list(chords.names)
    assert found["chord_onsets"].tolist() == list(chords.onsets)
    assert {"C", "Am"} <= set(chords.names)
    assert len(stage.signature()["chordino"]) == 16


@torch.inference_mode()
def test_drums(audio, source, small_separator):
    stage = DrumStage(source, separator=str(small_separator))
    found = stage.open(CPU)(audio)
    assert set(found) == set(stage.gives) and found["drum_codes"].dtype == torch.int16
    drums = separate_drums(audio, model=small_separator, device="cpu", progress=False)
    wav = drums.resample(32000).samples
    codec = source.load()
    assert torch.equal(found["drum_codes"].long(), codec.coarse_codes(wav[None])[0])
    isolated = DrumStage(source, drums="isolated")
    wav = audio.resample(32000).samples
    codes = isolated.open(CPU)(audio)["drum_codes"].long()
    assert torch.equal(codes, codec.coarse_codes(wav[None])[0])
    assert not torch.equal(codes, found["drum_codes"].long())
    assert stage.signature()["separator"] and isolated.signature()["separator"] is None


def test_melody(audio, source, shared):
    pytest.importorskip(
        "h5py", reason="the published weights are HDF5: pip install 'jasco[melody]'"
    )
    weights = shared / "salience" / "multif0.h5"
    stage = MelodyStage(source, weights=str(weights), dtype="float32")
    found = stage.open(CPU)(audio)
    assert set(found) == set(stage.gives) and found["melody"].dtype == torch.int8
    model = DeepSalience.load(weights, device="cpu", dtype="float32")
    wanted = extract_melody(audio, model=model).frames(200, 50.0)
    rows = found["melody"].long()
    assert torch.equal(rows >= 0, wanted.amax(0) > 0) and len(rows.unique()) > 1
    assert torch.equal(rows[rows >= 0], wanted.argmax(0)[rows >= 0])
    assert stage.signature()["frame_rate"] == 50.0


def test_all_have_as_many_frames(source, small_separator, salience_file):
    """Also where the rates do not divide: the last frame is not full."""
    random = torch.Generator().manual_seed(0)
    stages = (
        LatentStage(source),
        DrumStage(source, separator=str(small_separator)),
        MelodyStage(source, weights=str(salience_file)),
    )
    extracts = [stage.open(CPU) for stage in stages]
    for rate, samples in ((22050, 22064), (48000, 48001), (8000, 8159), (44100, 44100)):
        audio = Audio(0.1 * torch.randn(1, samples, generator=random), rate)
        lengths = {len(tensor) for extract in extracts for tensor in extract(audio).values()}
        assert len(lengths) == 1, (rate, lengths)


def test_stages_travel(source, salience_file):
    for stage in (LatentStage(source), ChordStage(), MelodyStage(source, str(salience_file))):
        assert pickle.loads(pickle.dumps(stage)) == stage


def test_a_missing_part_is_named(source, tmp_path):
    with pytest.raises(SettingError, match="separated or isolated"):
        DrumStage(source, drums="alone")
    with pytest.raises(CheckpointError, match="separator"):
        DrumStage(source, separator=str(tmp_path / "absent.safetensors")).signature()
    with pytest.raises(CheckpointError, match="deep-salience"):
        MelodyStage(source, weights=str(tmp_path / "absent.h5")).signature()
    with pytest.raises(CheckpointError, match="not in"):
        LatentStage(CodecSource("facebook/encodec_of_nowhere")).signature()
