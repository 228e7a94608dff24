"""Fine-tuning from the golden checkpoint, and what a run leaves behind for inference."""

from __future__ import annotations

import pytest
import runs
import torch

from jasco import checkpoint
from jasco.conditions import Conditions
from jasco.config import compose_config
from jasco.errors import CheckpointError, SettingError
from jasco.flow import Euler, Guidance
from jasco.io.hub import HubOptions
from jasco.melody import Melody
from jasco.model import Jasco
from jasco.training.flow.module import JascoModule
from jasco.training.flow.objective import Objective
from jasco.training.flow.start import extend
from jasco.training.optim import Optimization

NAME = "facebook/jasco-chords-drums-400M"


@pytest.fixture(scope="module")
def found(hub_cache):
    return checkpoint.read(NAME, HubOptions(cache_dir=hub_cache, local_files_only=True))


def melody_node():
    return compose_config("+conditioners@add=melody")["add"]


def extended(found, **options):
    settings = {"add": melody_node(), "allow_new": ["melody"], "new_dropout": 0.5}
    return extend(found, **(settings | options))


def test_a_new_control_begins_without_effect(found, hub_cache):
    model = extended(found)
    original = Jasco.from_pretrained(NAME, device="cpu", dtype="float32", cache_dir=hub_cache)
    assert model.controls == ("text", "chords", "drums", "melody")
    old, new = original.state_dict(), model.state_dict()
    assert all(torch.equal(new[name], old[name]) for name in old)
    assert {name for name in new if name not in old} == {
        "conditioners.melody.embedding.weight",
        "conditioners.melody.embedding.bias",
        "conditioners.melody.project.weight",
    }
    assert model.config["dropout"] == {
        "all": 0.3, "chords": 0.3, "drums": 0.3, "melody": 0.5
    }  # fmt: skip
    clip = Conditions(text="with a tune", chords=[("C", 0.0), ("Am", 5.0)])
    tune = Conditions(clip.text, clip.chords, melody=Melody.from_rows(torch.arange(500) % 53, 50.0))
    settings = {"seed": 1, "solver": Euler(2), "guidance": Guidance(all=1.5, text=0.5)}
    expected = original.generate([clip], **settings).latents
    for asked in (clip, tune):
        assert torch.equal(model.generate([asked], **settings).latents, expected)


def test_dropout_of_the_checkpoint_is_a_default(found):
    model = extended(found)
    module = JascoModule(model, Objective(dropout={"chords": 0.9, "melody": 0.1}))
    assert module.dropout == {"all": 0.3, "chords": 0.9, "drums": 0.3, "melody": 0.1}
    assert model.config["dropout"] == module.dropout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"allow_new": []}, r"to add melody, name it with allow_new=\[melody\]"),
        ({"add": {}}, "allow_new names melody, which is not added"),
        ({"allow_new": ["melody", "drums"]}, "drums is not new"),
        ({"add": {"chords": {}}, "allow_new": ["chords"]}, "chords is not new"),
    ],
)
def test_what_is_new_must_be_said(found, options, message):
    with pytest.raises(SettingError, match=message):
        extended(found, **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("network.norm.bias"), "missing: network.norm.bias"),
        (lambda t: t.update(stranger=torch.zeros(1)), "left over: stranger"),
    ],
)
def test_nothing_else_may_be_missing_or_left_over(found, change, message):
    from dataclasses import replace

    tensors = dict(found.tensors)
    change(tensors)
    with pytest.raises(CheckpointError, match=message):
        extended(replace(found, tensors=tensors))


@pytest.fixture(scope="module")
def tuned(found, tmp_path_factory):
    """A run of 30 steps from the golden checkpoint with a melody, on tracks of 10 s."""
    folder = tmp_path_factory.mktemp("tuned")
    model = extended(found)
    model.config["dropout"] = {"all": 0.0, "chords": 0.0, "drums": 0.0, "melody": 0.0}
    songs = runs.write_dataset(folder / "songs", model.codec, count=4, frames=500)
    optim = Optimization(lr=3e-3, warmup=3)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    _, module, watch = runs.fit(folder, songs, steps=30, model=model.train(), optim=optim)
    return folder, module, watch, start


def test_the_loss_falls_and_the_new_control_learns(tuned):
    _, module, watch, start = tuned
    assert sum(watch.losses[-5:]) < 0.8 * sum(watch.losses[:5])
    assert module.model.conditioners["melody"].project.weight.abs().max() > 0
    frozen = [name for name in start if name.startswith(("codec.", "conditioners.text.encoder."))]
    state = module.model.state_dict()
    assert frozen and all(torch.equal(state[name], start[name]) for name in frozen)


def test_its_checkpoint_is_a_model_without_any_hub(tuned, tmp_path):
    """The averaged weights, with the frozen text encoder from beside the file."""
    folder, module, _, _ = tuned
    package = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert package["hyper_parameters"] == module.model.config
    for state in ("state_dict", "current_model_state"):
        names = list(package[state])
        assert not any("text.encoder" in name for name in names)
        assert any(name.startswith("model.codec.") for name in names)
    averaged = {name.removeprefix("model."): v for name, v in package["state_dict"].items()}
    current = {n.removeprefix("model."): v for n, v in package["current_model_state"].items()}
    assert not torch.equal(averaged["network.norm.bias"], current["network.norm.bias"])

    options = {"device": "cpu", "dtype": "float32", "cache_dir": tmp_path / "nothing"}
    for path in (folder / "checkpoints" / "last.ckpt", folder):
        model = Jasco.from_pretrained(path, **options)
        state = model.state_dict()
        assert all(torch.equal(state[name], value) for name, value in averaged.items())
        assert model.controls == ("text", "chords", "drums", "melody")
    asked, settings = Conditions(text="a"), {"seed": 1, "solver": Euler(2)}
    expected = module.model.eval().generate(asked, **settings).audio
    model.dtype = module.model.dtype  # the precision that it was trained in
    assert torch.equal(model.generate(asked, **settings).audio, expected)

    saved = model.save_pretrained(tmp_path / "saved")
    again = Jasco.from_pretrained(saved, **options)
    assert all(torch.equal(again.state_dict()[name], value) for name, value in state.items())
    card = (saved / "README.md").read_text()
    assert "license: cc-by-nc-4.0" in card and f"base_model: {NAME}" in card


def test_converting_a_run(tuned, tmp_path, capsys):
    from jasco.cli.convert import main

    folder, _, _, _ = tuned
    assert main([str(folder), str(tmp_path / "out")]) == 0, capsys.readouterr().err
    model = Jasco.from_pretrained(tmp_path / "out", device="cpu", dtype="float32")
    same = Jasco.from_pretrained(folder, device="cpu", dtype="float32")
    before, after = same.state_dict(), model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_run_can_be_the_start_of_another(tuned, found):
    folder, module, _, _ = tuned
    again = checkpoint.read(folder, HubOptions())
    model = extend(again, add={}, allow_new=(), new_dropout=0.5)
    assert model.config["model"] == module.model.config["model"]
    assert model.config["source"] == module.model.config["source"]


def test_a_file_that_is_no_run(tmp_path):
    path = tmp_path / "x.ckpt"
    torch.save({"state_dict": {}}, path)
    with pytest.raises(CheckpointError, match="no configuration of a Jasco"):
        Jasco.from_pretrained(path)
    path.write_bytes(b"not torch")
    with pytest.raises(CheckpointError, match="cannot be read as torch weights"):
        Jasco.from_pretrained(path)
    with pytest.raises(CheckpointError, match="absent.ckpt: No such file"):
        Jasco.from_pretrained(tmp_path / "absent.ckpt")
