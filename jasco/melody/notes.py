"""Notes (MIDI pitch, onset in s, offset in s) and their way into a piano roll and back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch

from jasco.errors import MelodyError
from jasco.melody.roll import LOWEST_NOTE, NUM_NOTES

_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def note_name(key: int) -> str:
    """Name of a MIDI note; 60 is C4."""
    return f"{_NAMES[key % 12]}{key // 12 - 1}"


def rows_of_notes(
    notes: Iterable[Sequence[float]], frame_rate: float, duration: float | None
) -> tuple[torch.Tensor, list[str]]:
    """Rows (T,), -1 for silence, and a report of what had to give way.

    The highest of the notes that sound at once is heard, and folded by octaves into the rows only
    then, so that a bass note below G2 never becomes the melody. Times go to the nearest column.

    Raises:
        MelodyError: no notes, or one that is none.
    """
    checked = sorted(_checked_note(note) for note in notes)
    if not checked:
        raise MelodyError("a melody needs at least one note, and none was given")
    if duration is not None and not 0 < duration < math.inf:
        raise MelodyError(f"a melody of {duration} s was asked for: give a positive duration")
    spans = []
    for key, onset, offset in checked:
        first = _nearest(onset * frame_rate)
        spans.append((key, slice(first, max(_nearest(offset * frame_rate), first + 1))))
    last = max(place.stop for _, place in spans)
    keys = np.full(last if duration is None else max(_nearest(duration * frame_rate), 1), -1)
    for key, place in spans:  # rising, so that higher notes overwrite
        keys[place] = key
    report = []
    covered = [key not in keys[place] for key, place in spans if place.start < len(keys)]
    cut = sum(bool((keys[place] != key).any()) for key, place in spans)
    if cut:
        report.append(
            f"{cut} of {len(spans)} notes overlap higher ones, which are heard instead "
            f"({sum(covered)} are covered wholly)"
        )
    if beyond := len(spans) - len(covered):
        report.append(f"{beyond} of {len(spans)} notes begin after the end at {duration:g} s")
    folded = _fold(keys)
    moved = sorted({(int(a), int(b)) for a, b in zip(keys, folded, strict=True) if a != b})
    if moved:
        names = ", ".join(f"{note_name(a)} to {note_name(b)}" for a, b in moved)
        report.append(f"notes outside G2 to B6 are moved by octaves: {names}")
    return torch.from_numpy(np.where(folded < 0, -1, folded - LOWEST_NOTE)), report


def notes_of_rows(rows: torch.Tensor, frame_rate: float) -> tuple[tuple[int, float, float], ...]:
    """One note for each run of equal rows (T,)."""
    outside = rows.new_tensor([-2])
    edges = torch.diff(rows, prepend=outside, append=outside).nonzero()[:, 0].tolist()
    return tuple(
        (LOWEST_NOTE + int(rows[first]), first / frame_rate, stop / frame_rate)
        for first, stop in zip(edges[:-1], edges[1:], strict=True)
        if rows[first] >= 0
    )


def _fold(keys: np.ndarray) -> np.ndarray:
    """MIDI keys moved by octaves into the rows; -1 stays."""
    highest = LOWEST_NOTE + NUM_NOTES - 1
    up = np.ceil((LOWEST_NOTE - keys).clip(min=0) / 12).astype(int)
    down = np.ceil((keys - highest).clip(min=0) / 12).astype(int)
    return np.where(keys < 0, -1, keys + 12 * (up - down))


def _nearest(column: float) -> int:
    """The nearest column, the later of two equally near."""
    return math.floor(column + 0.5)


def _checked_note(note: Sequence[float]) -> tuple[int, float, float]:
    try:
        pitch, onset, offset = (float(value) for value in note)
    except (TypeError, ValueError) as error:
        raise MelodyError(
            f"{note!r} is no note: give (MIDI pitch, onset in s, offset in s)"
        ) from error
    if not (0 <= pitch <= 127 and 0 <= onset < offset < math.inf):
        raise MelodyError(
            f"{note!r} is no note: the pitch is a MIDI number from 0 to 127, and the onset lies at "
            "or after 0 s and before the offset"
        )
    return _nearest(pitch), onset, offset
