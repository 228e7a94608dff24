"""Plain data from outside: JSON and YAML, read with limits on size, depth and number of values.

Values are ``None``, bool, int, finite float, str, list and dict. The caller gives the class of the
errors and the label that their messages begin with. `jasco.io.jsonl` reads JSONL.
"""

from __future__ import annotations

import codecs
import json
import math
import os
import re
from collections.abc import Iterator
from typing import Any

import yaml

from jasco.errors import JascoError
from jasco.io.files import regular_file

MAX_JSON_BYTES = 16 * 2**20
MAX_YAML_BYTES = 256 * 2**10
MAX_DEPTH = 64
"""Largest depth of nested lists and mappings."""
MAX_VALUES = 2_000_000
"""Most values of a document; those of an alias count at each use."""

# UTF-32 comes first, because its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")

# --- text -----------------------------------------------------------------------------------------


def encoding_of(start: bytes) -> tuple[str, int]:
    """Encoding of a byte-order mark, UTF-8 without one, and the length of the mark.

    Args:
        start: first four bytes of a text, or fewer.
    """
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding, len(mark)
    return "utf-8", 0


def decode(data: bytes, label: str, error: type[JascoError]) -> str:
    """Decode a text in UTF-8, or in the encoding of its byte-order mark.

    Args:
        data: bytes of the text.
        label: name of the text, for messages.
        error: class of the errors.

    Raises:
        JascoError: the bytes are no such text.
    """
    encoding, length = encoding_of(data[:4])
    try:
        return data[length:].decode(encoding)
    except UnicodeDecodeError as cause:
        raise error(
            f"{label} is no text in {encoding.upper()} (byte {cause.start + length}): save it in "
            "UTF-8"
        ) from cause


def read_bytes(path: str | os.PathLike[str], error: type[JascoError], limit: int) -> bytes:
    """Read a file of at most ``limit`` bytes.

    Raises:
        JascoError: the file is missing, unreadable or larger.
    """
    try:
        with regular_file(path, error).open("rb") as file:
            data = file.read(limit + 1)
    except OSError as cause:
        raise error(f"cannot read {os.fspath(path)}: {cause.strerror or cause}") from cause
    if len(data) > limit:
        raise error(f"{os.fspath(path)} is larger than the {_size(limit)} that are read of it")
    return data


def read_text(path: str | os.PathLike[str], error: type[JascoError], limit: int) -> str:
    """Text of a file of at most ``limit`` bytes; errors as in `read_bytes` and `decode`."""
    return decode(read_bytes(path, error, limit), os.fspath(path), error)


# --- JSON -----------------------------------------------------------------------------------------


def parse_json(
    text: str | bytes, label: str, error: type[JascoError], *, kind: str = "JSON"
) -> Any:
    """Value of a JSON text.

    Args:
        text: at most `MAX_JSON_BYTES` long; bytes may begin with a byte-order mark.
        label: name of the text, for messages.
        error: class of the errors.
        kind: expected type, for messages.

    Raises:
        JascoError: the text is not JSON, repeats a key of an object, holds a number that is not
            finite or a lone surrogate, or exceeds a limit.
    """
    if len(text) > MAX_JSON_BYTES:
        raise error(f"{label} is larger than the {_size(MAX_JSON_BYTES)} that are read of it")
    if isinstance(text, bytes):
        text = decode(text, label, error)
    text = text.removeprefix("\ufeff")
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_without_duplicates,
        )
        _check_limits(value)
        if _SURROGATE_ESCAPE.search(text) or _SURROGATE.search(text):
            _refuse_surrogates(value)
    except RecursionError as cause:
        raise error(f"{label} is no {kind} ({_too_deep()})") from cause
    except ValueError as cause:
        raise error(f"{label} is no {kind} ({cause})") from cause
    return value


def read_json(path: str | os.PathLike[str], error: type[JascoError]) -> Any:
    """Value of a JSON file; limits and errors as in `parse_json`."""
    return parse_json(read_bytes(path, error, MAX_JSON_BYTES), os.fspath(path), error)


def parse_object(text: str | bytes, label: str, error: type[JascoError]) -> dict[str, Any]:
    """Dictionary of a JSON object; limits and errors as in `parse_json`."""
    value = parse_json(text, label, error, kind="JSON object")
    if not isinstance(value, dict):
        raise error(f"{label} is no JSON object but a {type(value).__name__}")
    return value


def read_object(path: str | os.PathLike[str], error: type[JascoError]) -> dict[str, Any]:
    """Dictionary of a JSON file that holds an object; limits and errors as in `parse_json`."""
    return parse_object(read_bytes(path, error, MAX_JSON_BYTES), os.fspath(path), error)


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:20]} is too large a number")
    return number


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:40]!r} stands twice in one object")
    return values


def _check_limits(value: Any) -> None:
    """Count the values of a tree level by level, so that no depth exhausts the stack."""
    level, count = [value], 0
    for _ in range(MAX_DEPTH + 1):
        count += len(level)
        if count > MAX_VALUES:
            raise ValueError(_too_many())
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise ValueError(_too_deep())


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _refuse_surrogates(value: Any) -> None:
    todo = [value]
    while todo:
        value = todo.pop()
        if isinstance(value, str):
            if _SURROGATE.search(value):
                raise ValueError(f"{value[:40]!r} holds half of a surrogate pair, which is no text")
        elif isinstance(value, dict):
            todo += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            todo += value


