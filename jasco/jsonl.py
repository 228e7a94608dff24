"""JSONL files: one JSON object a line, in UTF-8, read strictly and written whole or not at all."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jasco.atomic import replacing
from jasco.errors import DataError


def read_lines(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """The objects of a JSONL file (``.gz``: compressed), each with a label for messages.

    Raises:
        DataError: the file cannot be read, or a line is no JSON object; the message names the line.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            text = file.read().decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or f"it is no text in UTF-8 ({error})"
        raise DataError(f"cannot read {path}: {reason}") from error
    # Not splitlines(): a JSON string may hold U+2028 and other ends of lines as they are.
    labelled = [(f"{path} line {n}", line) for n, line in enumerate(text.split("\n"), 1)]
    return [(label, parse_object(line, label)) for label, line in labelled if line.strip()]


def parse_object(text: str, label: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        DataError: the text is something else; the message begins with the label.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{label} is no JSON object ({error})") from error
    if not isinstance(value, dict):
        raise DataError(f"{label} is no JSON object but a {type(value).__name__}")
    return value


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write objects as lines.

    Raises:
        OSError: the file cannot be written.
    """
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
