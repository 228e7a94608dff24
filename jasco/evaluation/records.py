"""Records of an evaluation: one line of JSON per scored take.

Each process appends to its own file. A line cut short by a kill is dropped, and its take is
generated again.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jasco.aliases import rename_keys
from jasco.errors import DataError
from jasco.io.plain import parse_object, read_bytes

MAX_BYTES = 2**30
"""Largest size of a file of records (bytes)."""


class Key(NamedTuple):
    """Key of a take.

    Attributes:
        setting: setting, see `jasco.evaluation.settings`.
        seed: seed of the evaluation.
        item: id of the item.
    """

    setting: str
    seed: int
    item: str


Records = dict[Key, dict[str, Any]]


def read_records(folder: Path) -> Records:
    """Read all records of a run, by key.

    Raises:
        DataError: a line is not a record.
    """
    found: Records = {}
    for path in sorted(folder.glob("records.*.jsonl")):
        lines = read_bytes(path, DataError, MAX_BYTES).split(b"\n")
        for number, line in enumerate(lines[:-1], 1):  # a last line without its end was cut short
            label = f"{path} line {number}"
            record = rename_keys(parse_object(line, label, DataError))
            try:
                key = Key(record["setting"], record["seed"], record["item"])
            except KeyError as error:
                raise DataError(f"{label} is no record: it has no {error}") from error
            found[key] = record
    return found


class RecordFile:
    """File of the records of one process.

    Args:
        folder: folder of the run.
        rank: rank of the process.
    """

    def __init__(self, folder: Path, rank: int) -> None:
        path = folder / f"records.{rank}.jsonl"
        self._file = path.open("ab+")
        self._file.seek(0)
        whole = self._file.read().rfind(b"\n") + 1
        self._file.truncate(whole)

    def append(self, record: Mapping[str, Any]) -> None:
        """Append a record, and flush it to the disk."""
        self._file.write((json.dumps(record, allow_nan=False) + "\n").encode())
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def to_json(scores: Mapping[str, float]) -> dict[str, float | None]:
    """Scores as JSON data: values that are not finite become null."""
    return {name: value if math.isfinite(value) else None for name, value in scores.items()}


def from_json(scores: Mapping[str, float | None]) -> dict[str, float]:
    """Scores from JSON data: null becomes nan."""
    return {name: math.nan if value is None else value for name, value in scores.items()}
