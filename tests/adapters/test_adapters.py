"""Adapters of a model: their sum, weights, names and merging, and those that are refused."""

from __future__ import annotations

import json
import re

import pytest
import runs
import torch
from adapter_files import LAYERS, write
from safetensors.torch import load_file, save_file

from jasco.adapters import push_adapter, read_adapter
from jasco.errors import CheckpointError, SettingError
from jasco.flow import Euler
from jasco.model import Jasco

SETTINGS = {"seed": 3, "solver": Euler(2)}
QUERIES = "conditioners.text.encoder.encoder.block.0"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return runs.new_model().save_pretrained(tmp_path_factory.mktemp("base") / "model")


@pytest.fixture
def model(base):
    return from_base(base)


def from_base(folder, dtype="float32"):
    return Jasco.from_pretrained(folder, device="cpu", dtype=dtype)


def latents(model):
    return model.generate("funk", **SETTINGS).latents


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("dora", [False, True])
def test_updates_add_up(model, tmp_path, dora):
    folders = [write(model, tmp_path / name, seed, dora=dora) for seed, name in enumerate("ab")]
    before, steps = weights(model), []
    for folder in folders:
        model.load_adapter(folder)
        steps.append({n: t - before[n] for n, t in weights(model).items()})
        model.unload_adapter()
    assert all(torch.equal(t, before[n]) for n, t in weights(model).items())
    for folder in folders:
        model.load_adapter(folder, scale=0.5)
    assert model.active_adapters == {"a": 0.5, "b": 0.5}
    for name, tensor in weights(model).items():
        expected = before[name] + 0.5 * steps[0][name] + 0.5 * steps[1][name]
        torch.testing.assert_close(tensor, expected, rtol=0, atol=1e-5)
    changed = {n for n, t in weights(model).items() if not torch.equal(t, before[n])}
    assert changed == {f"{name}.weight" for name in LAYERS}

    model.set_adapters("a")
    torch.testing.assert_close(
        weights(model)[f"{LAYERS[0]}.weight"],
        before[f"{LAYERS[0]}.weight"] + steps[0][f"{LAYERS[0]}.weight"],
    )
    model.set_adapters(["a", "b"], [0.0, 0.0])
    assert all(torch.equal(t, before[n]) for n, t in weights(model).items())
    model.set_adapters(["b", "a"], [0.5, 0.5])
    model.unload_adapter("b")
    assert model.active_adapters == {"a": 0.5}


def test_a_model_in_bfloat16_is_updated_in_float32(base, model, tmp_path):
    """Of a small update to weights in bfloat16 a part would be lost."""
    text = ("conditioners.text.project", f"{QUERIES}.layer.0.SelfAttention.q")
    folder = write(model, tmp_path / "mine", targets=(*LAYERS, *text))
    low = from_base(base, "bfloat16")
    start = {name: tensor.clone() for name, tensor in low.state_dict().items()}
    for one in (low, model):
        one.load_adapter(folder, scale=0.01)
    for name in LAYERS:
        expected = model.get_submodule(name).weight.bfloat16()
        assert torch.equal(low.get_submodule(name).weight, expected)
        assert not torch.equal(expected, start[f"{name}.weight"])
    for name in text:  # conditioners stay in float32
        weight = low.get_submodule(name).weight
        assert torch.equal(weight, model.get_submodule(name).weight)
        assert not torch.equal(weight, start[f"{name}.weight"])
    low.unload_adapter()
    assert all(torch.equal(t, start[n]) for n, t in low.state_dict().items())


def test_a_merged_model_is_saved(model, tmp_path):
    model.load_adapter(write(model, tmp_path / "mine"), scale=0.8)
    with pytest.raises(SettingError, match="mine is loaded: merge_adapter()"):
        model.save_pretrained(tmp_path / "merged")
    expected = latents(model)
    model.merge_adapter()
    assert torch.equal(latents(model), expected) and not model.active_adapters
    assert model.generate("funk", **SETTINGS).recipe[0]["model"] is None
    again = from_base(model.save_pretrained(tmp_path / "merged"))
    assert torch.equal(latents(again), expected)
    assert again.config["source"]["adapters"][0]["scale"] == 0.8
    with pytest.raises(SettingError, match="no adapter is loaded"):
        model.merge_adapter()


def test_an_adapter_is_read_as_it_was_written(model, tmp_path):
    folder = write(model, tmp_path / "mine", dora=True)
    first, again = read_adapter(folder), read_adapter(str(folder))
    assert first.hash == again.hash and first.name == "mine" and first.config.dora
    assert read_adapter(write(model, tmp_path / "other", 1, dora=True)).hash != first.hash
    assert "LoRA" not in (folder / "README.md").read_text().replace("DoRA", "")


def change_config(**values):
    def change(folder):
        path = folder / "adapter_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


def change_jasco(**values):
    def change(folder):
        path = folder / "adapter_config.json"
        plain = json.loads(path.read_text())
        path.write_text(json.dumps(plain | {"jasco": plain["jasco"] | values}))

    return change


