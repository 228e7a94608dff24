"""Piano rolls (53, T): validation, and resampling to another frame rate.

Row r is the note MIDI 43 + r, so G2 to B6. Column i of a roll of rate r (Hz) is at the time
i / r (s).
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from jasco.errors import MelodyError

LOWEST_NOTE = 43
"""MIDI number of row 0, G2."""
NUM_NOTES = 53
"""Rows of a roll, G2 to B6."""
MAX_COLUMNS = 500_000
"""Most columns of a roll from notes or a file: 10,000 s at 50 Hz."""


def resample_salience(
    salience: torch.Tensor,
    from_rate: float,
    to_rate: float,
    num_frames: int,
    *,
    centred: bool = False,
) -> torch.Tensor:
    """Linear interpolation in time of salience (53, T) to (53, ``num_frames``).

    Columns are at i / rate, which is exact for centred transforms such as the HCQT. The last
    column lasts until T / ``from_rate``; after it there is silence.

    The original took 86 Hz for 22050 / 256 = 86.1328 Hz and column times (i + 1/2) / rate:
    ``from_rate=86, centred=True`` reproduces its matrices exactly.

    Args:
        salience: salience (53, T).
        from_rate: frame rate of the salience (Hz).
        to_rate: frame rate of the result (Hz).
        num_frames: columns of the result.
        centred: place columns at the middle of their time span instead of the beginning.
    """
    shift = 0.5 if centred else 0.0
    length = salience.shape[1]
    place = (torch.arange(num_frames, dtype=torch.float64) + shift) * from_rate / to_rate - shift
    # A rounding error of 1e-16 would add a note to a column that it only touches.
    place = place.round(decimals=9)
    below = place.floor().long().clamp(0, length - 1)
    above = (below + 1).clamp(max=length - 1)
    weight = (place - below).clamp(0, 1).to(salience.dtype)
    mixed = salience[:, below] * (1 - weight) + salience[:, above] * weight
    return torch.where(place + shift < length, mixed, torch.zeros_like(mixed))


def strongest(roll: torch.Tensor) -> torch.Tensor:
    """Row of the largest value of each column, (T,) int64; ties: the lowest; -1 for silence."""
    rows = roll.argmax(dim=0)
    return torch.where(roll.amax(dim=0) > 0, rows, torch.full_like(rows, -1))


def one_hot(rows: torch.Tensor) -> torch.Tensor:
    """One-hot columns, (53, T) float32; -1 gives an empty column."""
    return (torch.arange(NUM_NOTES)[:, None] == rows).float()


def checked_roll(array: Any) -> torch.Tensor:
    """Copy of a roll as (53, T) float32 on the CPU, or a `MelodyError`."""
    if not isinstance(array, torch.Tensor | np.ndarray | list | tuple):
        raise MelodyError(
            f"a {type(array).__name__} is no melody: give a Melody (Melody.load(path) reads a "
            f"file) or an array ({NUM_NOTES}, frames)"
        )
    if not isinstance(array, list | tuple):
        check_shape(tuple(array.shape))
    try:
        roll = _as_float32(array)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise MelodyError(f"the melody is no array of numbers: {reason}") from error
    check_shape(tuple(roll.shape))
    if not (torch.isfinite(roll).all() and (roll >= 0).all()):
        raise MelodyError("the melody holds negative values, NaN or infinity: give 0 for silence")
    return roll


def _as_float32(array: torch.Tensor | np.ndarray | Sequence[Any]) -> torch.Tensor:
    """Copy of real numbers as float32 on the CPU.

    Raises:
        TypeError, ValueError, OverflowError, RuntimeError: texts, complex numbers, rows of several
            lengths, a tensor without values.
    """
    if isinstance(array, torch.Tensor):
        if array.is_complex() or array.layout != torch.strided or array.is_quantized:
            raise TypeError(f"a tensor {array.dtype}, {array.layout}: give plain real numbers")
        return array.detach().cpu().to(torch.float32, copy=True)
    array = np.asarray(array)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"values of type {array.dtype}: give real numbers")
    with np.errstate(over="ignore"):  # values beyond float32 become infinity, which is refused
        return torch.from_numpy(np.array(array, dtype=np.float32))


def check_shape(shape: tuple[int, ...], *, most: float = math.inf) -> None:
    """Check a shape (53, T) with 1 to ``most`` columns, or raise a `MelodyError`."""
    if len(shape) != 2 or shape[0] != NUM_NOTES:
        advice = "transpose it" if len(shape) == 2 and shape[1] == NUM_NOTES else "one row a note"
        raise MelodyError(
            f"the melody has the shape {shape} and not ({NUM_NOTES}, frames), row 0 = MIDI "
            f"{LOWEST_NOTE} (G2): {advice}"
        )
    if shape[1] == 0:
        raise MelodyError("the melody has no columns (0 frames)")
    if shape[1] > most:
        raise MelodyError(
            f"the melody has {shape[1]:,} columns, and at most {most:,} are read: cut it, or write "
            "it with fewer frames a second"
        )


def checked_frame_rate(rate: Any) -> float:
    """Frame rate (Hz) as float, or a `MelodyError`."""
    try:
        number = float(rate) if isinstance(rate, numbers.Real) else math.nan
    except OverflowError:
        number = math.inf
    if not 0 < number < math.inf:
        raise MelodyError(f"{rate!r} is no frame rate: give a positive number of Hz")
    return number
