"""JSONL files: one JSON object per line, in UTF-8, read strictly and written atomically."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jasco.errors import DataError, JascoError
from jasco.io.atomic import replacing
from jasco.io.files import regular_file
from jasco.io.plain import MAX_JSON_BYTES, encoding_of, parse_object

MAX_LINES = 5_000_000
MAX_RATIO = 200
"""Largest compression ratio, beyond the first `MAX_JSON_BYTES`."""


def read_lines(path: Path, error: type[JascoError] = DataError) -> list[tuple[str, dict[str, Any]]]:
    """Objects of a JSONL file (``.gz``: compressed), each with a label for messages.

    Args:
        path: path of the file.
        error: class of the errors.

    Raises:
        JascoError: the file cannot be read, a line is no JSON object or exceeds a limit; the
            message names the line.
    """
    try:
        regular_file(path, error)
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            lines = _lines(file, path, error)
            return [(label, parse_object(line, label, error)) for label, line in lines]
    except (OSError, EOFError, ValueError) as cause:
        if isinstance(cause, JascoError):
            raise
        reason = getattr(cause, "strerror", None) or f"it is no text in UTF-8 ({cause})"
        raise error(f"cannot read {path}: {reason}") from cause


def _lines(
    file: gzip.GzipFile | io.BufferedReader, path: Path, error: type[JascoError]
) -> Iterator[tuple[str, str]]:
    """(label, line) of all lines that are not blank."""
    most = MAX_JSON_BYTES + MAX_RATIO * path.stat().st_size
    encoding, mark = encoding_of(file.read(4))
    file.seek(mark)
    # A JSON string may hold U+2028 and other line ends unescaped.
    text = io.TextIOWrapper(file, encoding, newline="\n")
    total = 0
    for number in range(1, MAX_LINES + 2):
        line = text.readline(MAX_JSON_BYTES + 1)
        if not line:
            return
        total += len(line)
        if total > most:
            raise error(
                f"{path} unpacks to more than {MAX_RATIO} times its size: it is not read further"
            )
        if line.strip():
            yield f"{path} line {number}", line
    raise error(f"{path} has more than {MAX_LINES:,} lines: give several files")


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write objects as lines.

    Raises:
        OSError: the file cannot be written.
    """
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
