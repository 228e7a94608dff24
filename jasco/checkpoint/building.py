"""Models from configurations and tensors; only classes of Jasco are instantiated."""

from __future__ import annotations

import copy
import importlib
import inspect
import math
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from jasco.aliases import resolve_aliases
from jasco.checkpoint.layout import PARTS, node_of
from jasco.errors import CheckpointError, JascoError, SettingError
from jasco.flow import Guidance, Solver
from jasco.io.pretrained import read_config
from jasco.io.torch_files import aligned, misfits, require_finite
from jasco.io.uninitialized import uninitialized

MAX_NUMBER = 1_000_000
"""Largest whole number in a configuration; larger sizes would not fit in memory."""


_SHARED_SIZES = ("dim", "latent_dim")
"""Sizes of the network that its conditioners have too."""


def build(node: Mapping[str, Any], name: str = "model") -> Any:
    """Instantiate a configuration node.

    Only modules, solvers and guidance defined in ``jasco`` are instantiated, so an untrusted
    configuration runs no other code. All names, keys and types are checked before the first
    instance is made.

    Args:
        node: plain data with ``_target_``.
        name: name of the node in its configuration, for messages.

    Raises:
        CheckpointError: a ``_target_`` is anything else.
        SettingError: a key, type or value that the class does not accept.
    """
    if not isinstance(node, Mapping):
        raise SettingError(f"{name} is {node!r:.60}: give a mapping with _target_")
    node = resolve_aliases(node)
    _check_node(node.get("network"), f"{name}.network")  # before its sizes go to the conditioners
    node = _with_shared_sizes(node)
    _check_node(node, name)
    return _make(node, name)


def build_conditioner(node: Mapping[str, Any], network: Mapping[str, Any], name: str) -> Any:
    """Instantiate the node of a conditioner, with sizes of the network where it states none.

    Raises:
        SettingError, CheckpointError: as for `build`.
    """
    model = {"network": dict(network), "conditioners": {name: dict(node)}}
    completed = _with_shared_sizes(resolve_aliases(model))["conditioners"][name]
    return build(completed, f"conditioners.{name}")


def _with_shared_sizes(model: Mapping[str, Any]) -> Mapping[str, Any]:
    """Node of a model whose conditioners have the sizes of its network, where they state none."""
    network, conditioners = model.get("network"), model.get("conditioners")
    if not isinstance(network, dict) or not isinstance(conditioners, dict):
        return model
    completed = dict(conditioners)
    for name, node in conditioners.items():
        if isinstance(node, dict) and "_target_" in node:
            taken = inspect.signature(_class_of(node["_target_"])).parameters
            sizes = {k: network[k] for k in _SHARED_SIZES if k in taken and k in network}
            completed[name] = sizes | node
    return {**model, "conditioners": completed}


def _make(value: Any, name: str) -> Any:
    if isinstance(value, list | tuple):
        return [_make(child, f"{name}[{i}]") for i, child in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    made = {k: _make(child, f"{name}.{k}") for k, child in value.items() if k != "_target_"}
    if "_target_" not in value:
        return made
    try:
        return _class_of(value["_target_"])(**made)
    except JascoError:
        raise
    except Exception as error:  # torch and transformers raise many types
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SettingError(
            f"{name} ({value['_target_']}) cannot be built: {reason:.300}"
        ) from error


# --- checks ---------------------------------------------------------------------------------------


def _check_node(node: Any, name: str) -> None:
    """Check a value with all nodes inside it."""
    if isinstance(node, list | tuple):
        for i, child in enumerate(node):
            _check_node(child, f"{name}[{i}]")
    elif isinstance(node, Mapping):
        for key in node:
            if not isinstance(key, str) or (key.startswith("_") and key != "_target_"):
                raise CheckpointError(f"{name} has a key {key!r:.60}, which is not allowed")
        if "_target_" in node:
            _check_arguments(_class_of(node["_target_"]), node, name)
        for key, child in node.items():
            _check_node(child, f"{name}.{key}")
    elif isinstance(node, int) and not isinstance(node, bool) and abs(node) > MAX_NUMBER:
        raise SettingError(f"{name} is {node}: at most {MAX_NUMBER:,} is allowed")


def _class_of(target: Any) -> Any:
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
            f"the configuration names {target!r:.80}: only modules, solvers and guidance of Jasco "
            "are built, nothing else is run"
        )
    return found


