"""File of a prepared track: tensors by name, and the signatures of their stages."""

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

from jasco.control_value import Span
from jasco.errors import DataError, SettingError
from jasco.io.atomic import replacing
from jasco.io.files import regular_file
from jasco.io.plain import parse_object

TRACKS = "tracks"
"""Folder of the track files in a dataset."""

MAX_DURATION = 30 * 86_400.0
"""Longest audio of a track (s), a month."""

WHOLE = ("I8", "I16", "I32", "I64", "U8")
FLOATS = ("F16", "BF16", "F32", "F64")
"""Types of tensors as safetensors names them."""

Signature = Mapping[str, Any]
"""Version and dependencies of a stage, as plain JSON data."""


@dataclass(frozen=True)
class Header:
    """Header of a track file.

    Attributes:
        id: SHA-256 of the audio file.
        duration: length of the audio (s).
        num_frames: latent frames T; 0 without latents.
        stages: signature of each stage with tensors in the file, by name.
    """

    id: str
    duration: float
    num_frames: int
    stages: Mapping[str, Signature]


def track_file(id: str) -> str:
    """Path of a track file in its dataset."""
    return f"{TRACKS}/{id}.safetensors"


def write_track(
    root: Path,
    id: str,
    duration: float,
    stages: Mapping[str, Signature],
    tensors: Mapping[str, Tensor],
) -> None:
    """Write a track file atomically; equal values give equal bytes.

    Args:
        root: folder of the dataset, with its folder of tracks.
        id: SHA-256 of the audio file.
        duration: length of the audio (s).
        stages: signature of each stage with tensors.
        tensors: tensors of all stages.

    Raises:
        DataError: the file cannot be written.
    """
    facts = {"id": id, "duration": duration, "stages": stages}
    path = root / track_file(id)
    # One entry only, because safetensors writes several in random order.
    metadata = {"jasco": json.dumps(facts, sort_keys=True)}
    try:
        with replacing(path) as part:
            save_file(dict(tensors), part, metadata=metadata)
    except (OSError, SafetensorError) as error:
        raise DataError(f"cannot write {path}: {error}") from error


def read_header(path: Path) -> Header:
    """Read the header of a track file.

    Raises:
        DataError: the file is missing or broken, or not a track file.
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


def find_header(path: Path) -> Header | None:
    """Header of a track's file; ``None`` where the file is missing or broken."""
    try:
        return read_header(path) if path.is_file() else None
    except DataError:
        return None


def read_tensors(path: Path, exclude: Container[str]) -> dict[str, Tensor]:
    """Read the tensors of a track file but some names.

    Raises:
        DataError: the file is missing or broken.
    """
    with opened_track(path) as file:
        return {name: file.get_tensor(name) for name in file.keys() if name not in exclude}


def is_duration(value: object) -> bool:
    """True for a length of audio (s): from 0 to `MAX_DURATION`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= MAX_DURATION  # not NaN


@dataclass(frozen=True, eq=False)
class TrackFile:
    """Open file of a track, as `jasco.control_value.ControlValue.unpack` reads it.

    Args:
        file: file from `safe_open`.
    """

    file: Any

    def tensor(self, name: str) -> Tensor:
        """Whole tensor."""
        found: Tensor = self.file.get_tensor(name)
        return found

    def rows(self, name: str, span: Span, *, floats: bool = False) -> Tensor:
        """Rows of a tensor with one row per latent frame.

        Args:
            name: name of the tensor.
            span: frames to read.
            floats: the rows are floating-point numbers (T, ...), not whole ones (T,).

        Raises:
            ValueError: the tensor has another shape or type.
        """
        stored = self.file.get_slice(name)
        shape, dtype = stored.get_shape(), stored.get_dtype()
        fits = shape[:1] == [span.total] if floats else shape == [span.total]
        if not fits or dtype not in (FLOATS if floats else WHOLE):
            kind = "floating-point" if floats else "whole"
            raise ValueError(f"{name} is {dtype} {shape}, not [{span.total}] {kind} numbers")
        found: Tensor = stored[span.start : span.stop]
        return found


@contextmanager
def opened_track(path: Path) -> Iterator[Any]:
    """Open a track file.

    Raises:
        DataError: the file is missing or broken, also where a later read fails.
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
