"""Manifests: lists of recordings with their fields.

A manifest is JSONL, one recording per line: ``path`` (absolute, or relative to the manifest) and
any other fields, such as ``text`` or ``description``. The ``data.jsonl`` of the original is one,
also gzipped; its paths may be relative to the working directory. A ``.json`` file beside a
recording, as in the data of the original, adds fields that the line lacks.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jasco.errors import DataError
from jasco.io.jsonl import read_lines, write_lines
from jasco.io.kinds import RECORDING, kind_of
from jasco.io.plain import read_object


@dataclass(frozen=True)
class Recording:
    """Recording of a manifest.

    Attributes:
        path: absolute path of the audio file.
        fields: fields of the manifest and of the ``.json`` beside the file.
        problem: reason why the recording cannot be used; ``None`` if none is known yet.
    """

    path: Path
    fields: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None


def read_manifest(path: str | os.PathLike[str]) -> list[Recording]:
    """Recordings of a manifest (``.jsonl``, ``.jsonl.gz``), in order.

    Raises:
        DataError: a missing or empty manifest, or a line that is not a JSON object with a ``path``.
    """
    path = Path(os.path.expanduser(path)).absolute()
    found = []
    for label, values in read_lines(path):
        name = values.pop("path", None)
        if not isinstance(name, str) or not name:
            raise DataError(f'{label} has no "path": give the path of an audio file')
        found.append(_described(_resolve(name, path.parent), values))
    if not found:
        raise DataError(f"{path} holds no recording: give a JSON object with a path on each line")
    return found


def scan_folder(
    folder: str | os.PathLike[str], probe: Callable[[Path], dict[str, Any]] | None = None
) -> list[Recording]:
    """Recordings in a folder and its subfolders, in the order of their paths.

    Args:
        folder: folder to search for recordings.
        probe: function that returns further fields of a file, such as its duration.

    Raises:
        DataError: no such folder, or no recording in it.
    """
    folder = Path(os.path.expanduser(folder)).absolute()
    if not os.path.isdir(folder):
        raise DataError(f"{folder} is no folder: give one that holds audio files")
    paths = sorted(p for p in folder.rglob("*") if kind_of(p) == RECORDING)
    if not paths:
        raise DataError(f"no audio files in {folder}: they are known by suffixes such as .wav")
    return [_described(path, probe(path) if probe else {}) for path in paths]


def write_manifest(path: str | os.PathLike[str], recordings: list[Recording]) -> None:
    """Write a manifest atomically."""
    write_lines(Path(path), ({"path": str(r.path), **r.fields} for r in recordings))


def _resolve(name: str, folder: Path) -> Path:
    """Absolute path: relative to the manifest, or else to the working directory."""
    beside, here = folder / name, Path(name).absolute()
    only_here = os.path.exists(here) and not os.path.exists(beside)  # never raises
    return Path(os.path.normpath(here if only_here else beside))


def _described(path: Path, values: dict[str, Any]) -> Recording:
    """Recording with ``values``, and other fields from the ``.json`` beside it."""
    side = path.with_suffix(".json") if path.name else path
    if not os.path.isfile(side):
        return Recording(path, values)
    try:
        fields = read_object(side, DataError)
    except DataError as error:
        return Recording(path, values, f"{error}: mend the .json beside it, or remove it")
    fields.pop("path", None)
    fields |= {key: value for key, value in values.items() if value is not None}
    return Recording(path, values | fields)