def _check_arguments(made: Any, node: Mapping[str, Any], name: str) -> None:
    parameters = inspect.signature(made).parameters
    hints = typing.get_type_hints(made.__init__)
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return  # the class checks the keys
    for key, value in node.items():
        if key == "_target_":
            continue
        if key not in parameters:
            raise SettingError(
                f"{name} has a key {key!r:.60}, which {made.__name__} does not take: the keys are "
                f"{', '.join(parameters)}"
            )
        hint = hints.get(key, Any)
        if not _fits(value, hint):
            raise SettingError(f"{name}.{key} is {value!r:.60}: give {_words(hint)}")
    for key, parameter in parameters.items():
        if parameter.default is parameter.empty and key not in node:
            raise SettingError(f"{name} lacks the key {key!r} of {made.__name__}")


def _fits(value: Any, hint: Any) -> bool:
    """True for plain data that a type hint accepts."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, kind) for kind in typing.get_args(hint))
    if hint is Any:
        return True
    if hint is type(None):
        return value is None
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and math.isfinite(value)
    if hint in (bool, str):
        return isinstance(value, hint)
    if _is(origin or hint, Mapping):
        kinds = typing.get_args(hint)
        return isinstance(value, Mapping) and all(
            _fits(child, kinds[1] if kinds else Any) for child in value.values()
        )
    if _is(origin or hint, Sequence):
        kinds = typing.get_args(hint)
        return isinstance(value, list | tuple) and all(
            _fits(child, kinds[0] if kinds else Any) for child in value
        )
    made = isinstance(value, Mapping) and "_target_" in value
    return made and _is(_class_of(value["_target_"]), hint)


def _is(kind: Any, base: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, base)


def _words(hint: Any) -> str:
    """Type hint in words, for messages."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(_words(kind) for kind in typing.get_args(hint))
    origin = typing.get_origin(hint) or hint
    known = {int: "a whole number", float: "a finite number", bool: "true or false", str: "a text"}
    if hint in known:
        return known[hint]
    if hint is type(None):
        return "null"
    if _is(origin, Mapping):
        kinds = typing.get_args(hint)
        return "a mapping" + (f" to {_words(kinds[1])}" if kinds and kinds[1] is not Any else "")
    if _is(origin, Sequence):
        return "a list"
    return f"a node whose _target_ is {getattr(hint, '__name__', hint)}"


# --- tensors --------------------------------------------------------------------------------------


def check_sizes(
    resolved: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    provided_by_parts: Sequence[str],
    source: str,
) -> None:
    """Check that tensors fit the model of a configuration.

    The model is built on the meta device, so that a configuration with far larger sizes than its
    file is refused before memory is allocated.

    Args:
        resolved: configuration in which parts are named by local folders.
        tensors: name in the model -> tensor.
        provided_by_parts: prefixes of the model's tensors that may be missing.
        source: origin of the tensors, for messages.

    Raises:
        CheckpointError: missing or extra tensors, or other shapes or types; the message names them.
        SettingError: a key, type or value that a class does not accept.
    """
    config = copy.deepcopy(dict(resolved))
    for part in PARTS:
        node = node_of(config, part)
        if isinstance(node, dict) and node.get("pretrained") is not None:
            values = read_config(Path(str(node["pretrained"])), part.kind)
            node |= {"pretrained": None, "revision": None, "config": values}
    with torch.device("meta"), uninitialized():
        model = build(config["model"])
    if type(model).__name__ != "Jasco":
        raise SettingError(f"the configuration describes a {type(model).__name__}, not a Jasco")
    _require_fit(model, tensors, provided_by_parts, source)


def assign(
    model: nn.Module,
    tensors: Mapping[str, Tensor],
    *,
    provided_by_parts: Sequence[str],
    source: str,
) -> None:
    """Replace the tensors of a model.

    A tensor of the model's own format is not copied: the model shares it, and with it the mapping
    of its file, with ``tensors``. Others are converted.

    Args:
        model: newly built model.
        tensors: name in the model -> tensor.
        provided_by_parts: prefixes of the model's tensors that may be missing.
        source: origin of the tensors, for messages.

    Raises:
        CheckpointError: missing or extra tensors, other shapes or types, or values that are not
            finite; the message names them.
    """
    _require_fit(model, tensors, provided_by_parts, source)
    own = model.state_dict()
    ready = {name: aligned(tensor, own[name].dtype) for name, tensor in tensors.items()}
    require_finite(ready, source)
    places = [(n, p) for n, p in model.named_parameters(remove_duplicate=False) if n in ready]
    new = {id(p): nn.Parameter(ready[n], p.requires_grad) for n, p in places}
    ready |= {n: new[id(p)] for n, p in places}  # tied parameters stay one
    model.load_state_dict(ready, strict=False, assign=True)


def _require_fit(
    model: nn.Module, tensors: Mapping[str, Tensor], provided_by_parts: Sequence[str], source: str
) -> None:
    problems = misfits(tensors, model.state_dict(), provided_by_parts)
    if problems:
        raise CheckpointError(
            f"the tensors of {source} do not fit its model; {'; '.join(problems)}"
        )
