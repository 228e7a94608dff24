"""`Melody`: piano roll with its frame rate, read from and written to arrays, notes and files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from jasco.errors import MelodyError, MissingPartError
from jasco.io.files import regular_file
from jasco.io.kinds import CHORDS, MATRIX, MIDI, RECORDING, kind_of
from jasco.io.plain import read_json
from jasco.melody.midi import read_notes, write_notes
from jasco.melody.notes import MAX_NOTES, note_name, notes_of_rows, rows_of_notes
from jasco.melody.roll import (
    LOWEST_NOTE,
    NUM_NOTES,
    checked_frame_rate,
    checked_roll,
    one_hot,
    resample_salience,
    strongest,
)
from jasco.melody.roll_files import read_numpy, read_published
from jasco.melody.storage import StoredMelody

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PUBLISHED_FRAME_RATE = 50.0
"""Frame rate (Hz) of the original's published rolls, and of rolls made from notes."""

_WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


@dataclass(frozen=True, eq=False)
class Melody(StoredMelody):
    """Piano roll, of which the strongest note of each column is used.

    Melodies with equal rolls and frame rates are equal.

    Attributes:
        roll: (53, T) float32, row r = MIDI 43 + r; 0 for silence, else the salience (1 for
            a note without one).
        frame_rate: columns per second (Hz), with column i at i / ``frame_rate``; ``None`` for one
            column per latent frame of the model, whose number has to match exactly.
        notices: changes made while reading, such as notes moved by octaves and dropped notes.
        restrikes: columns in which the sounding note is struck again. `notes` begins a note there;
            models do not receive it, because a roll has no onsets.

    Raises:
        MelodyError: a roll of another shape, without columns, negative or not finite, or a restrike
            in a column that the roll does not have.
    """

    roll: torch.Tensor
    frame_rate: float | None = None
    notices: tuple[str, ...] = ()
    restrikes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "roll", checked_roll(self.roll))
        if self.frame_rate is not None:
            object.__setattr__(self, "frame_rate", checked_frame_rate(self.frame_rate))
        if any(not 0 < at < self.roll.shape[1] for at in self.restrikes):
            raise MelodyError(
                f"a note is struck again in a column from 1 to {self.roll.shape[1] - 1}, not beyond"
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Melody):
            return NotImplemented
        return self.frame_rate == other.frame_rate and torch.equal(self.roll, other.roll)

    @classmethod
    def from_array(cls, array: Any, frame_rate: float | None = None) -> Melody:
        """Melody of an array (53, T) of zeros and ones, or of saliences.

        Raises:
            MelodyError: see `Melody`.
        """
        roll = checked_roll(array)
        several = int(((roll > 0).sum(dim=0) > 1).sum())
        notice = f"{several} columns hold several notes: the strongest, else the lowest, counts"
        return cls(roll, frame_rate, (notice,) if several else ())

    @classmethod
    def from_rows(cls, rows: Any, frame_rate: float | None = None) -> Melody:
        """Melody of the row of each column (T,), -1 for silence: the inverse of `rows`.

        Raises:
            MelodyError: not one row from -1 to 52 for each column.
        """
        try:
            rows = torch.as_tensor(rows).cpu()
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            raise MelodyError(f"rows are no array of whole numbers: {reason}") from error
        if rows.ndim != 1 or rows.dtype not in _WHOLE:
            raise MelodyError(f"rows of shape {tuple(rows.shape)}, {rows.dtype}: give whole (T,)")
        if len(rows) and not -1 <= int(rows.min()) <= int(rows.max()) < NUM_NOTES:
            raise MelodyError(f"rows lie from -1 (silence) to {NUM_NOTES - 1}, not beyond")
        return cls(one_hot(rows.long()), frame_rate)

    @classmethod
    def from_salience(cls, matrix: Any, frame_rate: float, *, threshold: float = 0.5) -> Melody:
        """Melody of a salience matrix (53, T), in which values below ``threshold`` are silence.

        Raises:
            MelodyError: see `Melody`.
        """
        roll = checked_roll(matrix)
        return cls(torch.where(roll < threshold, torch.zeros_like(roll), roll), frame_rate)

    @classmethod
    def from_notes(
        cls,
        notes: Iterable[Sequence[float]],
        *,
        frame_rate: float = PUBLISHED_FRAME_RATE,
        duration: float | None = None,
    ) -> Melody:
        """Melody of notes (MIDI pitch, onset in s, offset in s) in any order.

        The highest of simultaneous notes is used, and notes outside G2 to B6 are moved into that
        range by octaves. Times are rounded to columns, and a note lasts at least one.

        Args:
            notes: the notes; pitches are rounded to keys.
            frame_rate: frame rate of the roll (Hz).
            duration: length of the roll (s); by default to the end of the last note.

        Raises:
            MelodyError: no notes, or an invalid one.
        """
        rate = checked_frame_rate(frame_rate)
        try:
            notes = list(islice(notes, MAX_NOTES + 1))
        except TypeError as error:
            raise MelodyError(
                f"a {type(notes).__name__} is no list of notes (pitch, onset in s, offset in s)"
            ) from error
        found = rows_of_notes(notes, rate, duration)
        return cls(one_hot(found.rows), rate, tuple(found.notices), found.restrikes)

    @classmethod
    def from_midi(
        cls,
        path: str | os.PathLike[str],
        *,
        frame_rate: float = PUBLISHED_FRAME_RATE,
        track: int | str | None = None,
    ) -> Melody:
        """Melody of a MIDI file: the highest note of all its pitched tracks, or of one.

        Tempo changes of all tracks apply. A note-off ends the oldest strike of its key, and the
        sustain pedal holds notes. Channel 10 is drums and ignored, unless each note has a channel
        of its own (MPE). Pitch bends are ignored. The `notices` list repaired errors of the file.
        See `from_notes` for the conversion of notes.

        Args:
            path: path of the file.
            frame_rate: frame rate of the roll (Hz).
            track: index among the pitched tracks (from 0), or name of one. Each channel of a track
                with several counts as a track; a type 2 file has those of all sequences.

        Raises:
            MelodyError: no such file, not a MIDI file, no such track, no notes.
        """
        notes, notices = read_notes(regular_file(path, MelodyError), track)
        try:
            melody = cls.from_notes(notes, frame_rate=frame_rate)
        except MelodyError as error:
            raise MelodyError(f"{os.fspath(path)}: {error}") from error
        return replace(melody, notices=(*notices, *melody.notices))

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, track: int | str | None = None) -> Melody:
        """Melody of a file, in the format of its suffix.

        ==============  ==========================================================================
        .mid .midi      MIDI, also karaoke (.kar) and in a RIFF wrapper (.rmi): see `from_midi`
        .json           list of notes [MIDI pitch, onset in s, offset in s]
        .npy            (53, T), one column for each latent frame
        .npz            the same, as the only array or as ``roll``; a ``frame_rate`` (Hz) is read
        .th .pt         tensor of the original's format: (T, 53) at 50 Hz
        ==============  ==========================================================================

        Rolls have at most 500,000 columns: 10,000 s at 50 Hz.

        Args:
            path: path of the file.
            track: track of a MIDI file, see `from_midi`.

        Raises:
            MelodyError: another suffix, a missing or invalid file, or a track of a file that is
                not MIDI.
        """
        path = regular_file(path, MelodyError)
        suffix, kind = path.suffix.lower(), kind_of(path)
        if kind == MIDI:
            return cls.from_midi(path, track=track)
        if kind != MATRIX and suffix != ".json":
            raise MelodyError(f"cannot read a melody from {path}: {_advice(kind)}")
        if track is not None:
            raise MelodyError(
                f"track {track!r} is one of a MIDI file, and {path} is none: leave it"
            )
        if suffix == ".json":
            notes = read_json(path, MelodyError)
            try:
                return cls.from_notes(notes)
            except MelodyError as error:
                raise MelodyError(f"{path}: {error}") from error
        try:
            if suffix in (".npy", ".npz"):
                return cls.from_array(*read_numpy(path))
            return cls.from_array(read_published(path), PUBLISHED_FRAME_RATE)
        except MelodyError as error:
            raise MelodyError(f"{path}: {error}") from error
        except Exception as error:  # parsers raise many types for broken files
            raise MelodyError(
                f"{path} is no {suffix} file that holds a melody ({type(error).__name__})"
            ) from error

    def crop(self, start: float, length: float | None = None) -> Melody:
        """Slice from ``start`` (s) to the end, or of ``length`` (s), rounded to columns.

        Raises:
            MelodyError: the melody has no frame rate, or ends before ``start``.
        """
        if self.frame_rate is None:
            raise MelodyError(
                "a melody without a frame rate has no seconds, so it cannot begin later: give its "
                "rate with Melody.from_array(x, frame_rate=...)"
            )
        lasts = self.roll.shape[1] / self.frame_rate
        if not 0 <= start < lasts:
            raise MelodyError(
                f"the melody lasts {lasts:.2f} s: begin at 0 s or later and before its end, not at "
                f"{start:g} s"
            )
        first = min(round(start * self.frame_rate), self.roll.shape[1] - 1)
        stop = None if length is None else first + max(1, round(length * self.frame_rate))
        roll = self.roll[:, first:stop]
        restrikes = tuple(at - first for at in self.restrikes if first < at < first + roll.shape[1])
        return replace(self, roll=roll, restrikes=restrikes)

    def frames(self, num_frames: int, frame_rate: float) -> torch.Tensor:
        """Input of the model: one-hot (53, ``num_frames``) float32.

        Linear interpolation in time to ``frame_rate`` (Hz), then the strongest note of each column.
        Columns after the end of the melody are zero, the model's null.

        Raises:
            MelodyError: the melody has no frame rate and another number of columns.
        """
        columns = self.roll.shape[1]
        if self.frame_rate is None and columns != num_frames:
            raise MelodyError(
                f"the melody has {columns} columns and the clip {num_frames} frames: to have it "
                "fitted, give its rate with Melody.from_array(x, frame_rate=...)"
            )
        rate = self.frame_rate or frame_rate
        return one_hot(strongest(resample_salience(self.roll, rate, frame_rate, num_frames)))

    def notice(self, num_frames: int, frame_rate: float) -> str | None:
        """Notice where `frames` cuts or pads the melody; ``None`` if the length fits."""
        if self.frame_rate is None:
            return None
        lasts, wanted = self.roll.shape[1] / self.frame_rate, num_frames / frame_rate
        if abs(lasts - wanted) * frame_rate < 1 - 1e-6:
            return None
        action = "its end is cut" if lasts > wanted else "the rest has no melody"
        return f"it lasts {lasts:.2f} s and the clip {wanted:.2f} s: {action}"

    def rows(self) -> torch.Tensor:
        """Strongest row of each column, (T,) int64; -1 for silence."""
        return strongest(self.roll)

    def notes(self) -> tuple[tuple[int, float, float], ...]:
        """Notes (MIDI pitch, onset in s, offset in s), one for each run of columns or restrike.

        Raises:
            MelodyError: the melody has no frame rate.
        """
        if self.frame_rate is None:
            raise MelodyError(
                "a melody without a frame rate has no seconds: give one with "
                "Melody.from_array(x, frame_rate=...)"
            )
        return notes_of_rows(self.rows(), self.restrikes, self.frame_rate)

    def to_midi(self, path: str | os.PathLike[str]) -> Path:
        """Write the notes as a MIDI file of one piano track, without silence at the end.

        Raises:
            MelodyError: no frame rate, no notes, or a path that cannot be written.
        """
        notes = self.notes()
        if not notes:
            raise MelodyError(f"cannot write {path}: the melody is silent")
        write_notes(Path(path), notes)
        return Path(path)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the roll: time (s; frames without a rate) against note names.

        Args:
            ax: axes to draw on; by default of a new figure.

        Raises:
            MissingPartError: matplotlib is not installed.
        """
        try:
            from matplotlib import pyplot
        except ImportError as error:
            raise MissingPartError("plots need matplotlib: pip install 'jasco[plot]'") from error

        ax = ax or pyplot.subplots(figsize=(8, 3))[1]
        width, stop = self.roll.shape[1] / (self.frame_rate or 1), LOWEST_NOTE + NUM_NOTES
        extent = (0, width, LOWEST_NOTE - 0.5, stop - 0.5)
        ax.imshow(self.roll.numpy(), "Greys", origin="lower", aspect="auto", extent=extent)
        keys = [key for key in range(LOWEST_NOTE, stop) if key % 12 in (0, 7)]  # every C and G
        ax.set_yticks(keys, [note_name(key) for key in keys])
        ax.set_xlabel("time (s)" if self.frame_rate else "frame")
        return ax


def _advice(kind: str | None) -> str:
    if kind == RECORDING:
        return "it is a recording, whose melody extract_melody (--melody-from) takes: give .mid"
    if kind == CHORDS:
        return "it holds chords, which chords= (--chords) takes: give .mid"
    return "give .mid, .midi, .kar, .rmi, .json, .npy, .npz, .th or .pt"
