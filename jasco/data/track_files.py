"""The file of one prepared track: tensors by name, and the signatures of the stages that made them.

`jasco.data.prepared` says which tensors there are.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from jasco.atomic import replacing
from jasco.errors import DataError, SettingError
from jasco.plain import parse_object

TRACKS = "tracks"
"""Folder of the files in a dataset."""

Signature = Mapping[str, Any]
"""A stage's version and what its result depends on, as plain JSON data."""


@dataclass(frozen=True)
class Header:
    """What a track's file says about itself.

    Attributes:
        id: SHA-256 of the audio file.
        duration: of the audio (s).
        num_frames: latent frames T; 0 where there are no latents yet.
        stages: signature of each stage whose tensors the file holds, by its name.
    """

    id: str
    duration: float
    num_frames: int
    stages: Mapping[str, Signature]


def track_file(id: str) -> str:
    """Place of a track's file in its dataset."""
    return f"{TRACKS}/{id}.safetensors"


def write_track(
    root: Path,
    id: str,
    duration: float,
    stages: Mapping[str, Signature],
    tensors: Mapping[str, Tensor],
) -> None:
    """Write a track's file, whole or not at all; the same values give the same bytes.

    Args:
        root: folder of the dataset; that of the tracks exists.
        id: SHA-256 of the audio file.
        duration: of the audio (s).
        stages: signature of each stage that made the tensors.
        tensors: all of them.

    Raises:
        DataError: it cannot be written.
    """
    facts = {"id": id, "duration": duration, "stages": stages}
    path = root / track_file(id)
    # One entry only: safetensors writes several in no particular order.
    metadata = {"jasco": json.dumps(facts, sort_keys=True)}
    try:
        with replacing(path) as part:
            save_file(dict(tensors), part, metadata=metadata)
    except (OSError, SafetensorError) as error:
        raise DataError(f"cannot write {path}: {error}") from error


def read_header(path: Path) -> Header:
    """The header of a track's file.

    Raises:
        DataError: the file is missing or broken, or no track's file.
    """
    with opened_track(path) as file:
        frames = file.get_slice("latents").get_shape()[0] if "latents" in file.keys() else 0
        facts = parse_object(file.metadata()["jasco"], f"the header of {path}", DataError)
        return Header(facts["id"], facts["duration"], frames, facts["stages"])


def read_tensors(path: Path, exclude: Container[str]) -> dict[str, Tensor]:
    """The tensors of a track's file, but for some names.

    Raises:
        DataError: the file is missing or broken.
    """
    with opened_track(path) as file:
        return {name: file.get_tensor(name) for name in file.keys() if name not in exclude}


@contextmanager
def opened_track(path: Path) -> Iterator[Any]:
    """The open file of a track, whose slices can be read.

    Raises:
        DataError: it is missing or broken, also where that shows only in reading on.
    """
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing: run jasco-prepare again to make it") from error
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, DataError | SettingError):
            raise
        raise DataError(
            f"{path} is broken or no file of a prepared track ({error}): remove it and run "
            "jasco-prepare again"
        ) from error
