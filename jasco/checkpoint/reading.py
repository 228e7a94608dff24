"""Reading of checkpoints: ours, published ones and those of a training run."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from jasco.aliases import resolve_aliases
from jasco.checkpoint import published
from jasco.checkpoint.building import check_sizes
from jasco.checkpoint.layout import CONFIG, PARTS, RUN_FILE, TEXT_ENCODER, WEIGHTS, node_of
from jasco.errors import CheckpointError, shortened
from jasco.io.assets import asset
from jasco.io.hub import HubOptions, fetch, is_repo_id, locate
from jasco.io.plain import check_plain, read_yaml
from jasco.io.torch_files import read_safetensors, read_torch, state_of

BUNDLED = ("demo",)
_OWN_FILES = (CONFIG, WEIGHTS, *(f"{part.folder}/*" for part in PARTS))
_PUBLISHED_FILES = (published.WEIGHTS, published.CODEC_POINTER)


@dataclass(frozen=True)
class Checkpoint:
    """Contents of a checkpoint.

    Attributes:
        name, revision: Hub id or path, and commit.
        config: configuration in which parts are named by Hub id and commit.
        resolved: the same with parts named by local folders, ready to build.
        tensors: weights, except those in ``provided_by_parts``.
        provided_by_parts: prefixes of the tensors that are loaded when the parts are built.
    """

    name: str
    revision: str | None
    config: dict[str, Any]
    resolved: dict[str, Any]
    tensors: dict[str, Tensor]
    provided_by_parts: tuple[str, ...]


def read(name_or_path: str | Path, hub: HubOptions) -> Checkpoint:
    """Read a checkpoint: a bundled name, a folder or Hub id, in our format or the published one.

    The folder of a training run and its ``.ckpt`` files are read too.

    Raises:
        CheckpointError: the checkpoint cannot be found, reached or read.
    """
    name = os.fspath(name_or_path) if isinstance(name_or_path, str | os.PathLike) else None
    if not isinstance(name, str) or not name.strip():
        raise CheckpointError(
            f"the model is {shortened(name_or_path)}: give the name of a bundled one "
            f"({', '.join(BUNDLED)}), a Hub id, a folder or a Lightning checkpoint"
        )
    source = asset(name) if name in BUNDLED else Path(os.path.expanduser(name))
    training = source / RUN_FILE if os.path.isfile(source / RUN_FILE) else source
    revision, beside = None, None
    where = str(training)
    if training.suffix == ".ckpt":
        config, tensors = _read_training(training)
        beside = training.parent
    else:
        found = locate(source if name in BUNDLED else name, (*_OWN_FILES, *_PUBLISHED_FILES), hub)
        folder, revision = found.folder, found.revision
        where = str(folder)
        if (folder / CONFIG).is_file():
            config = _read_config(folder / CONFIG)
            tensors = read_safetensors(folder / WEIGHTS)
            beside = folder
        elif published.is_published(folder):
            config, tensors = published.read_published(folder)
            config["source"] = {"id": name, "revision": revision}
        else:
            raise CheckpointError(
                f"{folder} holds no checkpoint: neither our {CONFIG} nor a published "
                f"{published.WEIGHTS}"
            )
    config = resolve_aliases(config)
    _check_nodes(config, where)
    resolved, provided_by_parts = _resolve_parts(config, hub, beside, tensors, where)
    check_sizes(resolved, tensors, provided_by_parts, where)
    if revision is None and name not in BUNDLED:
        name = os.path.abspath(source)  # recipes are also read in other working directories
    return Checkpoint(name, revision, config, resolved, tensors, provided_by_parts)


def at_hand(name: str, hub: HubOptions) -> bool:
    """True for a bundled model, or one that is complete in the Hub cache; without network access.

    A local folder or file of that name does not count, because a name in a recipe from another
    machine must not select it.
    """
    if name in BUNDLED:
        return True
    if os.path.exists(os.path.expanduser(name)):
        return False
    try:
        here = replace(hub, local_files_only=True)
        folder = locate(name, (*_OWN_FILES, *_PUBLISHED_FILES), here).folder
    except CheckpointError:
        return False
    return (folder / CONFIG).is_file() or published.is_published(folder)


def _resolve_parts(
    config: dict[str, Any],
    hub: HubOptions,
    beside: Path | None,
    tensors: Mapping[str, Tensor],
    where: str,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Configuration of a checkpoint with its parts named by local folders, ready to build.

    The sources of a part are a folder inside the checkpoint, the Hub id and commit in its
    configuration, and its own tensors; random weights are never used.

    Args:
        config: configuration, to whose Hub ids the resolved commits are added.
        hub: access to the Hub.
        beside: folder that may hold the folders of the parts.
        tensors: tensors of the checkpoint.
        where: name of the checkpoint, for messages.

    Returns:
        Configuration, and prefixes of the tensors that are loaded when the parts are built.
    """
    resolved = copy.deepcopy(config)
    provided_by_parts = []
    for part in PARTS:
        node, local = node_of(config, part), node_of(resolved, part)
        if not isinstance(node, dict) or not isinstance(local, dict):
            continue
        for key in ("pretrained", "revision"):
            if not isinstance(node.get(key), str | None):
                path = ".".join((*part.node, key))
                raise CheckpointError(f"{path} in {where} is {node[key]!r:.60}: give a text")
        named, inside = node.get("pretrained"), None if beside is None else beside / part.folder
        if inside is not None and inside.is_dir():
            local |= {"pretrained": str(inside), "revision": None}
        elif named is not None:
            if named == part.folder or not is_repo_id(named):
                raise CheckpointError(
                    f"{where} lacks its folder {part.folder}/ (it names {named!r:.80}): a part is "
                    "in that folder of the checkpoint or on the Hub; copy the checkpoint again, "
                    "whole"
                )
            place = fetch(named, part.files, hub.at(node.get("revision")))
            local |= {"pretrained": str(place.folder), "revision": None}
            node["revision"] = place.revision
        if not any(name.startswith(part.prefix) for name in tensors):
            if local.get("pretrained") is None:
                raise CheckpointError(
                    f"{where} lacks its folder {part.folder}/ and holds no tensors of that part: "
                    "copy the checkpoint again, whole"
                )
            provided_by_parts.append(part.prefix)
    return resolved, tuple(provided_by_parts)


