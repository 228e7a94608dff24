"""Every configuration names classes that exist, takes keys that they take, and has no idle key."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import runs
import torch
import yaml
from claps import save_clap
from hydra.utils import get_object

from jasco.checkpoint import build
from jasco.cli import evaluate, prepare, synthesize, train
from jasco.cli.help import choices
from jasco.config import compose_config, conf_dir, flat
from jasco.controls import CONTROLS
from jasco.errors import SettingError
from jasco.evaluation import console
from jasco.flow import Guidance, Solver
from jasco.metrics import TAKE_METRICS
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


def arguments(node):
    """Keys of a node that its class or function is called with."""
    return {key: value for key, value in node.items() if not key.startswith("_")}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_targets_resolve_and_bind(path):
    for node in nodes(yaml.safe_load((conf_dir() / path).read_text())):
        node.pop("defaults", None)
        inspect.signature(get_object(node["_target_"])).bind_partial(**arguments(node))


@pytest.mark.parametrize("name", choices("model"))
def test_models_compose(name):
    parts = ("model.codec.pretrained=x", "model.conditioners.text.pretrained=x")
    model = compose_config(f"+model={name}", *(parts if name == "demo" else ()))["model"]
    inspect.signature(get_object(model["_target_"])).bind(**arguments(model))
    for control in model["conditioners"].values():
        signature = inspect.signature(get_object(control["_target_"]))
        signature.bind(dim=model["network"]["dim"], **arguments(control))


@pytest.mark.parametrize("name", choices("solver"))
def test_solvers_build(name):
    solver = build(compose_config(f"+solver={name}")["solver"])
    assert isinstance(solver, Solver) and solver.name == name


@pytest.mark.parametrize("name", choices("guidance"))
def test_guidance_builds(name):
    assert isinstance(build(compose_config(f"+guidance={name}")["guidance"]), Guidance)


@pytest.mark.parametrize(("name", "millions"), [("400m", 404.7), ("1b", None)])
def test_published_size(name, millions):
    node = compose_config(f"+model={name}")["model"]["network"]
    with torch.device("meta"):
        network = VelocityNetwork(**arguments(node))
    count = sum(p.numel() for p in network.parameters()) / 1e6
    if millions:
        # The published count includes the text projection and the small control embeddings.
        assert count == pytest.approx(millions, abs=1.0)
    else:
        assert 900 < count < 1200


DATA = "data.root=somewhere"
PARTS = ("model.codec.pretrained=somewhere", "model.conditioners.text.pretrained=somewhere")
EXPERIMENTS = {
    "codec_decoder": (DATA, "module.codec.name=somewhere"),
    "demo": (DATA, *PARTS),
    "distill": (DATA, "init_from=somewhere"),
    "everyday": ("init_from=somewhere",),  # it writes its data itself
    "finetune": (DATA, "init_from=somewhere"),
    "text": (),  # it writes its data itself
}


@pytest.mark.parametrize("name", choices("experiment/train"))
def test_experiments_compose(name):
    """Each is complete but for data and parts, and every node takes the keys it is given."""
    words = (f"experiment={name}", *EXPERIMENTS.get(name, (DATA,)))
    config = compose_config(*words, config_name="train")
    assert config["name"] == name and config["run"] == f"runs/{name}"
    for node in nodes(config):
        inspect.signature(get_object(node["_target_"])).bind_partial(**arguments(node))
    controls = config.get("model", {}).get("conditioners", {})
    dropout = config.get("objective", {}).get("dropout", {})
    assert {name for names in dropout for name in names.split("+")} - {"all"} <= set(controls)


EXPERIMENT_OF = {
    "adapter=dora": "finetune",
    "adapter=lora": "finetune",
    "adapter=none": "finetune",
    "adapter=rslora": "finetune",
    "callbacks=codec": "codec",
    "callbacks=codec_decoder": "codec_decoder",
    "callbacks=text": "text",
    "data=descriptions": "text",
    "data=everyday": "everyday",
    "data=latent_segments": "codec_decoder",
    "data=segments": "codec",
    "module=codec": "codec",
    "module=codec_decoder": "codec_decoder",
    "module=distill": "distill",
    "module=finetune": "finetune",
    "module=paraphrase": "everyday",
    "module=text": "text",
    "optim=codec": "codec",
}
TRAINING = ("adapter", "trainer", "callbacks", "logger", "data", "objective", "optim", "module")


@pytest.mark.parametrize("choice", [f"{g}={n}" for g in TRAINING for n in choices(g)])
def test_choices_of_training_compose(choice):
    experiment = EXPERIMENT_OF.get(choice, "overfit_tiny")
    words = (f"experiment={experiment}", *EXPERIMENTS.get(experiment, (DATA,)), choice)
    for node in nodes(compose_config(*words, config_name="train")):
        inspect.signature(get_object(node["_target_"])).bind_partial(**arguments(node))


def test_each_program_has_experiments_of_its_own():
    assert "demo" in choices("experiment/train") and "musiccaps" in choices("experiment/evaluate")
    with pytest.raises(SettingError, match="musiccaps"):
        compose_config("experiment=musiccaps", DATA, config_name="train")


@pytest.mark.parametrize("name", choices("experiment/evaluate"))
def test_experiments_change_what_the_evaluation_has(name):
    words = ("checkpoint=somewhere", "data.root=somewhere")
    plain = compose_config(*words, config_name="evaluate")
    chosen = compose_config(*words, f"experiment={name}", config_name="evaluate")
    assert chosen != plain and chosen.keys() == plain.keys()
    assert chosen["data"].keys() == plain["data"].keys()


def test_no_group_of_a_single_choice():
    folders = {path.parent for path in FILES if path.parent != Path()}
    assert all(len(choices(str(folder))) > 1 for folder in folders)


def test_a_choice_that_does_not_exist():
    with pytest.raises(SettingError, match="model/huge"):
        compose_config("+model=huge")


def test_no_folder_of_a_run_is_in_a_configuration():
    said = {
        (str(path), line.strip())
        for path in FILES
        for line in (conf_dir() / path).read_text().splitlines()
        if "runs/" in line.partition("#")[0]
    }
    assert {path for path, _ in said} == {"train.yaml"} and len(said) == 1


# --- every key is read ----------------------------------------------------------------------------


class Watched(dict[str, Any]):
    """Mapping that notes which of its keys are taken, in itself and in the mappings within."""

    def __init__(self, node: Mapping[str, Any], taken: set[str], place: str = "") -> None:
        self.place, self.taken = place, taken
        inner = {k: Watched(v, taken, f"{place}{k}.") if isinstance(v, dict) else v
                 for k, v in node.items()}  # fmt: skip
        super().__init__(inner)

    def __iter__(self) -> Iterator[str]:  # without it, ** would not ask for each key
        return super().__iter__()

    def __getitem__(self, key: str) -> Any:
        self.taken.add(f"{self.place}{key}")
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default

    def items(self) -> Any:
        self.taken.update(f"{self.place}{key}" for key in self)
        return super().items()

    def values(self) -> Any:
        self.items()
        return super().values()


def idle_keys(
    words: tuple[str, ...], config_name: str, make: Callable[[Any], object], **more: Any
) -> set[str]:
    """Keys of a composed configuration that neither building nor an interpolation reads.

    Args:
        words: overrides.
        config_name: root configuration.
        make: build step of the program.
        more: values to add, by dotted keys with ``__`` for the dots.
    """
    settings = compose_config(*words, config_name=config_name)
    for key, value in more.items():
        *path, name = key.split("__")
        node = settings
        for part in path:
            node = node[part]
        node[name] = value
    taken: set[str] = set()
    make(Watched(settings, taken))
    files = [(conf_dir() / path).read_text() for path in FILES]
    pattern = r"\$\{(?:oc\.select:)?([\w.]+)"
    read = {name for text in files for name in re.findall(pattern, text)}
    keys = {key for key, _ in flat(settings)}
    return {
        key
        for key in keys
        if key not in taken and not any(f"{key}.".startswith(f"{name}.") for name in read)
    }


@pytest.fixture(scope="module")
def places(tmp_path_factory, tiny):
    """Recordings, a dataset, pretrained parts and a checkpoint without melody."""
    folder = tmp_path_factory.mktemp("places")
    few = runs.new_model("conditioners@model.conditioners=[text_bytes,chords,drums]")
    few.save_pretrained(folder / "few")
    pooled = runs.new_model("+model.conditioners.text.pooling_queries=4")
    pooled.save_pretrained(folder / "pooled")
    tiny.save_pretrained(folder / "tiny")
    tiny.codec.save(folder / "codec")
    text = tiny.conditioners["text"]
    text.save_encoder(folder / "text")
    songs = runs.write_dataset(folder / "songs", tiny.codec, count=4, frames=600)
    index = (songs / "index.jsonl").read_text()
    (songs / "index.jsonl").write_text(index.replace('"text":', '"drums": "beat.wav", "text":'))
    (songs / "beat.wav").touch()
    save_clap(folder / "clap")
    (folder / "music").mkdir()
    (folder / "music" / "a.wav").touch()
    return folder


SIZE = ("model.network.dim=32", "model.network.depth=2", "model.network.heads=2")


def training_words(name: str, places: Path) -> tuple[str, ...]:
    """Overrides that let an experiment be built here, on small parts."""
    parts = (
        f"model.codec.pretrained={places / 'codec'}",
        f"model.conditioners.text.pretrained={places / 'text'}",
    )
    own: dict[str, tuple[str, ...]] = {
        "chords_drums": (*SIZE, *parts),
        "chords_drums_melody": (*SIZE, *parts),
        "codec": (f"data.root={places / 'music'}",),
        "codec_decoder": (f"module.codec.name={places / 'codec'}",),
        "demo": (*SIZE, *parts),
        "distill": (f"init_from={places / 'few'}", "guidance_ranges={all: [1, 3]}"),
        "everyday": (f"init_from={places / 'pooled'}",),
        "finetune": (
            f"init_from={places / 'few'}", "conditioners@add=[melody]", "allow_new=[melody]",
            "adapter=lora",
        ),
        "overfit_tiny": (),
        "text": (),
    }  # fmt: skip
    data = () if name in ("codec", "everyday", "text") else (f"data.root={places / 'songs'}",)
    return (f"experiment={name}", f"run={places / 'run'}", *data, *own[name])


@pytest.mark.parametrize("name", choices("experiment/train"))
def test_every_key_of_a_training_is_read(name, places):
    assert idle_keys(training_words(name, places), "train", train.build_run) == set()


@pytest.mark.parametrize("name", [None, *choices("experiment/evaluate")])
def test_every_key_of_an_evaluation_is_read(name, places, chordino):
    words = (f"checkpoint={places / 'tiny'}", f"data.root={places / 'songs'}", "data.items=4")
    words += (f"clap={places / 'clap'}", *([f"experiment={name}"] if name else []))
    metrics = (*CONTROLS, *TAKE_METRICS, *evaluate.EMBEDDINGS)
    words += (f"metrics=[{','.join(metrics)}]",)  # each reads keys of its own

    def make(settings: Any) -> None:
        published = evaluate.build_evaluation(settings)["published"]
        if published:  # rows of the report
            console.published({"published": published, "scores": {}})

    assert idle_keys(words, "evaluate", make) == set()


def test_every_key_of_a_preparation_is_read(places, chordino):
    words = (f"audio_dir={places / 'music'}", f"out={places / 'out'}", f"codec.name={places}")
    assert idle_keys(words, "prepare", prepare.build_preparation) == set()


def test_every_key_of_a_synthesis_is_read(places, chordino):
    words = (f"out={places / 'band'}", f"codec.name={places}", "labels=extracted")
    assert idle_keys(words, "synthesize", synthesize.build_synthesis) == set()


@pytest.mark.parametrize(
    "place",
    [
        *("", "data__", "data__text__", "module__", "module__model__", "module__objective__"),
        *("module__model__model__network__", "module__model__model__codec__config__"),
        *("trainer__", "callbacks__ema__"),
    ],
)
def test_a_key_that_nobody_takes_is_found(place, places):
    """In each kind of node, building refuses the key or it is idle."""
    words = training_words("overfit_tiny", places)
    try:
        idle = idle_keys(words, "train", train.build_run, **{f"{place}nobody": 0.5})
    except SettingError:
        return
    assert idle == {f"{place}nobody".replace("__", ".")}