# --- YAML -----------------------------------------------------------------------------------------

_Base: Any = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # the slower loader where libyaml is missing


class _Loader(_Base):
    """Safe loader that keeps dates as texts, like OmegaConf, and refuses repeated keys."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        if isinstance(node, yaml.MappingNode):
            keys = [
                (key.tag, key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode)
            ]
            if len(set(keys)) < len(keys):
                twice = next(value for tag, value in keys if keys.count((tag, value)) > 1)
                raise ValueError(f"the key {twice[:40]!r} stands twice in one mapping")
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_yaml(
    text: str | bytes, label: str, error: type[JascoError], *, finite: bool = True
) -> Any:
    """Value of a YAML text with one document of plain data; ``None`` where it is empty.

    Args:
        text: at most `MAX_YAML_BYTES` long; bytes may begin with a byte-order mark.
        label: name of the text, for messages.
        error: class of the errors.
        finite: refuse infinite numbers and NaN.

    Raises:
        JascoError: the text is not YAML, holds other than plain data, repeats a key of a
            mapping, or exceeds a limit.
    """
    if len(text) > MAX_YAML_BYTES:
        raise error(f"{label} is larger than the {_size(MAX_YAML_BYTES)} that are read of it")
    if isinstance(text, bytes):
        text = decode(text, label, error)
    try:
        _check_events(text)
        value = yaml.load(text, _Loader)  # noqa: S506 (a safe loader)
        _check_plain(value, finite)
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as cause:
        reason = " ".join(str(cause).split())
        raise error(f"{label} is no YAML that is read here ({reason})") from cause
    return value


def read_yaml(path: str | os.PathLike[str], error: type[JascoError], *, finite: bool = True) -> Any:
    """Value of a YAML file; limits and errors as in `parse_yaml`."""
    data = read_bytes(path, error, MAX_YAML_BYTES)
    return parse_yaml(data, os.fspath(path), error, finite=finite)


def check_plain(value: Any, label: str, error: type[JascoError]) -> None:
    """Check that a value of another file format is finite plain data within the limits.

    Args:
        value: the value.
        label: name of the value, for messages.
        error: class of the errors.

    Raises:
        JascoError: the value is not plain data within the limits.
    """
    try:
        _check_limits(value)
        _check_plain(value, finite=True)
    except ValueError as cause:
        raise error(f"{label} is not plain data ({cause})") from cause


def _check_events(text: str) -> None:
    """Check depth, number of values and recursive aliases before any value is built.

    An alias counts as all values of its anchor, so the sum bounds the expanded document.
    """
    known: dict[str, tuple[int, int]] = {}  # values and depth below an anchor
    open_: list[tuple[str | None, int, int]] = []  # anchor, values and depth so far
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, 1, 1))
            if event.anchor is not None:
                known.pop(event.anchor, None)
            if len(open_) > MAX_DEPTH:
                raise ValueError(_too_deep())
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, values, depth = open_.pop()
            if anchor is not None:
                known[anchor] = values, depth
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in known:
                raise ValueError(f"the alias *{event.anchor} stands for nothing, or holds itself")
            values, depth = known[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            values, depth = 1, 0
            if event.anchor is not None:
                known[event.anchor] = 1, 0
        else:
            continue
        if open_:
            anchor, before, deepest = open_[-1]
            open_[-1] = (anchor, before + values, max(deepest, depth + 1))
            if before + values > MAX_VALUES:
                raise ValueError(_too_many())
            if len(open_) + depth > MAX_DEPTH:
                raise ValueError(_too_deep())


def _check_plain(value: Any, finite: bool) -> None:
    """Check for plain data; an object that several aliases share is visited once."""
    todo, seen = [value], set()
    while todo:
        value = todo.pop()
        if isinstance(value, float):
            if finite and not math.isfinite(value):
                raise ValueError(f"{value} is not finite")
        elif isinstance(value, dict | list):
            if id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, dict):
                for key in value:
                    if key is not None and not isinstance(key, str | int | float):
                        raise ValueError(f"the key {key!r:.40} is a {type(key).__name__}")
                todo += value.values()
            else:
                todo += value
        elif value is not None and not isinstance(value, str | int):
            raise ValueError(f"{value!r:.40} is a {type(value).__name__}, not plain data")


def is_number(value: object) -> bool:
    """Finite number of plain data, up to a thousand million; no bool."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -1e9 <= value <= 1e9  # not NaN


def is_whole(value: object, most: int) -> bool:
    """Whole number of plain data from 0 to ``most``; no bool."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


# --- messages -------------------------------------------------------------------------------------


def _too_deep() -> str:
    return f"lists and mappings lie in one another more than {MAX_DEPTH} deep"


def _too_many() -> str:
    return f"more than {MAX_VALUES:,} values"


def _size(count: int) -> str:
    return f"{count // 2**20} MiB" if count >= 2**20 else f"{count // 2**10} KiB"
