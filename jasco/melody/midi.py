"""Notes from MIDI files and into them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path

from jasco.atomic import replacing
from jasco.errors import MelodyError

_TICKS_PER_BEAT = 1000  # half a millisecond each, at the 120 beats a minute of a file without tempo


def read_notes(path: Path, track: int | str | None) -> list[tuple[int, float, float]]:
    """Notes of all pitched tracks, or of one by number or name; drum tracks are left out.

    Raises:
        MelodyError: no such file, not a MIDI file, no such track, no notes.
    """
    import pretty_midi  # takes a third of a second

    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tempo changes outside the first track
            midi = pretty_midi.PrettyMIDI(file)
    except OSError as error:
        reason = error.strerror or f"it is no MIDI file, or a broken one ({error})"
        raise MelodyError(f"cannot read {path}: {reason}") from error
    except Exception as error:  # the parser raises whatever a broken byte leads to
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise MelodyError(f"{path} is no MIDI file, or a broken one ({reason})") from error
    tracks = [instrument for instrument in midi.instruments if not instrument.is_drum]
    if track is None:
        chosen = tracks
    elif isinstance(track, str):
        chosen = [t for t in tracks if t.name.strip().lower() == track.strip().lower()]
    else:
        chosen = [t for number, t in enumerate(tracks) if number == track]
    notes = [(n.pitch, n.start, n.end) for t in chosen for n in t.notes if n.end > n.start]
    if not notes:
        listed = [f"{number} {t.name!r}" for number, t in enumerate(tracks)]
        asked = "" if track is None else f" in the track {track!r}"
        raise MelodyError(
            f"{path} has no notes{asked}; its pitched tracks are {', '.join(listed) or 'none'}"
        )
    return notes


def write_notes(path: Path, notes: Iterable[tuple[int, float, float]]) -> None:
    """Write notes as one piano track, whole or not at all.

    Raises:
        MelodyError: the place cannot be written.
    """
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(resolution=_TICKS_PER_BEAT)
    piano = pretty_midi.Instrument(program=0, name="melody")
    piano.notes = [pretty_midi.Note(100, key, onset, offset) for key, onset, offset in notes]
    midi.instruments.append(piano)
    try:
        with replacing(path) as part:
            midi.write(str(part))
    except OSError as error:
        raise MelodyError(f"cannot write {path}: {error.strerror}") from error
