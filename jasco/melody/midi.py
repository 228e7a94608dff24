"""Reading and writing the notes of a melody as MIDI files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jasco.errors import MelodyError
from jasco.io.atomic import replacing
from jasco.io.files import output_file
from jasco.melody.midi_file import MidiFile, MidiSequence, MidiTrack, read_midi

_TICKS_PER_BEAT = 1000  # .5 ms each, at the default tempo of 120 beats per minute
_MOST_LISTED = 20

Note = tuple[int, float, float]
"""MIDI pitch, onset (s), offset (s)."""


@dataclass(frozen=True)
class _Part:
    """Pitched notes of a track, or of one channel of a track with several."""

    name: str
    channel: int | None
    notes: list[Note]
    sequence: int

    def __str__(self) -> str:
        return f"{self.name!r}" + (f" channel {self.channel}" if self.channel else "")


def read_notes(path: Path, track: int | str | None) -> tuple[list[Note], list[str]]:
    """Notes of all pitched tracks, or of one by index or name, and notices.

    The tracks of a type 2 file are independent: the first with notes is read.

    Raises:
        MelodyError: no such file, not a MIDI file, no such track, no notes.
    """
    file = read_midi(path)
    parts = [part for number, each in enumerate(file.sequences) for part in _parts(each, number)]
    notices = list(file.notices)
    if track is None:
        chosen = [part for part in parts if part.sequence == parts[0].sequence]
        if len(file.sequences) > 1 and parts:
            notices.append(
                f"the file is of type 2, {len(file.sequences)} sequences that do not sound "
                "together: the first with notes is taken; track= (--melody-track) chooses of "
                + _listed(parts)
            )
    elif isinstance(track, str):
        wanted = track.strip().lower()
        chosen = [part for part in parts if part.name.strip().lower() == wanted]
    else:
        chosen = [part for number, part in enumerate(parts) if number == track]
    notes = [note for part in chosen for note in part.notes]
    if not notes:
        asked = "" if track is None else f" in the track {track!r}"
        raise MelodyError(
            f"{path} has no notes{asked}; its pitched tracks are {_listed(parts) or 'none'}"
            + _drums(file)
        )
    return notes, notices


def _parts(sequence: MidiSequence, number: int) -> list[_Part]:
    return [
        _Part(
            track.name,
            None if channel is None or len(_channels(track)) == 1 else channel,
            [
                (note.key, note.onset, note.offset)
                for note in track.notes
                if (note.channel == channel if channel else note.channel not in track.drum_channels)
            ],
            number,
        )
        for track in sequence.tracks
        for channel in ([None] if track.has_channel_per_note else _channels(track))
    ]


def _channels(track: MidiTrack) -> list[int]:
    return sorted({note.channel for note in track.notes} - track.drum_channels)


def _listed(parts: list[_Part]) -> str:
    listed = [f"{number} {part}" for number, part in enumerate(parts[:_MOST_LISTED])]
    return ", ".join(listed) + (", ..." if len(parts) > _MOST_LISTED else "")


def _drums(file: MidiFile) -> str:
    tracks = [track for sequence in file.sequences for track in sequence.tracks]
    count = sum(note.channel in track.drum_channels for track in tracks for note in track.notes)
    return f" ({count} notes are drums)" if count else ""


def write_notes(path: Path, notes: Iterable[tuple[int, float, float]]) -> None:
    """Write notes as one piano track, atomically.

    Raises:
        MelodyError: the path cannot be written.
    """
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(resolution=_TICKS_PER_BEAT)
    piano = pretty_midi.Instrument(program=0, name="melody")
    piano.notes = [pretty_midi.Note(100, key, onset, offset) for key, onset, offset in notes]
    midi.instruments.append(piano)
    try:
        with replacing(output_file(path, MelodyError)) as part:
            midi.write(str(part))
    except OSError as error:
        raise MelodyError(f"cannot write {path}: {error.strerror}") from error
