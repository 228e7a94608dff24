"""Checkpoints as configuration and tensors: ours, published ones and those of a training run."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from jasco import convert
from jasco.assets import asset
from jasco.checkpoint.layout import CONFIG, PARTS, RUN_FILE, TEXT_ENCODER, WEIGHTS, node_of
from jasco.errors import CheckpointError
from jasco.hub import HubOptions, locate
from jasco.plain import read_yaml

BUNDLED = ("demo",)
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
        if node_of(config, part) is not None and not any(k.startswith(part.prefix) for k in tensors)
    )
    if revision is None and name not in BUNDLED:
        name = os.path.abspath(source)  # a recipe is read from other folders too
    return Checkpoint(name, revision, config, located, tensors, tuple(elsewhere))


def at_hand(name: str, hub: HubOptions) -> bool:
    """Whether a model is bundled, or whole in the Hub cache; the Hub is not asked.

    A folder or file of that name does not count: whoever wrote the name may not know what is here.
    """
    if name in BUNDLED:
        return True
    if Path(name).expanduser().exists():
        return False
    try:
        here = replace(hub, local_files_only=True)
        folder = locate(name, (*_OWN_FILES, *_PUBLISHED_FILES), here).folder
    except CheckpointError:
        return False
    return (folder / CONFIG).is_file() or convert.is_published(folder)


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
        node, local = node_of(config, part), node_of(located, part)
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
    text = node_of(config, TEXT_ENCODER) or {}
    named = text.get("pretrained") and not text.get("finetune")
    return (TEXT_ENCODER.prefix,) if named else ()


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
