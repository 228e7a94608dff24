"""Type checks of the values of a configuration, by the annotations of their classes."""

from __future__ import annotations

import collections.abc
import inspect
import os
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, Union

from hydra.utils import get_object

from jasco.cli.words import expected, near
from jasco.errors import SettingError


def check_nodes(node: Any, place: str = "") -> None:
    """Check the keys and values of a node and its children.

    Args:
        node: plain data; a mapping with ``_target_`` is compared with the signature of its class.
        place: dotted key of the node, for messages.

    Raises:
        SettingError: an unknown key, or a value of another type.
    """
    if isinstance(node, list):
        for number, child in enumerate(node):
            check_nodes(child, f"{place}.{number}")
    if not isinstance(node, Mapping):
        return
    for key, child in node.items():
        check_nodes(child, f"{place}.{key}" if place else str(key))
    if isinstance(node.get("_target_"), str):
        _check_node(node, place)


def _check_node(node: Mapping[str, Any], place: str) -> None:
    try:
        made = get_object(node["_target_"])
    except Exception as error:
        raise SettingError(f"{place}._target_={node['_target_']}: no such class") from error
    signature = inspect.signature(made)
    open_ended = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    try:
        hints = typing.get_type_hints(made.__init__ if inspect.isclass(made) else made)
    except (NameError, TypeError):  # names for type checkers only
        hints = {}
    for key, value in node.items():
        if key.startswith("_"):
            continue
        if key not in signature.parameters and not open_ended:
            hint = near(f"{place}.{key}", [f"{place}.{name}" for name in signature.parameters])
            raise SettingError(
                f"no setting {place}.{key}{hint or ':'} {place} takes "
                f"{', '.join(signature.parameters)}"
            )
        named = signature.parameters.get(key)
        kind = hints.get(key, Any) if named and named.kind is not named.VAR_KEYWORD else Any
        check_kind(f"{place}.{key}", value, kind)


def check_kind(key: str, value: Any, kind: Any) -> None:
    """Check the type of a value.

    Args:
        key: dotted key, for the message.
        value: plain data.
        kind: type or union, as in annotations; others are not checked.

    Raises:
        SettingError: a value of another type; the message tells how to quote digits.
    """
    if _fits(value, kind):
        return
    said = "null" if value is None else str(value).lower() if isinstance(value, bool) else value
    wanted = " or ".join(dict.fromkeys(_names(kind)))
    hint = ""
    if isinstance(value, bool | int | float) and _fits("", kind):
        hint = f", for a name in digits or of a word such as true in quotes: '{key}=\"{said}\"'"
    raise SettingError(f"{key}={said}: give {wanted}{expected(key)}{hint}")


def _fits(value: Any, kind: Any) -> bool:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return any(_fits(value, option) for option in inner)
    if origin is Literal:
        return value in inner
    kind = origin or kind
    if isinstance(value, Mapping) and "_target_" in value:
        return True  # checked when the object is created
    if kind is None or kind is type(None):
        return value is None
    if kind is bool:
        return isinstance(value, bool)
    if kind in (int, float):
        return isinstance(value, int | kind) and not isinstance(value, bool)
    if kind is str or _is_path(kind):
        return isinstance(value, str)
    if kind in (list, tuple, collections.abc.Sequence, collections.abc.Iterable):
        if not isinstance(value, list):
            return False
        if kind is tuple and inner and inner[-1] is not Ellipsis:
            return len(value) == len(inner) and all(map(_fits, value, inner))
        return all(_fits(item, inner[0] if inner else Any) for item in value)
    if kind in (dict, collections.abc.Mapping):
        of = inner[1] if inner else Any
        return isinstance(value, Mapping) and all(_fits(item, of) for item in value.values())
    # Objects of other classes can be written as nodes only.
    return not inspect.isclass(kind) or kind in (Any, object) or value is None


def _is_path(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, os.PathLike)


def _names(kind: Any) -> list[str]:
    """Names of the options of a kind."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return [name for option in inner for name in _names(option)]
    if origin is Literal:
        return [str(choice) for choice in inner]
    plain = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    kind = origin or kind
    if kind is None or kind is type(None):
        return ["null"]
    if kind in plain:
        return [plain[kind]]
    if _is_path(kind):
        return ["a text"]
    if kind in (dict, collections.abc.Mapping):
        return ["a mapping, as {key: value}"]
    if kind is tuple and inner and inner[-1] is not Ellipsis:
        return [f"a list of {len(inner)}, as [a,b]"]
    if kind in (list, tuple, collections.abc.Sequence, collections.abc.Iterable):
        return ["a list, as [a,b]"]
    return ["a mapping with _target_"]
