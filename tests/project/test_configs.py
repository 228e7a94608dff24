"""Every configuration names classes that exist and takes keys that they take."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import torch
import yaml
from hydra.utils import get_class

from jasco.checkpoint import build
from jasco.cli.words import experiments
from jasco.config import compose_config, conf_dir
from jasco.errors import SettingError
from jasco.flow import Guidance, Solver
from jasco.network import VelocityNetwork

FILES = sorted(path.relative_to(conf_dir()) for path in conf_dir().rglob("*.yaml"))


def nodes(tree):
    if isinstance(tree, dict):
        if "_target_" in tree:
            yield tree
        for child in tree.values():
            yield from nodes(child)
    elif isinstance(tree, list):
        for child in tree:
            yield from nodes(child)


def group(name):
    return sorted(path.stem for path in FILES if path.parent == Path(name))


@pytest.mark.parametrize("path", FILES, ids=str)
def test_targets_resolve_and_bind(path):
    for node in nodes(yaml.safe_load((conf_dir() / path).read_text())):
        signature = inspect.signature(get_class(node["_target_"]))
        keys = {key: value for key, value in node.items() if key not in ("_target_", "defaults")}
        signature.bind_partial(**keys)


@pytest.mark.parametrize("name", group("model"))
def test_models_compose(name):
    model = compose_config(f"+model={name}")["model"]
    signature = inspect.signature(get_class(model["_target_"]))
    signature.bind(**{k: v for k, v in model.items() if k != "_target_"})
    for control in model["conditioners"].values():
        inspect.signature(get_class(control["_target_"])).bind(
            **{k: v for k, v in control.items() if k != "_target_"}
        )
        assert control["dim"] == model["network"]["dim"]


@pytest.mark.parametrize("name", group("solver"))
def test_solvers_build(name):
    solver = build(compose_config(f"+solver={name}")["solver"])
    assert isinstance(solver, Solver) and solver.name == name


@pytest.mark.parametrize("name", group("guidance"))
def test_guidance_builds(name):
    assert isinstance(build(compose_config(f"+guidance={name}")["guidance"]), Guidance)


@pytest.mark.parametrize(("name", "millions"), [("400m", 404.7), ("1b", None)])
def test_published_size(name, millions):
    node = compose_config(f"+model={name}")["model"]["network"]
    with torch.device("meta"):
        network = VelocityNetwork(**{k: v for k, v in node.items() if k != "_target_"})
    count = sum(p.numel() for p in network.parameters()) / 1e6
    if millions:
        # The published count includes the text projection and the small control embeddings.
        assert count == pytest.approx(millions, abs=1.0)
    else:
        assert 900 < count < 1200


DATA = "data.root=somewhere"
EXPERIMENTS = {
    "finetune": (DATA, "init_from=somewhere", "conditioners@add=[]"),
    "text": (),  # it writes its data itself
}


@pytest.mark.parametrize("name", experiments("train"))
def test_experiments_compose(name):
    """Each is complete but for the data, and every node of it takes the keys it is given."""
    words = (f"experiment={name}", *EXPERIMENTS.get(name, (DATA,)))
    config = compose_config(*words, config_name="train")
    assert config["run"] == f"runs/{config['name']}"
    for node in nodes(config):
        keys = {key: value for key, value in node.items() if key != "_target_"}
        inspect.signature(get_class(node["_target_"])).bind_partial(**keys)
    controls = config.get("model", {}).get("conditioners", {})
    dropped = {name for names in config.get("dropout", {}) for name in names.split("+")}
    assert dropped - {"everything"} <= set(controls) | {"melody"}


EXPERIMENT_OF = {
    "callbacks=codec": "codec",
    "callbacks=text": "text",
    "data=descriptions": "text",
    "data=segments": "codec",
    "optim=codec": "codec",
}


@pytest.mark.parametrize(
    "choice",
    [f"{g}={n}" for g in ("trainer", "callbacks", "logger", "data", "optim") for n in group(g)],
)
def test_choices_of_training_compose(choice):
    experiment = EXPERIMENT_OF.get(choice, "overfit_tiny")
    words = (f"experiment={experiment}", *EXPERIMENTS.get(experiment, (DATA,)), choice)
    for node in nodes(compose_config(*words, config_name="train")):
        keys = {key: value for key, value in node.items() if key != "_target_"}
        inspect.signature(get_class(node["_target_"])).bind_partial(**keys)


def test_every_experiment_is_of_one_program():
    training, evaluation = experiments("train"), experiments("evaluate")
    assert sorted((*training, *evaluation)) == group("experiment")
    assert "demo" in training and "musiccaps" in evaluation


@pytest.mark.parametrize("name", experiments("evaluate"))
def test_experiments_change_what_the_evaluation_has(name):
    words = ("checkpoint=somewhere", "data.root=somewhere")
    plain = compose_config(*words, config_name="evaluate")
    chosen = compose_config(*words, f"experiment={name}", config_name="evaluate")
    assert chosen != plain and chosen.keys() == plain.keys()
    assert chosen["data"].keys() == plain["data"].keys()


def test_a_new_control_takes_the_width_of_the_model():
    words = ("experiment=finetune", "init_from=x", "data.root=x", "conditioners@add=[melody]")
    added = compose_config(*words, "+model.network.dim=48", config_name="train")["add"]
    assert added["melody"]["dim"] == 48


def test_no_group_of_a_single_choice():
    folders = {path.parent for path in FILES if path.parent != Path()}
    assert all(len(group(folder)) > 1 for folder in folders)


def test_a_choice_that_does_not_exist():
    with pytest.raises(SettingError, match="model/huge"):
        compose_config("+model=huge")
