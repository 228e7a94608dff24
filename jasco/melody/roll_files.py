"""Rolls from array files: NumPy's .npy and .npz, and the original's published tensors.

Sizes are read from the headers and checked before memory is allocated: a compressed file of 100 kB
can hold gigabytes of zeros.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jasco.errors import MelodyError
from jasco.melody.roll import MAX_COLUMNS, NUM_NOTES, check_shape

_MOST_BYTES = 2 * NUM_NOTES * MAX_COLUMNS * 8  # unpacked: a roll in float64, doubled for other data


def read_numpy(path: Path) -> tuple[np.ndarray, float | None]:
    """Roll and frame rate (Hz) of an .npy or .npz file.

    Raises:
        MelodyError: no roll, several, or one that is too large.
        OSError, ValueError, zipfile.BadZipFile: a file that is broken or holds objects.
    """
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            file.seek(0)
            return _read_array(file), None
    with zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        rolls = [name for name in names if name != "frame_rate"]
        if "roll" not in rolls and len(rolls) != 1:
            raise MelodyError(f"it holds {sorted(names)[:9]}, and none of them is called 'roll'")
        rate = None
        if "frame_rate" in names:
            with archive.open("frame_rate.npy") as member:
                rate = float(_read_array(member, roll=False))
        with archive.open("roll.npy" if "roll" in rolls else f"{rolls[0]}.npy") as member:
            return _read_array(member), rate


def _read_array(file: Any, *, roll: bool = True) -> np.ndarray:
    """Array of an open .npy file: a roll, or else a single number."""
    version = np.lib.format.read_magic(file)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        raise MelodyError(f"it is in version {version} of the format: save it with numpy.save")
    shape, is_fortran, dtype = read_header(file)
    if roll:
        check_shape(shape, most=MAX_COLUMNS)
    elif np.prod(shape, dtype=float) != 1:
        raise MelodyError(f"its frame_rate has the shape {shape}: give one number")
    if dtype.kind not in "biuf":
        raise MelodyError(f"it holds values of type {dtype}: give real numbers")
    size = int(np.prod(shape)) * dtype.itemsize
    data = file.read(size)
    if len(data) < size:
        raise MelodyError(f"it is cut off: {size} bytes are due and {len(data)} are there")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if is_fortran else "C")


def read_published(path: Path) -> torch.Tensor:
    """Roll (53, T) of a file with a tensor (T, 53), alone or as the only value of a mapping.

    Raises:
        MelodyError: another tensor or none, or one that is too large.
        Exception: an error of torch's reader for a broken file or one with other objects.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    else:
        size = path.stat().st_size
    if size > _MOST_BYTES:
        raise MelodyError(f"it unpacks to {size:,} bytes, and at most {_MOST_BYTES:,} are read")
    held = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(held, dict) and len(held) == 1:
        held = next(iter(held.values()))
    if not isinstance(held, torch.Tensor) or held.ndim != 2 or held.shape[1] != NUM_NOTES:
        shape = tuple(held.shape) if isinstance(held, torch.Tensor) else type(held).__name__
        raise MelodyError(f"it holds {shape}, not the published tensor (frames, {NUM_NOTES})")
    check_shape(tuple(held.T.shape), most=MAX_COLUMNS)
    return held.T
