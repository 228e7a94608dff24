"""Chords as requests and manifests give them: a text, pairs, or the path of a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jasco.chords.files import CHORD_FILES
from jasco.chords.progression import ChordProgression
from jasco.errors import ChordError

OPTIONS = ("bpm", "time_signature", "key", "notation", "annotation")
"""What may be given beside chords to read them; see `ChordProgression.load`."""


def is_chord_file(chords: object) -> bool:
    """Whether a text is the path of a file of chords."""
    return isinstance(chords, str) and chords.strip().lower().endswith(CHORD_FILES)


def read_chords(
    chords: str | Iterable[tuple[str, float]],
    options: Mapping[str, Any],
    folder: Path = Path(),
) -> ChordProgression:
    """Read a progression.

    Args:
        chords: a text, pairs of name and onset (s), or the path of a file.
        options: those of `OPTIONS` that are given.
        folder: where relative paths start.

    Raises:
        ChordError: it cannot be read, or an option does not fit it.
    """
    given = {name: options[name] for name in OPTIONS if options.get(name) is not None}
    if isinstance(chords, str) and is_chord_file(chords):
        return ChordProgression.load(folder / chords.strip(), **given)
    if "annotation" in given:
        raise ChordError("annotation chooses one of a JAMS file: give the path of a .jams file")
    return ChordProgression.parse(chords, **given)