def change_tensors(act):
    def change(folder):
        path = folder / "adapter_model.safetensors"
        tensors = load_file(path)
        act(tensors)
        save_file(tensors, path)

    return change


A = f"base_model.model.{LAYERS[0]}.lora_A.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_tensors(lambda t: t.pop(A)), "do not fit; missing: network.transformer"),
        (change_tensors(lambda t: t.update(more=torch.zeros(1))), "do not fit; left over: more"),
        (change_tensors(lambda t: t.update({A: torch.zeros(4, 5)})), "do not fit; wrong shape"),
        (change_tensors(lambda t: t[A].fill_(torch.nan)), "not finite"),
        (change_config(r=0), "adapter rank 0: give 1 to 4096"),
        (change_config(r=8), "do not fit; wrong shape"),
        (change_config(r="8"), "r='8', lora_alpha=8; give numbers"),
        (change_config(use_dora=True), "do not fit; missing"),
        (change_config(use_dora=1), "use_rslora and use_dora are true or false"),
        (change_config(target_modules="all-linear"), "target_modules is 'all-linear'"),
        (change_config(target_modules=["network.nothing"]), "updates 'network.nothing', no linear"),
        (change_config(bias="all"), "bias is 'all'"),
        (change_config(jasco=None), "is no adapter of a Jasco model"),
        (change_jasco(base={"id": "m"}), "names no model by its hash"),
        (change_jasco(base={"hash": "0", "id": "big"}), r"belongs to big \(weights 0\), and this"),
        (change_jasco(controls=["text", "chords", "vocals"]), "lacks vocals: load model"),
        (change_jasco(controls=["text", "chords"]), "this one has text, chords, drums, melody"),
        (change_jasco(new={"melody": {"_target_": "os.system"}}), "adds melody, which is there"),
        (change_jasco(new={"vocals": {}}), "an adapter adds no 'vocals'"),
        (lambda folder: (folder / "adapter_model.safetensors").unlink(), "adapter_model.safetens"),
        (lambda folder: (folder / "adapter_config.json").unlink(), "holds no adapter"),
        (lambda folder: (folder / "adapter_config.json").write_text("{"), "no JSON object"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(model, tmp_path, change, message):
    before = latents(model)
    folder = write(model, tmp_path / "mine")
    change(folder)
    with pytest.raises(CheckpointError, match=message) as caught:
        model.load_adapter(folder)
    assert len(str(caught.value).splitlines()) == 1
    assert not model.active_adapters and torch.equal(latents(model), before)


def test_a_configuration_runs_no_other_code(model, tmp_path):
    """An adapter builds conditioners of Jasco only, of the sizes of its tensors."""
    del model.conditioners["melody"]
    for node, message in (
        ({"_target_": "os.system"}, "only modules, solvers and guidance of Jasco are built"),
        ({"_target_": "jasco.conditioners.MelodyConditioner", "width": 10**6}, "missing"),
        ({"_target_": "jasco.flow.Euler"}, "melody of the adapter mine is no conditioner"),
    ):
        new = {"melody": node}
        controls = ("text", "chords", "drums", "melody")
        folder = write(model, tmp_path / "mine", controls=controls, new=new)
        with pytest.raises((CheckpointError, SettingError), match=message):
            model.load_adapter(folder)
        assert model.controls == ("text", "chords", "drums")


def test_names_and_weights_are_checked(model, tmp_path):
    folder = write(model, tmp_path / "mine")
    model.load_adapter(folder)
    model.load_adapter(folder, adapter_name="twice")
    for act, message in (
        (lambda: model.load_adapter(folder), "an adapter mine is loaded: give adapter_name="),
        (lambda: model.load_adapter(folder, scale="x", adapter_name="b"), "its weight is 'x'"),
        (lambda: model.set_adapters("other"), "no adapter 'other' is loaded: mine, twice"),
        (lambda: model.set_adapters(["mine"], [1.0, 2.0]), "2 weights for 1 adapters"),
        (lambda: model.unload_adapter("other"), "no adapter 'other' is loaded"),
    ):
        with pytest.raises(SettingError, match=re.escape(message)):
            act()
    assert model.active_adapters == {"mine": 1.0, "twice": 1.0}


def test_an_upload_without_the_hub_is_one_line(model, tmp_path):
    folder = write(model, tmp_path / "mine")
    with pytest.raises(CheckpointError, match="owner/mine could not be written on the Hub"):
        push_adapter(folder, "owner/mine", token="hf_none")
    with pytest.raises(CheckpointError, match="holds no adapter"):
        push_adapter(tmp_path, "owner/mine")


def test_a_folder_of_other_files_is_not_replaced(model, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CheckpointError, match="holds no adapter: choose another folder"):
        write(model, tmp_path)
    with pytest.raises(CheckpointError, match="neither a folder here nor|not in|no such folder"):
        model.load_adapter(tmp_path / "nothing")
