"""The file of one prepared track: tensors by name, and the signatures of the stages that made them.

`jasco.data.prepared` says which tensors there are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from jasco.errors import DataError, SettingError
from jasco.io.atomic import replacing
from jasco.io.files import regular_file
from jasco.io.plain import parse_object

TRACKS = "tracks"
"""Folder of the files in a dataset."""

MAX_DURATION = 30 * 86_400.0
"""Longest audio of a track (s), a month."""

WHOLE = ("I8", "I16", "I32", "I64", "U8")
FLOATS = ("F16", "BF16", "F32", "F64")
"""Types of tensors as safetensors names them."""

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
        shape = file.get_slice("latents").get_shape() if "latents" in file.keys() else [0]
        text = (file.metadata() or {}).get("jasco")
        if text is None:
            raise DataError(f"{path} is no file of a prepared track: its header says nothing")
        facts = parse_object(text, f"the header of {path}", DataError)
        id, duration, stages = (facts.get(key) for key in ("id", "duration", "stages"))
        if (
            not isinstance(id, str)
            or not isinstance(duration, int | float)
            or not is_duration(duration)
            or not isinstance(stages, dict)
            or not all(isinstance(signature, dict) for signature in stages.values())
        ):
            raise DataError(f"the header of {path} describes no track: run jasco-prepare again")
        return Header(id, duration, shape[0] if shape else 0, stages)


def read_tensors(path: Path, exclude: Container[str]) -> dict[str, Tensor]:
    """The tensors of a track's file, but for some names.

    Raises:
        DataError: the file is missing or broken.
    """
    with opened_track(path) as file:
        return {name: file.get_tensor(name) for name in file.keys() if name not in exclude}


def is_duration(value: object) -> bool:
    """Whether plain data is a length of audio (s): finite, and not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= MAX_DURATION  # not NaN


def read_rows(file: Any, name: str, rows: slice, total: int) -> Tensor:
    """Rows of a tensor of whole numbers (T,), one a latent frame.

    Args:
        file: an open track.
        name: of the tensor.
        rows: frames to read.
        total: frames T of the track.

    Raises:
        ValueError: the tensor has another shape or type.
    """
    stored = file.get_slice(name)
    if stored.get_shape() != [total] or stored.get_dtype() not in WHOLE:
        raise ValueError(
            f"{name} is {stored.get_dtype()} {stored.get_shape()}, not [{total}] whole numbers"
        )
    found: Tensor = stored[rows]
    return found


def read_chords(file: Any, most: int) -> tuple[Tensor, Tensor]:
    """Onsets (n,) float64 in s, ascending, and indices (n,) below ``most`` of a track's chords.

    Raises:
        ValueError: the tensors have other shapes, types or values.
    """
    shapes = [file.get_slice(name) for name in ("chord_onsets", "chord_names")]
    if shapes[1].get_dtype() not in WHOLE or shapes[0].get_dtype() not in FLOATS:
        raise ValueError("chord_onsets are no numbers of seconds, or chord_names no indices")
    if len(shapes[0].get_shape()) != 1 or shapes[0].get_shape() != shapes[1].get_shape():
        raise ValueError("chord_onsets and chord_names are not of one length")
    onsets, names = file.get_tensor("chord_onsets").double(), file.get_tensor("chord_names").long()
    if not len(onsets):
        return onsets, names
    steps = onsets.diff()
    if not bool(onsets.isfinite().all()) or onsets[0] < 0 or bool((steps < 0).any()):
        raise ValueError("chord_onsets are not ascending numbers of seconds")
    if not 0 <= int(names.min()) <= int(names.max()) < most:
        raise ValueError(f"chord_names lie from 0 to {most - 1}, not beyond")
    return onsets, names


@contextmanager
def opened_track(path: Path) -> Iterator[Any]:
    """The open file of a track, whose slices can be read.

    Raises:
        DataError: it is missing or broken, also where that shows only in reading on.
    """
    try:
        if os.path.exists(path):
            regular_file(path, DataError)
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing: run jasco-prepare again to make it") from error
    except (OSError, SafetensorError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, DataError | SettingError):
            raise
        raise DataError(
            f"{path} is broken or no file of a prepared track ({error}): remove it and run "
            "jasco-prepare again"
        ) from error
