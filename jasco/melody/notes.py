"""Conversion of notes (MIDI pitch, onset in s, offset in s) to a piano roll and back."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from jasco.errors import MelodyError
from jasco.melody.roll import LOWEST_NOTE, MAX_COLUMNS, NUM_NOTES

MAX_NOTES = 100_000
"""Most notes of a melody."""

_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def note_name(key: int) -> str:
    """Name of a MIDI note; 60 is C4."""
    return f"{_NAMES[key % 12]}{key // 12 - 1}"


class Rows(NamedTuple):
    """Rows of a piano roll.

    Attributes:
        rows: row of each column (T,), -1 for silence.
        restrikes: columns in which the sounding note is struck again.
        notices: notices about dropped and moved notes.
    """

    rows: torch.Tensor
    restrikes: tuple[int, ...]
    notices: list[str]


def rows_of_notes(
    notes: Collection[Sequence[float]], frame_rate: float, duration: float | None
) -> Rows:
    """Rows of the highest of simultaneous notes.

    Notes are moved by octaves into the rows only after the highest is chosen, so that a bass note
    below G2 never becomes the melody. Times are rounded to columns.

    Raises:
        MelodyError: no notes, an invalid one, more than `MAX_NOTES`, or more than `MAX_COLUMNS`
            columns.
    """
    if len(notes) > MAX_NOTES:
        raise MelodyError(f"a melody of more than {MAX_NOTES:,} notes, the most that are read")
    checked = np.array([_checked_note(note) for note in notes])
    if not len(checked):
        raise MelodyError("a melody needs at least one note, and none was given")
    if duration is not None and not 0 < duration < math.inf:
        raise MelodyError(f"a melody of {duration} s was asked for: give a positive duration")
    end = float(checked[:, 2].max()) if duration is None else duration
    if end * frame_rate > MAX_COLUMNS:
        raise MelodyError(
            f"the melody lasts {end:g} s, and at {frame_rate:g} Hz at most "
            f"{MAX_COLUMNS / frame_rate:,.0f} s ({MAX_COLUMNS:,} columns) are read: cut it"
        )
    pitches = checked[:, 0].astype(int)
    # Onsets after the end are clipped to it, however late they are.
    last = MAX_COLUMNS + 1
    with np.errstate(over="ignore"):
        starts = _nearest(checked[:, 1] * frame_rate).clip(max=last).astype(int)
        stops = _nearest(checked[:, 2] * frame_rate).clip(max=last + 1).astype(int)
    stops = np.maximum(stops, starts + 1)
    length = int(stops.max()) if duration is None else max(int(_nearest(duration * frame_rate)), 1)
    within = starts < length
    keys, cut, covered = _highest(pitches[within], starts[within], stops[within], length)
    notices = []
    if cut:
        notices.append(
            f"{cut} of {len(checked)} notes overlap higher ones, which are used instead "
            f"({covered} are covered wholly)"
        )
    if beyond := int((~within).sum()):
        notices.append(f"{beyond} of {len(checked)} notes begin after the end at {duration:g} s")
    folded = _fold(keys)
    moved = np.unique(np.stack([keys, folded])[:, keys != folded], axis=1).T.tolist()
    if moved:
        names = ", ".join(f"{note_name(a)} to {note_name(b)}" for a, b in moved)
        notices.append(f"notes outside G2 to B6 are moved by octaves: {names}")
    rows = np.where(folded < 0, -1, folded - LOWEST_NOTE)
    struck = starts[within][keys[starts[within]] == pitches[within]]
    restrikes = [at for at in np.unique(struck).tolist() if at and rows[at - 1] == rows[at]]
    return Rows(torch.from_numpy(rows), tuple(restrikes), notices)


def _highest(
    pitches: np.ndarray, starts: np.ndarray, stops: np.ndarray, length: int
) -> tuple[np.ndarray, int, int]:
    """Highest key of each column (T,), and the numbers of partly and of wholly covered notes.

    Notes of one key are merged, so the time is linear in notes plus columns.
    """
    keys = np.full(length, -1)
    stops = stops.clip(max=length)
    present = np.unique(pitches)
    for key in present:
        edges = np.zeros(length + 1, int)
        np.add.at(edges, starts[pitches == key], 1)
        np.add.at(edges, stops[pitches == key], -1)
        keys[np.cumsum(edges[:-1]) > 0] = key
    cut = covered = 0
    for key in present:
        sounding = np.concatenate([[0], np.cumsum(keys == key)])
        first, stop = starts[pitches == key], stops[pitches == key]
        columns = sounding[stop] - sounding[first]
        cut += int((columns < stop - first).sum())
        covered += int((columns == 0).sum())
    return keys, cut, covered


def notes_of_rows(
    rows: torch.Tensor, restrikes: Iterable[int], frame_rate: float
) -> tuple[tuple[int, float, float], ...]:
    """Note of each run of equal rows (T,), split at its restrikes."""
    outside = rows.new_tensor([-2])
    edges = torch.diff(rows, prepend=outside, append=outside).nonzero()[:, 0].tolist()
    edges = sorted({*edges, *restrikes})
    return tuple(
        (LOWEST_NOTE + int(rows[first]), first / frame_rate, stop / frame_rate)
        for first, stop in zip(edges[:-1], edges[1:], strict=True)
        if rows[first] >= 0
    )


def _fold(keys: np.ndarray) -> np.ndarray:
    """MIDI keys moved by octaves into the range of the rows; -1 stays."""
    highest = LOWEST_NOTE + NUM_NOTES - 1
    up = np.ceil((LOWEST_NOTE - keys).clip(min=0) / 12).astype(int)
    down = np.ceil((keys - highest).clip(min=0) / 12).astype(int)
    return np.where(keys < 0, -1, keys + 12 * (up - down))


def _nearest(columns: np.ndarray | float) -> np.ndarray:
    return np.floor(np.asarray(columns) + 0.5)


def _checked_note(note: Sequence[float]) -> tuple[int, float, float]:
    try:
        pitch, onset, offset = (float(value) for value in note)
    except (TypeError, ValueError, OverflowError) as error:
        raise MelodyError(
            f"{reprlib.repr(note)} is no note: give (MIDI pitch, onset in s, offset in s)"
        ) from error
    if not (0 <= pitch <= 127 and 0 <= onset < offset < math.inf):
        raise MelodyError(
            f"{reprlib.repr(note)} is no note: the pitch is a MIDI number from 0 to 127, and the "
            "onset lies at or after 0 s and before the offset"
        )
    return math.floor(pitch + 0.5), onset, offset
