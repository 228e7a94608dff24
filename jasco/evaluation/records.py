"""Records of an evaluation: a line of JSON for each take as soon as it is judged.

Each process of a run appends to a file of its own. A line that a kill has cut short is dropped, so
the take is made again.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jasco.errors import DataError
from jasco.io.plain import parse_object, read_bytes

MAX_BYTES = 2**30
"""Largest file of records."""


class Key(NamedTuple):
    """Which take a record is of.

    Attributes:
        setting: see `jasco.evaluation.settings`.
        seed: of the evaluation.
        item: id.
    """

    setting: str
    seed: int
    item: str


Records = dict[Key, dict[str, Any]]


def read_records(folder: Path) -> Records:
    """All records of a run, by their keys.

    Raises:
        DataError: a line is no record.
    """
    found: Records = {}
    for path in sorted(folder.glob("records.*.jsonl")):
        lines = read_bytes(path, DataError, MAX_BYTES).split(b"\n")
        for number, line in enumerate(lines[:-1], 1):  # what follows the last end of a line is cut
            label = f"{path} line {number}"
            record = parse_object(line, label, DataError)
            try:
                key = Key(record["setting"], record["seed"], record["item"])
            except KeyError as error:
                raise DataError(f"{label} is no record: it has no {error}") from error
            found[key] = record
    return found


class RecordFile:
    """The file that one process appends to.

    Args:
        folder: of the run.
        rank: of the process.
    """

    def __init__(self, folder: Path, rank: int) -> None:
        path = folder / f"records.{rank}.jsonl"
        self._file = path.open("ab+")
        self._file.seek(0)
        whole = self._file.read().rfind(b"\n") + 1
        self._file.truncate(whole)

    def append(self, record: Mapping[str, Any]) -> None:
        """Write a record, and see that it is on the disk."""
        self._file.write((json.dumps(record, allow_nan=False) + "\n").encode())
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def to_json(scores: Mapping[str, float]) -> dict[str, float | None]:
    """Scores as JSON has them: what is not finite is null."""
    return {name: value if math.isfinite(value) else None for name, value in scores.items()}


def from_json(scores: Mapping[str, float | None]) -> dict[str, float]:
    """The scores again; null is nan."""
    return {name: math.nan if value is None else value for name, value in scores.items()}
