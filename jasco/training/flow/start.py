"""Model that a run starts from: fresh weights, a checkpoint's, or those the run has reached."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard, cast

from torch import nn

from jasco import checkpoint
from jasco.checkpoint import Checkpoint
from jasco.conditioners import TextConditioner
from jasco.controls import control_names
from jasco.errors import CheckpointError, SettingError
from jasco.flow import Guidance, GuidanceRanges
from jasco.io.hub import HubOptions
from jasco.io.torch_files import read_torch
from jasco.model import Jasco
from jasco.network import VelocityNetwork
from jasco.training.flow.adapter import AdapterSettings, attach


def fresh_model(
    model: Mapping[str, Any],
    solver: Mapping[str, Any] | None = None,
    guidance: Mapping[str, Any] | None = None,
    resume_from: str | None = None,
) -> Jasco:
    """Model of fresh weights, with the pretrained parts that its configuration names.

    Args:
        model: configuration of the model, plain data.
        solver, guidance: configurations of its defaults for generation.
        resume_from: last checkpoint of the run; once the file is there, the model is read from it.

    Raises:
        CheckpointError: a part cannot be found or reached.
        SettingError: invalid values.
    """
    if _is_file(resume_from):
        return _resumed(resume_from)
    nodes = {"model": model, "solver": solver, "guidance": guidance}
    own = copy.deepcopy({name: dict(node) for name, node in nodes.items() if node})
    made = Jasco.from_config(checkpoint.resolve_parts(own, HubOptions()))
    made.config = own
    return made


def pretrained_model(
    init_from: str,
    add: Mapping[str, Any] | None = None,
    allow_new: Sequence[str] = (),
    new_dropout: float = 0.5,
    adapter: Mapping[str, Any] | None = None,
    resume_from: str | None = None,
) -> Jasco:
    """Model of a checkpoint, with controls that it did not have; see `extend`.

    Args:
        init_from: name, folder or file of the checkpoint.
        add, allow_new, new_dropout: arguments of `extend`.
        adapter: arguments of `AdapterSettings`, to train an adapter of the model.
        resume_from: last checkpoint of the run; once the file is there, the model is read from it,
            or its adapter by Lightning.
    """
    settings = None if adapter is None else AdapterSettings(**adapter)
    if _is_file(resume_from) and settings is None:
        return _resumed(resume_from)
    found = checkpoint.read(init_from, HubOptions())
    model = extend(found, add or {}, allow_new, new_dropout)
    if settings is not None:
        attach(model, settings, add or {})
        if _is_file(resume_from):
            _require_base(resume_from, model)
    return model


def _require_base(path: str, model: Jasco) -> None:
    """Refuse to resume the run of an adapter from another base.

    Raises:
        CheckpointError: the weights of the base are others, or the run trained no adapter.
    """
    package = read_torch(Path(path))
    config = package.get("hyper_parameters") if isinstance(package, dict) else None
    before = (config or {}).get("adapter", {}).get("base", {}).get("hash")
    now = model.config["adapter"]["base"]
    if before != now["hash"]:
        raise CheckpointError(
            f"{path} was begun from the weights {before}, and {now['id']} has {now['hash']}: give "
            "the same init_from to resume it, or begin another run with run=FOLDER"
        )


def student_model(
    init_from: str,
    ranges: Mapping[str, Sequence[float]] | None = None,
    resume_from: str | None = None,
) -> Jasco:
    """Model of a checkpoint, of which the network alone trains and takes guidance weights.

    Args:
        init_from: name, folder or file of the checkpoint, the teacher.
        ranges: lowest and highest weight of each guidance term; by default from zero to twice the
            weights of the checkpoint's own guidance, which must be within them.
        resume_from: last checkpoint of the run; once the file is there, the model is read from it.

    Raises:
        SettingError: guidance that is distilled already, or ranges that do not fit the model.
    """
    if _is_file(resume_from):
        return _frozen_conditioners(_resumed(resume_from))
    found = checkpoint.read(init_from, HubOptions())
    node = found.config.get("guidance")
    own = checkpoint.build(node, "guidance") if node else Guidance(all=1.0)
    chosen = GuidanceRanges(ranges) if ranges else GuidanceRanges.around(own)
    chosen.weights(own, tuple(found.config["model"]["conditioners"]))
    bounds = {name: list(bound) for name, bound in chosen.items()}
    config, resolved = copy.deepcopy(found.config), copy.deepcopy(found.resolved)
    for node in (config, resolved):
        node["model"]["network"]["distilled_guidance"] = bounds
    return _frozen_conditioners(
        _derived(found, config, resolved, "distilled", new=("network.guidance.",))
    )


def teacher_network(init_from: str) -> VelocityNetwork:
    """Frozen network of the checkpoint that is distilled."""
    model = Jasco.from_pretrained(init_from, device="cpu", dtype="float32")
    return model.network.requires_grad_(False)


def text_model(init_from: str, resume_from: str | None = None) -> Jasco:
    """Model of a checkpoint, of which the text conditioner alone trains.

    Args:
        init_from: name, folder or file of the checkpoint.
        resume_from: last checkpoint of the run; once the file is there, the model is read from it.

    Raises:
        SettingError: the model has no text, or one whose encoder is not in the checkpoint.
    """
    model = pretrained_model(init_from, resume_from=resume_from)
    text = model.conditioners["text"] if "text" in model.conditioners else None
    if not isinstance(text, TextConditioner) or not text.finetune or text.summary is None:
        raise SettingError(
            f"{init_from} has no text encoder that trains and pools its tokens: name a checkpoint "
            "like demo"
        )
    model.requires_grad_(False)
    text.requires_grad_(True)
    return model


def text_conditioner(init_from: str) -> TextConditioner:
    """Frozen text conditioner of a checkpoint."""
    model = Jasco.from_pretrained(init_from, device="cpu", dtype="float32")
    text = cast(TextConditioner, model.conditioners["text"])
    text.finetune = False  # stays in evaluation mode
    return text.requires_grad_(False).eval()


def _frozen_conditioners(model: Jasco) -> Jasco:
    model.conditioners.requires_grad_(False)
    return model.train()


def _is_file(path: str | None) -> TypeGuard[str]:
    return path is not None and Path(path).is_file()


def _resumed(path: str) -> Jasco:
    return Jasco.from_pretrained(path, device="cpu", dtype="float32").train()


def extend(
    found: Checkpoint,
    add: Mapping[str, Any],
    allow_new: Sequence[str],
    new_dropout: float,
) -> Jasco:
    """Model of a checkpoint with further controls.

    The projection of a new control to the network is initialised to zero, so that the first step
    starts from the output of the checkpoint.

    Args:
        found: checkpoint.
        add: configuration of each new control, by name.
        allow_new: names of the controls that may be absent from the checkpoint.
        new_dropout: dropout probability of the new controls.

    Raises:
        SettingError: a new control that ``allow_new`` does not name, or a name in it that is not
            new.
        CheckpointError: missing or unexpected tensors.
    """
    known = tuple(found.config["model"]["conditioners"])
    _require_new(tuple(add), known, allow_new, found.name)
    config, resolved = copy.deepcopy(found.config), copy.deepcopy(found.resolved)
    for node in (config, resolved):
        conditioners = node["model"]["conditioners"] | dict(add)
        node["model"]["conditioners"] = {
            c: conditioners[c] for c in control_names() if c in conditioners
        }
    config["dropout"] = dict.fromkeys(add, new_dropout) | (found.config.get("dropout") or {})
    new = tuple(f"conditioners.{name}." for name in add)
    model = _derived(found, config, resolved, "finetuned", new)
    for name in add:
        project = cast(nn.Linear, model.conditioners[name].project)
        for parameter in project.parameters():
            nn.init.zeros_(parameter)
    return model


def _derived(
    found: Checkpoint,
    config: dict[str, Any],
    resolved: Mapping[str, Any],
    how: str,
    new: tuple[str, ...],
) -> Jasco:
    """Model of a changed configuration with the weights of the checkpoint.

    Args:
        found: checkpoint.
        config, resolved: its configurations, changed.
        how: key under ``source`` that marks the model.
        new: prefixes of the tensors that the checkpoint lacks.

    Raises:
        SettingError: the guidance of the checkpoint is distilled.
        CheckpointError: missing or unexpected tensors.
    """
    if found.config["model"]["network"].get("distilled_guidance"):
        raise SettingError(
            f"the guidance of {found.name} is distilled, so it has no conditional velocity to "
            "train: name the checkpoint that it was distilled from"
        )
    source = found.config.get("source") or {"revision": found.revision}
    if found.revision and "id" not in source:
        source["id"] = found.name
    config["source"] = source | {how: True}
    model = Jasco.from_config(resolved)
    model.config = config
    model.codec.source = found.name
    checkpoint.assign(
        model, found.tensors, provided_by_parts=(*found.provided_by_parts, *new), source=found.name
    )
    return model


def _require_new(
    add: tuple[str, ...], known: tuple[str, ...], allow_new: Sequence[str], source: str
) -> None:
    has = f"{source} has {', '.join(known)}"
    present = [name for name in (*add, *allow_new) if name in known]
    if present:
        raise SettingError(f"{present[0]} is not new: {has}")
    silent = [name for name in add if name not in allow_new]
    if silent:
        raise SettingError(
            f"{has}: to add {', '.join(silent)}, name it with allow_new=[{','.join(silent)}]"
        )
    idle = [name for name in allow_new if name not in add]
    if idle:
        raise SettingError(
            f"allow_new names {', '.join(idle)}, which is not added: add it with "
            f"'conditioners@add=[{','.join(idle)}]'"
        )
