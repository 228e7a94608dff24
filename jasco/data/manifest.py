"""Manifests: which recordings there are, and what is known about each.

A manifest is JSONL, one recording a line: ``path`` (absolute, or relative to the manifest) and any
other fields, such as ``text`` or ``description``. The original's ``data.jsonl`` is one, also
gzipped; its paths may be relative to the working directory instead. A ``.json`` object beside a
recording, as the original keeps its descriptions, adds the fields that the line leaves open.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jasco.errors import DataError
from jasco.io.jsonl import read_lines, write_lines
from jasco.io.plain import read_object

AUDIO_SUFFIXES = frozenset(
    ".wav .flac .mp3 .ogg .oga .opus .aif .aiff .au .caf .w64 .m4a .mp4 .aac .wma .webm".split()
)
"""What `scan_folder` takes for recordings."""


@dataclass(frozen=True)
class Recording:
    """One recording of a manifest.

    Attributes:
        path: of the audio file, absolute.
        fields: what the manifest, and the ``.json`` beside the file, say about it.
        problem: why it cannot be used, where that shows already here.
    """

    path: Path
    fields: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None


def read_manifest(path: str | os.PathLike[str]) -> list[Recording]:
    """Read a manifest (``.jsonl``, ``.jsonl.gz``), in its order.

    Raises:
        DataError: it is missing, no text, holds no recording, or a line is no JSON object with a
            ``path``; the message names the line.
    """
    path = Path(os.path.expanduser(path)).absolute()
    found = []
    for label, values in read_lines(path):
        name = values.pop("path", None)
        if not isinstance(name, str) or not name:
            raise DataError(f'{label} has no "path": give the path of an audio file')
        found.append(_described(_located(name, path.parent), values))
    if not found:
        raise DataError(f"{path} holds no recording: give a JSON object with a path on each line")
    return found


def scan_folder(
    folder: str | os.PathLike[str], probe: Callable[[Path], dict[str, Any]] | None = None
) -> list[Recording]:
    """All recordings under a folder, known by their suffix, in the order of their paths.

    Args:
        folder: searched with all its subfolders.
        probe: tells more fields of a file, such as its duration.

    Raises:
        DataError: no such folder, or no recording in it.
    """
    folder = Path(os.path.expanduser(folder)).absolute()
    if not os.path.isdir(folder):
        raise DataError(f"{folder} is no folder: give one that holds audio files")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES)
    if not paths:
        raise DataError(f"no audio files in {folder}: they are known by suffixes such as .wav")
    return [_described(path, probe(path) if probe else {}) for path in paths]


def write_manifest(path: str | os.PathLike[str], recordings: list[Recording]) -> None:
    """Write a manifest, whole or not at all."""
    write_lines(Path(path), ({"path": str(r.path), **r.fields} for r in recordings))


def _located(name: str, folder: Path) -> Path:
    """The file of a relative path: beside the manifest, or else in the working directory."""
    beside, here = folder / name, Path(name).absolute()
    only_here = os.path.exists(here) and not os.path.exists(beside)  # never raises
    return Path(os.path.normpath(here if only_here else beside))


def _described(path: Path, values: dict[str, Any]) -> Recording:
    """A recording with the fields of the ``.json`` beside it where ``values`` leave them open."""
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
