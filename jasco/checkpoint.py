"""Checkpoints: a folder of `config.yaml`, `model.safetensors` and the frozen parts in Hub layout.

The ``.ckpt`` of a training run is one too: it holds the configuration and the averaged weights.

This module speaks of configurations, files and tensors, never of the model's classes: those are
named by the configuration (``_target_``) and built only where they are ours. The codec lies in
``codec/`` and the text encoder in ``text_encoder/``, as transformers saves them; a part that is not
inside is named in the configuration by Hub id and commit.
"""

from __future__ import annotations

import copy
import importlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import HfApi, ModelCardData
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from jasco import convert
from jasco.assets import asset
from jasco.atomic import replacing_folder
from jasco.errors import CheckpointError, SettingError
from jasco.flow import Guidance, Solver
from jasco.hub import HubOptions, locate
from jasco.plain import read_yaml

CONFIG = "config.yaml"
WEIGHTS = "model.safetensors"
CARD = "README.md"
RUN_FILE = Path("checkpoints", "last.ckpt")
BUNDLED = ("demo",)


@dataclass(frozen=True)
class Part:
    """A part of the model that lies in a folder of its own.

    Attributes:
        folder: its name inside a checkpoint.
        node: path of its node in the configuration.
        prefix: of its tensors in the model.
        files: what is wanted of its Hub repository.
    """

    folder: str
    node: tuple[str, ...]
    prefix: str
    files: tuple[str, ...]


CODEC = Part("codec", ("model", "codec"), "codec.model.", ("config.json", "model.safetensors"))
TEXT_ENCODER = Part(
    "text_encoder",
    ("model", "conditioners", "text"),
    "conditioners.text.encoder.",
    ("*.json", "model.safetensors", "summary.safetensors", "spiece.model"),
)
PARTS = (CODEC, TEXT_ENCODER)
_OWN_FILES = (CONFIG, WEIGHTS, *(f"{part.folder}/*" for part in PARTS))
_PUBLISHED_FILES = (convert.WEIGHTS, convert.CODEC_POINTER)


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        name, revision: Hub id or path it came from, and its commit.
        config: its configuration, with parts named by Hub id and commit.
        located: the same with parts named by local folders, ready to build.
        tensors: the weights, without those of the parts named in ``elsewhere``.
        elsewhere: prefixes of the tensors that building the parts has loaded already.
    """

    name: str
    revision: str | None
    config: dict[str, Any]
    located: dict[str, Any]
    tensors: dict[str, Tensor]
    elsewhere: tuple[str, ...]


# --- reading --------------------------------------------------------------------------------------


def read(name_or_path: str | Path, hub: HubOptions) -> Checkpoint:
    """Read a checkpoint: a bundled name, a folder or Hub id, in our format or the published one.

    Of a training run, its folder or one of its ``.ckpt`` files.

    Raises:
        CheckpointError: it cannot be found, reached or read.
    """
    name = os.fspath(name_or_path)
    source = asset(name) if name in BUNDLED else Path(name).expanduser()
    training = source / RUN_FILE if (source / RUN_FILE).is_file() else source
    revision, beside = None, None
    if training.suffix == ".ckpt":
        config, tensors = _read_training(training)
        beside = training.parent
    else:
        found = locate(source if name in BUNDLED else name, (*_OWN_FILES, *_PUBLISHED_FILES), hub)
        folder, revision = found.folder, found.revision
        if (folder / CONFIG).is_file():
            config, tensors = _read_config(folder / CONFIG), _read_tensors(folder / WEIGHTS)
            beside = folder
        elif convert.is_published(folder):
            config, tensors = convert.read_published(folder)
            config["source"] = {"id": name, "revision": revision}
        else:
            raise CheckpointError(
                f"{folder} holds no checkpoint: neither our {CONFIG} nor a published "
                f"{convert.WEIGHTS}"
            )
    _refuse_interpolations(config)
    located = locate_parts(config, hub, beside)
    elsewhere = (
        part.prefix
        for part in PARTS
        if _node(config, part) is not None and not any(k.startswith(part.prefix) for k in tensors)
    )
    if revision is None and name not in BUNDLED:
        name = os.path.abspath(source)  # a recipe is read from other folders too
    return Checkpoint(name, revision, config, located, tensors, tuple(elsewhere))


def locate_parts(
    config: dict[str, Any], hub: HubOptions, beside: Path | None = None
) -> dict[str, Any]:
    """The same configuration with the parts named by local folders, ready to build.

    Args:
        config: its Hub ids are given the commit that was found.
        hub: how to reach the Hub.
        beside: a folder that may hold the parts in folders of their own.

    Raises:
        CheckpointError: a part is neither there nor on the Hub, or the Hub was not reached.
    """
    located = copy.deepcopy(config)
    for part in PARTS:
        node, local = _node(config, part), _node(located, part)
        if node is None or local is None:
            continue
        if beside is not None and (beside / part.folder).is_dir():
            local |= {"pretrained": str(beside / part.folder), "revision": None}
        elif node.get("pretrained"):
            place = locate(node["pretrained"], part.files, hub.at(node.get("revision")))
            local |= {"pretrained": str(place.folder), "revision": None}
            node["revision"] = place.revision
    return located


def frozen_elsewhere(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Prefixes of the tensors that a training run need not keep: a frozen T5 of the Hub.

    The codec is not among them: published checkpoints bring weights of their own for it.
    """
    text = _node(config, TEXT_ENCODER) or {}
    named = text.get("pretrained") and not text.get("finetune")
    return (TEXT_ENCODER.prefix,) if named else ()