def resolve_parts(config: dict[str, Any], hub: HubOptions) -> dict[str, Any]:
    """Configuration of the user with the parts named by local folders, ready to build.

    Args:
        config: configuration, to whose Hub ids the resolved commits are added.
        hub: access to the Hub.

    Raises:
        CheckpointError: a part is neither a folder nor on the Hub, or the Hub was not reached.
    """
    resolved = copy.deepcopy(config)
    for part in PARTS:
        node, local = node_of(config, part), node_of(resolved, part)
        if node is None or local is None:
            continue
        if node.get("pretrained"):
            place = locate(node["pretrained"], part.files, hub.at(node.get("revision")))
            local |= {"pretrained": str(place.folder), "revision": None}
            node["revision"] = place.revision
    return resolved


def provided_by_hub(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Prefixes of the tensors that training checkpoints omit: a frozen T5 of the Hub.

    The codec is kept, because published checkpoints have weights of their own for it.
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
    package = read_torch(path)
    config = package.get("hyper_parameters") if isinstance(package, dict) else None
    if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
        raise CheckpointError(f"{path} has no configuration of a Jasco: not one of jasco-train")
    check_plain(config, f"the configuration in {path}", CheckpointError)
    if isinstance(adapter := config.get("adapter"), dict):
        base = adapter["base"].get("id") if isinstance(adapter.get("base"), dict) else None
        raise CheckpointError(
            f"{path} is of an adapter of {base or 'another model'}: give that as the model, and "
            "the adapter by --adapter RUN or model.load_adapter(RUN)"
        )
    prefix = "model."
    state = state_of(package.get("state_dict"), path)
    own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    return dict(config), own


def _check_nodes(config: Mapping[str, Any], where: str) -> None:
    for name in ("dropout", "source", "solver", "guidance"):
        if not isinstance(config.get(name), dict | None):
            raise CheckpointError(f"{name} in {where} is {config[name]!r:.60}: give a mapping")
    for name, probability in (config.get("dropout") or {}).items():
        number = isinstance(probability, int | float) and not isinstance(probability, bool)
        if not number or not 0 <= probability <= 1:
            raise CheckpointError(
                f"dropout.{name!s:.40} in {where} is {probability!r:.60}: give a number from 0 to 1"
            )
    for name in ("id", "revision"):
        value = (config.get("source") or {}).get(name)
        if not isinstance(value, str | None):
            raise CheckpointError(f"source.{name} in {where} is {value!r:.60}: give a text")
    _refuse_interpolations(config)


def _refuse_interpolations(node: Any) -> None:
    """Refuse interpolations, with which an untrusted configuration could read the environment."""
    if isinstance(node, str) and "${" in node:
        raise CheckpointError(f"the configuration holds {node!r}: interpolations are not allowed")
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        _refuse_interpolations(child)
