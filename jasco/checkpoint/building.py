"""Models out of configurations and tensors; only classes of Jasco are made."""

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
from transformers import EncodecConfig, T5Config

from jasco.aliases import resolve_aliases
from jasco.checkpoint.layout import CODEC, PARTS, node_of
from jasco.errors import CheckpointError, JascoError, SettingError
from jasco.flow import Guidance, Solver
from jasco.io.pretrained import read_config
from jasco.io.torch_files import misfits, require_finite

MAX_NUMBER = 1_000_000
"""Largest whole number in a configuration; sizes beyond would not fit a machine."""


def build(node: Mapping[str, Any], name: str = "model") -> Any:
    """Make what a configuration node describes, if everything it names is ours.

    Only classes defined in ``jasco`` that are modules, solvers or guidance are made, so a
    configuration from outside runs no other code. All names, keys and types are checked before the
    first is made.

    Args:
        node: plain data.
        name: of the node in its configuration, for messages.

    Raises:
        CheckpointError: a ``_target_`` is anything else.
        SettingError: a class does not take the keys, types or values it is given.
    """
    if not isinstance(node, Mapping):
        raise SettingError(f"{name} is {node!r:.60}: give a mapping with _target_")
    node = resolve_aliases(node)
    _check_node(node, name)
    return _make(node, name)


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
    except Exception as error:  # torch and transformers check what they are given in many ways
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SettingError(
            f"{name} ({value['_target_']}) cannot be built: {reason:.300}"
        ) from error


# --- checks ---------------------------------------------------------------------------------------


def _check_node(node: Any, name: str) -> None:
    """Check a value that may hold nodes with a class of their own."""
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
    """Class of ours that a ``_target_`` names."""
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
    """Check the keys of a node and the types of their values against its class."""
    parameters = inspect.signature(made).parameters
    hints = typing.get_type_hints(made.__init__)
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return  # the class checks its own keys
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
    """Whether plain data can become an argument of a type."""
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
    """A type in words of a configuration."""
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
    """See that tensors are those of the model that a configuration describes.

    The model is made without memory (on the meta device), so that a configuration that states a
    thousand times the sizes of its file is noticed before anything is allocated.

    Args:
        resolved: configuration with parts named by local folders.
        tensors: by their names in the model.
        provided_by_parts: prefixes of the model's tensors that need not be among them.
        source: where they came from, for messages.

    Raises:
        CheckpointError: tensors are missing, left over, of another shape or type, by name.
        SettingError: a class does not take the keys, types or values it is given.
    """
    config = copy.deepcopy(dict(resolved))
    for part in PARTS:
        node = node_of(config, part)
        if isinstance(node, dict) and node.get("pretrained") is not None:
            kind = EncodecConfig if part is CODEC else T5Config
            values = read_config(Path(str(node["pretrained"])), kind)
            node |= {"pretrained": None, "revision": None, "config": values}
    with torch.device("meta"):
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
    """Copy tensors into the model; all must fit.

    Args:
        model: of freshly built weights.
        tensors: by their names in the model.
        provided_by_parts: prefixes of the model's tensors that need not be among them.
        source: where they came from, for messages.

    Raises:
        CheckpointError: tensors are missing, left over, of another shape or type, or not finite, by
            name.
    """
    _require_fit(model, tensors, provided_by_parts, source)
    model.load_state_dict(dict(tensors), strict=False)
    own = model.state_dict()
    require_finite({name: own[name] for name in tensors}, source)


def _require_fit(
    model: nn.Module, tensors: Mapping[str, Tensor], provided_by_parts: Sequence[str], source: str
) -> None:
    problems = misfits(tensors, model.state_dict(), provided_by_parts)
    if problems:
        raise CheckpointError(
            f"the tensors of {source} do not fit its model; {'; '.join(problems)}"
        )