def _node(config: Mapping[str, Any], part: Part) -> dict[str, Any] | None:
    node: Any = config
    for key in part.node:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node


def _read_config(path: Path) -> dict[str, Any]:
    config = read_yaml(path, CheckpointError)
    if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
        raise CheckpointError(f"{path} has no node 'model': not the configuration of a Jasco")
    return config


def _read_training(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Configuration and averaged weights of a Lightning checkpoint."""
    package = convert.load_torch(path)
    config = package.get("hyper_parameters") if isinstance(package, dict) else None
    if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
        raise CheckpointError(f"{path} has no configuration of a Jasco: not one of jasco-train")
    prefix = "model."
    own = {k: v for k, v in package["state_dict"].items() if k.startswith(prefix)}
    return config, {k.removeprefix(prefix): v for k, v in own.items()}


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error


def _refuse_interpolations(node: Any) -> None:
    """Refuse what OmegaConf would resolve: it could read our secrets into a foreign model."""
    if isinstance(node, str) and "${" in node:
        raise CheckpointError(f"the configuration holds {node!r}: interpolations are not allowed")
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        _refuse_interpolations(child)


def assign(
    model: nn.Module, tensors: Mapping[str, Tensor], *, elsewhere: Sequence[str], source: str
) -> None:
    """Copy tensors into the model; all must fit.

    Args:
        model: of freshly built weights.
        tensors: by their names in the model.
        elsewhere: prefixes of the model's tensors that need not be among them.
        source: where they came from, for messages.

    Raises:
        CheckpointError: tensors are missing, left over or of another shape, by name.
    """
    own = model.state_dict()
    missing = [k for k in own if k not in tensors and not k.startswith(tuple(elsewhere))]
    extra = [k for k in tensors if k not in own]
    shapes = [
        f"{k} {tuple(tensors[k].shape)} instead of {tuple(own[k].shape)}"
        for k in tensors
        if k in own and tensors[k].shape != own[k].shape
    ]
    problems = [
        f"{what}: {', '.join(names[:5])}{' and more' if len(names) > 5 else ''}"
        for what, names in (("missing", missing), ("left over", extra), ("wrong shape", shapes))
        if names
    ]
    if problems:
        raise CheckpointError(
            f"the tensors of {source} do not fit its model; {'; '.join(problems)}"
        )
    model.load_state_dict(dict(tensors), strict=False)


# --- building -------------------------------------------------------------------------------------


def build(node: Mapping[str, Any]) -> Any:
    """Instantiate a configuration node, if everything it names is ours.

    Only classes defined in ``jasco`` that are modules, solvers or guidance are built, so a
    configuration from outside runs no other code.

    Raises:
        CheckpointError: a ``_target_`` is anything else.
        SettingError: a class does not take the values it is given.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    for target in _targets(node):
        _checked(target)
    try:
        return instantiate(dict(node), _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, (CheckpointError, SettingError)):
            raise cause from None
        raise SettingError(f"{node.get('_target_')} cannot be built: {cause or error}") from error


def _targets(node: Any) -> Iterator[Any]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == "_target_":
                yield value
            elif isinstance(key, str) and key.startswith("_"):
                raise CheckpointError(f"the configuration has a key {key!r}, which is not allowed")
            else:
                yield from _targets(value)
    elif isinstance(node, (list, tuple)):
        for child in node:
            yield from _targets(child)


def _checked(target: Any) -> None:
    """Refuse a target that is not a class of ours."""
    module, _, name = str(target).rpartition(".")
    found = None
    if module.split(".")[0] == "jasco" and all(part.isidentifier() for part in module.split(".")):
        try:
            found = getattr(importlib.import_module(module), name, None)
        except ImportError:
            found = None
    if not (
        isinstance(found, type)
        and found.__module__.split(".")[0] == "jasco"
        and issubclass(found, (nn.Module, Solver, Guidance))
    ):
        raise CheckpointError(
            f"the configuration names {target!r}: only modules, solvers and guidance of Jasco are "
            "built, nothing else is run"
        )


# --- writing --------------------------------------------------------------------------------------


def save(
    folder: str | Path,
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    parts: Mapping[str, Callable[[Path], None]],
    card: str | None = None,
) -> Path:
    """Write a checkpoint folder, whole or not at all.

    Args:
        folder: made where missing; a checkpoint in it is replaced.
        config: configuration of the model.
        tensors: all tensors of the model; those of the parts are left to the parts.
        parts: by the name of its folder, what writes each part that goes inside.
        card: the model card, in place of one from the configuration; it may replace a lone one.

    Raises:
        CheckpointError: the folder holds something else, or cannot be written.
    """
    target = Path(folder).expanduser()
    if target.exists() and not (target / CONFIG).is_file():
        lone: set[str] = set() if card is None else {CARD}
        if not target.is_dir() or {path.name for path in target.iterdir()} - lone:
            raise CheckpointError(f"{target} exists and holds no checkpoint: choose another folder")
    config = copy.deepcopy(dict(config))
    for part in PARTS:
        node = _node(config, part) or {}
        if part.folder in parts and node.get("pretrained") and not node.get("revision"):
            node["pretrained"] = part.folder  # a path of the machine it was made on means nothing
    prefixes = tuple(part.prefix for part in PARTS)
    own = {
        k: v.detach().cpu().contiguous() for k, v in tensors.items() if not k.startswith(prefixes)
    }
    try:
        with replacing_folder(target) as new:
            save_file(own, new / WEIGHTS, metadata={"format": "pt", "jasco": version("jasco")})
            for name, write in parts.items():
                write(new / name)
            text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
            (new / CONFIG).write_text(text, encoding="utf-8")
            (new / CARD).write_text(card or _card(config), encoding="utf-8")
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{target} could not be written: {error}") from error
    return target


def _card(config: Mapping[str, Any]) -> str:
    """Model card: what it is, where it comes from, and under which licence."""
    source = config.get("source") or {}
    published = str(source.get("id", "")).startswith("facebook/jasco")
    data = ModelCardData(
        license="cc-by-nc-4.0" if published else config.get("license", "other"),
        library_name="jasco",
        pipeline_tag="text-to-audio",
        tags=["music-generation", "flow-matching", "jasco"],
        base_model=source.get("id"),
    )
    controls = ", ".join(config["model"].get("conditioners", {}))
    origin = f"Converted from `{source['id']}`." if source.get("id") else "Trained with Jasco."
    return (
        f"---\n{data.to_yaml()}\n---\n\n# Jasco: music from {controls}\n\n{origin}\n\n"
        "```python\nfrom jasco import Conditions, Jasco\n\n"
        'model = Jasco.from_pretrained("THIS_REPOSITORY")\n'
        'out = model.generate([Conditions(text="warm 80s synth-pop")], seed=7)\n```\n'
    )


def push(folder: Path, repo_id: str, *, private: bool, token: str | None, message: str) -> str:
    """Upload a checkpoint folder to the Hub; returns the address of the commit.

    Raises:
        CheckpointError: the Hub refused it or was not reached.
    """
    api = HfApi(token=token)
    try:
        api.create_repo(repo_id, private=private, exist_ok=True)
        return str(api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=message))
    except Exception as error:
        raise CheckpointError(f"{repo_id} could not be written on the Hub: {error}") from error
