"""Checkpoints with a Fourier decoder: saved, loaded, converted, refused where not whole."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import runs
import torch
import yaml
from safetensors.torch import load_file, save_file

from jasco import Jasco
from jasco.checkpoint.codec import CodecSource
from jasco.checkpoint.decoder import set_decoder
from jasco.cli import convert, train
from jasco.encodec import FourierDecoder
from jasco.encodec.fourier import sizes_of
from jasco.errors import CheckpointError, JascoError, SettingError


@pytest.fixture(scope="module")
def decoder(tiny: Jasco, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a decoder for the tiny codec, whose parts all have an effect."""
    torch.manual_seed(0)
    sizes = {"widths": [16, 8], "depths": [1, 1]} | sizes_of(tiny.codec.model.config)
    made = FourierDecoder(config=sizes)
    for parameter in made.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    folder = tmp_path_factory.mktemp("decoder")
    made.save(folder)
    return folder


@pytest.fixture(scope="module")
def plain(tiny: Jasco, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_pretrained(tmp_path_factory.mktemp("plain") / "model")


@pytest.fixture(scope="module")
def folder(plain: Path, decoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoint with the decoder, as jasco-convert writes it."""
    out = tmp_path_factory.mktemp("converted") / "model"
    assert convert.main([str(plain), str(out), "--decoder", str(decoder)]) == 0
    return out


def load(folder: Path) -> Jasco:
    return Jasco.from_pretrained(folder, device="cpu", dtype="float32")


def test_a_converted_model_has_the_decoder_and_all_else(
    plain: Path, folder: Path, decoder: Path
) -> None:
    before, after = load(plain), load(folder)
    assert not (plain / "decoder").exists() and before.codec.decoder is None
    assert "decoder" not in yaml.safe_load((plain / "config.yaml").read_text())["model"]["codec"]
    state, replaced = after.state_dict(), "codec.model.decoder."
    kept = {k: v for k, v in before.state_dict().items() if not k.startswith(replaced)}
    assert all(torch.equal(state[name], tensor) for name, tensor in kept.items())
    assert not any(name.startswith(replaced) for name in state)
    files = load_file(folder / "codec" / "model.safetensors")
    assert files and not any(name.startswith("decoder.") for name in files)
    own = FourierDecoder(pretrained=str(decoder)).state_dict()
    assert all(torch.equal(state[f"codec.decoder.{name}"], x) for name, x in own.items())
    node = yaml.safe_load((folder / "config.yaml").read_text())["model"]["codec"]["decoder"]
    assert node == {
        "_target_": "jasco.encodec.FourierDecoder",
        "pretrained": "decoder",
        "revision": None,
    }
    assert not any(name.startswith("codec.") for name in load_file(folder / "model.safetensors"))
    one, other = (model.generate("funk", seed=1, steps=2) for model in (before, after))
    assert torch.equal(one.latents, other.latents) and not torch.equal(one.audio, other.audio)
    assert torch.equal(other.audio, after.codec.decode(other.latents))


def test_saved_again_it_is_the_same(folder: Path, tmp_path: Path) -> None:
    model = load(folder)
    again = load(model.save_pretrained(tmp_path / "again"))
    before, after = model.state_dict(), again.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    half = model.save_pretrained(tmp_path / "half", dtype="float16")
    assert load_file(half / "decoder" / "model.safetensors")["head.bias"].dtype == torch.float16


def test_a_codec_is_taken_from_it_with_its_decoder(folder: Path, plain: Path) -> None:
    codec = CodecSource(str(folder)).load()
    assert codec.decoder is not None
    assert codec.fingerprint() == CodecSource(str(plain)).load().fingerprint()


def test_a_codec_without_a_decoder_encodes(folder: Path, plain: Path) -> None:
    """The codec of such a checkpoint, named by its own folder, encodes as that of the whole."""
    codec, whole = (CodecSource(str(path / "codec")).load() for path in (folder, plain))
    wav = 0.1 * torch.randn(1, codec.channels, 10 * codec.hop_length)
    assert torch.equal(codec.encode(wav), whole.encode(wav))
    assert torch.equal(codec.coarse_codes(wav), whole.coarse_codes(wav))
    with pytest.raises(CheckpointError, match="has no decoder: name its model"):
        codec.decode(codec.encode(wav))


def test_a_model_with_one_is_trained_on(
    decoder: Path, songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint of a run decodes as the model did, also without the folder it came from."""
    model = runs.new_model()
    set_decoder(model, decoder)
    start = model.save_pretrained(tmp_path / "start")
    latents = torch.randn(1, 20, model.codec.latent_dim)
    expected = load(start).codec.decode(latents)
    words = [f"init_from={start}", f"data.root={songs}", f"run={tmp_path / 'run'}"]
    words += ["trainer.max_steps=1", "callbacks.samples=null", "data.batch_size=2"]
    monkeypatch.setattr(sys, "argv", ["jasco-train", "experiment=finetune", *words])
    assert train.main() == 0
    moved = (tmp_path / "run").rename(tmp_path / "moved")
    shutil.rmtree(start)
    after = load(moved)
    assert after.codec.decoder is not None and after.codec.model.decoder is None
    assert torch.equal(after.codec.decode(latents), expected)
    again = load(after.save_pretrained(tmp_path / "again"))
    assert torch.equal(again.codec.decode(latents), expected)


def test_the_published_model_takes_one(hub_cache: Path, tmp_path: Path) -> None:
    name, where = "facebook/jasco-chords-drums-400M", {"cache_dir": hub_cache, "device": "cpu"}
    model = Jasco.from_pretrained(name, local_files_only=True, dtype="float32", **where)  # type: ignore[arg-type]
    sizes = {"widths": [16, 8], "depths": [1, 1]} | sizes_of(model.codec.model.config)
    FourierDecoder(config=sizes).save(tmp_path / "decoder")
    set_decoder(model, tmp_path / "decoder")
    again = load(model.save_pretrained(tmp_path / "model"))
    latents = torch.randn(1, 20, model.codec.latent_dim)
    assert again.codec.decoder is not None
    assert torch.equal(again.codec.decode(latents), model.codec.decode(latents))


def test_a_decoder_for_another_codec_changes_nothing(tiny: Jasco, tmp_path: Path) -> None:
    sizes = sizes_of(tiny.codec.model.config) | {"hidden_size": 64}
    FourierDecoder(config=sizes).save(tmp_path)
    with pytest.raises(SettingError, match="hidden_size 64"):
        set_decoder(tiny, tmp_path)
    assert tiny.codec.decoder is None


def test_one_that_is_not_whole_is_refused(folder: Path, tmp_path: Path) -> None:
    model = load(folder)
    lost = model.save_pretrained(tmp_path / "lost")
    for path in (lost / "decoder").iterdir():
        path.unlink()
    (lost / "decoder").rmdir()
    with pytest.raises(CheckpointError, match="lacks its folder decoder/"):
        load(lost)
    torn = model.save_pretrained(tmp_path / "torn")
    weights = load_file(torn / "decoder" / "model.safetensors")
    weights.pop("head.bias")
    save_file(weights, torn / "decoder" / "model.safetensors")
    with pytest.raises(CheckpointError, match="head.bias"):
        load(torn)
    large = model.save_pretrained(tmp_path / "large")
    path = large / "decoder" / "config.json"
    path.write_text(path.read_text().replace('"overlap": 4', '"overlap": 100000'))
    with pytest.raises(JascoError):
        load(large)
