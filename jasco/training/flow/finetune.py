"""Initial model of a run: random weights, or the weights of a checkpoint with new controls."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, cast

from torch import nn

from jasco import checkpoint
from jasco.checkpoint import Checkpoint
from jasco.controls import control_names
from jasco.errors import SettingError
from jasco.io.hub import HubOptions
from jasco.model import Jasco


def fresh_model(config: Mapping[str, Any]) -> Jasco:
    """Model with random weights and the pretrained parts that its configuration names.

    Args:
        config: nodes ``model``, ``solver``, ``guidance`` and ``dropout``; plain data.

    Raises:
        CheckpointError: a part cannot be found or reached.
        SettingError: invalid values.
    """
    own = copy.deepcopy(dict(config))
    model = Jasco.from_config(checkpoint.resolve_parts(own, HubOptions()))
    model.config = own
    return model


def pretrained_model(
    found: Checkpoint,
    *,
    add: Mapping[str, Any],
    allow_new: Sequence[str],
    dropout: Mapping[str, float],
    new_dropout: float,
) -> Jasco:
    """Model of a checkpoint, with new controls.

    The projection of a new control to the network is initialised to zero, so that the first step
    starts from the output of the checkpoint.

    Args:
        found: checkpoint.
        add: configuration of each new control, by name.
        allow_new: names of the controls that may be absent from the checkpoint.
        dropout: probabilities by control, in place of the checkpoint's.
        new_dropout: probability of a new control that ``dropout`` does not name.

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
    config["dropout"] = (
        {name: new_dropout for name in add} | (found.config.get("dropout") or {}) | dict(dropout)
    )
    source = found.config.get("source") or {"revision": found.revision}
    if found.revision and "id" not in source:
        source["id"] = found.name
    config["source"] = source | {"finetuned": True}

    model = Jasco.from_config(resolved)
    model.config = config
    model.codec.source = found.name
    new = tuple(f"conditioners.{name}." for name in add)
    checkpoint.assign(
        model, found.tensors, provided_by_parts=(*found.provided_by_parts, *new), source=found.name
    )
    for name in add:
        project = cast(nn.Linear, model.conditioners[name].project)
        for parameter in project.parameters():
            nn.init.zeros_(parameter)
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
