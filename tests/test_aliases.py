"""Former names in saved configurations: read as the names of today, whatever read them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import runs
import torch
import yaml

from jasco import checkpoint
from jasco.aliases import KEYS, MODULES, TARGETS, resolve_aliases
from jasco.conditions import Conditions
from jasco.config import build_node, compose_config, current_words
from jasco.errors import SettingError
from jasco.evaluation.records import read_records
from jasco.evaluation.run import FROZEN, _begin
from jasco.flow import Euler
from jasco.model import Jasco
from jasco.runs import begin_run

OPTIONS = ("+model.conditioners.text.pooling_queries=3", "++model.network.adaln=true")


def former(config: Any) -> Any:
    """The configuration as it was saved before its names changed."""
    if isinstance(config, list):
        return [former(child) for child in config]
    if not isinstance(config, dict):
        return config
    name = str(config.get("_target_")).rpartition(".")[2]
    old = {new: key for key, new in KEYS.get(name, {}).items()}
    return {old.get(key, key): former(value) for key, value in config.items()}


@pytest.fixture(scope="module")
def model() -> Jasco:
    return runs.new_model(*OPTIONS).eval()


def take(model: Jasco) -> torch.Tensor:
    model.dtype = torch.float32
    clip = Conditions(text="a slow waltz", chords="C:0 Am:0.5")
    return model.generate(clip, seed=1, solver=Euler(2), duration=1.0).latents


def test_a_folder_saved_with_former_names_loads_the_same(model: Jasco, tmp_path: Path) -> None:
    folder = model.save_pretrained(tmp_path / "model")
    config = yaml.safe_load((folder / "config.yaml").read_text())
    saved = former(config)
    assert saved["model"]["network"]["adaptive"] is True and saved != config
    assert saved["model"]["network"]["feedforward"] == 4
    assert saved["model"]["conditioners"]["text"]["summary"] == 3
    (folder / "config.yaml").write_text(yaml.safe_dump(saved, sort_keys=False))
    again = Jasco.from_pretrained(folder, device="cpu", dtype="float32")
    assert torch.equal(take(again), take(model))
    assert again.config["model"]["network"] == model.config["model"]["network"]


def test_a_lightning_checkpoint_with_former_names_loads_the_same(
    model: Jasco, tmp_path: Path
) -> None:
    state = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    config = former(model.config)
    assert config["model"]["network"].keys() >= {"adaptive", "feedforward"}
    torch.save({"hyper_parameters": config, "state_dict": state}, tmp_path / "last.ckpt")
    again = Jasco.from_pretrained(tmp_path / "last.ckpt", device="cpu", dtype="float32")
    assert torch.equal(take(again), take(model))


def test_a_configuration_with_former_names_builds_the_same(model: Jasco) -> None:
    built = Jasco.from_config(former(model.config))
    assert built.state_dict().keys() == model.state_dict().keys()


@pytest.mark.parametrize("name", TARGETS)
def test_a_former_class_is_built_as_the_class_of_today(name: str) -> None:
    built = build_node({"_target_": name})
    assert f"{type(built).__module__}.{type(built).__name__}" == TARGETS[name]


def test_a_configuration_of_today_is_left_as_it_is() -> None:
    for name in ("400m", "1b", "demo", "tiny"):
        parts = ("model.codec.pretrained=x", "model.conditioners.text.pretrained=x")
        config = compose_config(f"+model={name}", *(parts if name == "demo" else ()))
        assert resolve_aliases(config) == config


def test_a_key_under_both_names_is_refused_unless_they_agree(model: Jasco) -> None:
    network = model.config["model"]["network"]
    agreed = resolve_aliases(network | {"feedforward": network["mlp_ratio"]})
    assert agreed == network
    with pytest.raises(SettingError, match="mlp_ratio and feedforward, its former name"):
        checkpoint.build(network | {"feedforward": 8})


def test_former_keys_of_an_evaluation_that_is_resumed(tmp_path: Path) -> None:
    record = {"setting": "all", "seed": 0, "item": "a"}
    former = record | {"heard": {"onsets": [0.5]}}
    (tmp_path / "records.0.jsonl").write_text(json.dumps(former) + "\n")
    (read,) = read_records(tmp_path).values()
    assert read == record | {"extracted": {"onsets": [0.5]}}
    frozen = {"seeds": [0], "extractor": {"signal": False}}
    (tmp_path / FROZEN).write_text(json.dumps({"seeds": [0], "hearing": {"signal": False}}))
    _begin(tmp_path / FROZEN, frozen, first=True)
    with pytest.raises(SettingError, match="another evaluation .extractor"):
        _begin(tmp_path / FROZEN, frozen | {"extractor": {"signal": True}}, first=True)


@pytest.mark.parametrize(
    ("former_key", "key"),
    [
        ("dropout.chords", "objective.dropout.chords"),
        ("dropout.everything", "objective.dropout.all"),
        ("optim.weighting", "objective.weighting"),
        ("optim.shift", "objective.shift"),
        ("hearing.weights", "extractor.weights"),
        ("optim.shifts", "optim.shifts"),
    ],
)
def test_former_settings_are_read_on_command_lines(former_key: str, key: str) -> None:
    signs = ("", "+", "++", "~")
    words = current_words("train", [f"{sign}{former_key}=1" for sign in signs])
    assert words == [f"{sign}{key}=1" for sign in signs]


def test_former_dropout_of_a_checkpoint() -> None:
    config = {"dropout": {"everything": 0.1, "chords": 0.2}}
    assert resolve_aliases(config) == {"dropout": {"all": 0.1, "chords": 0.2}}
    with pytest.raises(SettingError, match="dropout is given all and everything"):
        resolve_aliases({"dropout": {"all": 0.1, "everything": 0.2}})


def former_run(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a run as version 0.1.0 kept them: without modules of models and objectives."""
    objective = settings.pop("objective", None)
    module = settings.pop("module")
    old = {"weighting": "increasing", "shift": 1.0}
    if objective is None:
        settings["module"] = module
        if settings["name"] == "text":  # an objective that nothing read
            settings["optim"] |= old
            module["optim"] |= old
    else:
        settings["optim"] |= {name: objective[name] for name in old}
        dropout = objective["dropout"]
        settings["dropout"] = {
            {"all": "everything"}.get(name, name): value for name, value in dropout.items()
        }
    if not settings.get("add"):
        settings.pop("add", None)
    for name, node in settings.get("model", {}).get("conditioners", {}).items():
        node["dim"] = settings["model"]["network"]["dim"]
        if name == "drums":
            node["latent_dim"] = settings["model"]["network"]["latent_dim"]
    return former_modules(settings)


