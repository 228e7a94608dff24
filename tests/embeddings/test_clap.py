from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from claps import save_clap
from safetensors.torch import save_file

from jasco.audio import Audio
from jasco.checkpoint import build
from jasco.codec import EnCodec
from jasco.config import compose_config
from jasco.embeddings.clap import Clap, compute
from jasco.embeddings.latents import embed_latents
from jasco.errors import CheckpointError, SettingError
from jasco.io.hub import HubOptions

RATE = 48000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clap(tmp_path_factory.mktemp("clap") / "small")


@pytest.fixture(scope="module")
def clap(folder: Path) -> Clap:
    return Clap.load(folder, device="cpu")


def noise(seconds: float, seed: int = 0, rate: int = RATE) -> Audio:
    generator = torch.Generator().manual_seed(seed)
    return Audio(torch.randn(1, round(seconds * rate), generator=generator) / 10, rate)


def tone(hertz: float, seconds: float, rate: int = RATE) -> Audio:
    time = torch.arange(round(seconds * rate)) / rate
    return Audio(torch.sin(2 * torch.pi * hertz * time)[None] / 3, rate)


def test_embeddings_have_unit_length_and_repeat(clap: Clap) -> None:
    recordings = [noise(3), tone(440, 10), tone(880, 25, 32000)]
    found = clap.embed_audio(recordings)
    assert found.shape == (3, 12) and found.dtype == np.float64
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(clap.embed_audio(recordings), found)
    # An item is the same alone.
    np.testing.assert_allclose(clap.embed_audio(recordings[1:2])[0], found[1], atol=1e-6)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_they_equal_transformers_called_by_hand(clap: Clap) -> None:
    audio = noise(10)
    inputs = clap.extractor(audio.samples[0].numpy(), sampling_rate=RATE, return_tensors="pt")
    with torch.inference_mode():
        expected = clap.model.get_audio_features(**inputs).pooler_output
    np.testing.assert_allclose(clap.embed_audio([audio]), expected, atol=1e-6)
    tokens = clap.tokenizer(["warm strings"], return_tensors="pt")
    with torch.inference_mode():
        expected = clap.model.get_text_features(**tokens).pooler_output
    np.testing.assert_allclose(clap.embed_text(["warm strings"]), expected, atol=1e-6)


def test_long_recordings_are_heard_whole(clap: Clap) -> None:
    first, second = tone(300, 8), noise(8)
    both = Audio(torch.cat([first.samples, second.samples], dim=1), RATE)
    mean = clap.embed_audio([first, second]).mean(axis=0)
    np.testing.assert_allclose(clap.embed_audio([both])[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_texts_of_any_length(clap: Clap) -> None:
    found = clap.embed_text(["a", "slow piano", "drums " * 200])
    assert found.shape == (3, 12)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(clap.embed_text(["slow piano"])[0], found[1], atol=1e-6)


def test_nothing_has_no_embeddings(clap: Clap) -> None:
    assert clap.embed_audio([]).shape == clap.embed_text([]).shape == (0, 12)


def test_a_model_with_fusion_repeats_too(tmp_path: Path) -> None:
    clap = Clap.load(save_clap(tmp_path / "fusion", fusion=True), device="cpu")
    found = clap.embed_audio([noise(3), noise(12)])
    np.testing.assert_array_equal(clap.embed_audio([noise(3), noise(12)]), found)


def test_weights_as_bin_are_read_too(folder: Path, clap: Clap, tmp_path: Path) -> None:
    for file in folder.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    torch.save(clap.model.state_dict(), tmp_path / "pytorch_model.bin")
    other = Clap.load(tmp_path, device="cpu")
    np.testing.assert_allclose(other.embed_text(["a"]), clap.embed_text(["a"]), atol=1e-6)


def test_a_bin_that_holds_more_than_tensors_is_refused(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    torch.save({"logit_scale_a": Path("code")}, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="no CLAP"):
        Clap.load(tmp_path)


def test_what_is_no_clap_is_refused(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="no CLAP"):
        Clap.load(tmp_path / "empty")
    with pytest.raises(CheckpointError, match="no such folder"):
        Clap.load(tmp_path / "absent")
    with pytest.raises(CheckpointError, match="not in"):
        Clap.load("owner/absent", hub=HubOptions(cache_dir=tmp_path, local_files_only=True))
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in folder.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    (broken / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(CheckpointError, match="no CLAP"):
        Clap.load(broken)
    save_file({"logit_scale_a": torch.zeros(())}, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match="it lacks"):
        Clap.load(broken)


def test_text_consistency_in_closed_form() -> None:
    assert compute(np.array([1.0, 0.0]), np.array([2.0, 0.0])) == {"text_consistency": 1}
    assert compute(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == {"text_consistency": 0}
    assert compute(np.array([3.0, 4.0]), np.array([-3.0, -4.0])) == {"text_consistency": -1}
    assert compute(np.array([1.0, 0.0]), np.array([0.6, 0.8]))["text_consistency"] == 0.6
    for wrong in (np.zeros(2), np.ones(3), np.ones((1, 2))):
        with pytest.raises(SettingError):
            compute(np.ones(2), wrong)


@pytest.fixture(scope="module")
def codec() -> EnCodec:
    torch.manual_seed(0)
    return build(compose_config("+codec=tiny")["codec"])


@pytest.mark.parametrize("make", [noise, lambda seconds: tone(440, seconds)])
def test_latents_are_averaged_over_time(codec: EnCodec, make: Callable[[float], Audio]) -> None:
    audio = make(2.0).resample(codec.sample_rate)
    expected = codec.encode(audio.samples[None])[0].mean(dim=0)
    found = embed_latents(codec, [audio, make(0.51)])
    assert found.shape == (2, codec.latent_dim)
    np.testing.assert_allclose(found[0], expected.numpy(), atol=1e-6)


def test_no_recordings_have_no_latents(codec: EnCodec) -> None:
    assert embed_latents(codec, []).shape == (0, codec.latent_dim)