def former_modules(node: Any) -> Any:
    """Configuration with the classes in their former modules."""
    if isinstance(node, list):
        return [former_modules(child) for child in node]
    if not isinstance(node, dict):
        return node
    module, _, name = str(node.get("_target_")).rpartition(".")
    known = {new: old for old, new in MODULES.items()}
    target = {"_target_": f"{known.get(module, module)}.{name}"} if "_target_" in node else {}
    return {key: former_modules(value) for key, value in node.items()} | target


RUNS = {
    "chords_drums": ("data.root=x", "objective.shift=2.0", "objective.dropout.drums=0.1"),
    "finetune": ("data.root=x", "init_from=x", "+objective.dropout={chords: 0.3, all: 0.1}"),
    "codec": ("data.root=x", "module.latent_noise=0.2"),
    "text": ("data.batch_size=4",),
}


@pytest.mark.parametrize("experiment", RUNS)
def test_a_run_of_the_former_version_is_resumed(experiment: str, tmp_path: Path) -> None:
    words = (f"experiment={experiment}", *RUNS[experiment])
    settings = compose_config(*words, config_name="train")
    saved = former_run(copy.deepcopy(settings))
    assert saved != settings
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(saved))
    assert begin_run(tmp_path, settings, resume=True) == []
    settings["optim"]["lr"] = 0.5
    with pytest.raises(SettingError, match=r"begun with other settings \(optim.lr .* -> 0.5\)"):
        begin_run(tmp_path, settings, resume=True)
    if "objective" in settings:
        settings["optim"]["lr"] = saved["optim"]["lr"]
        settings["objective"]["dropout"]["chords"] = 0.9
        with pytest.raises(SettingError, match=r"objective.dropout.chords 0.3 -> 0.9"):
            begin_run(tmp_path, settings, resume=True)
    (tmp_path / "config.yaml").unlink()
    with pytest.raises(SettingError, match=r"a checkpoint but no config.yaml"):
        begin_run(tmp_path, settings, resume=True)
