"""Chords of requests and manifests: a text, pairs, or the path of a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jasco.chords.files import CHORD_FILES
from jasco.chords.progression import ChordProgression
from jasco.errors import ChordError

OPTIONS = ("bpm", "time_signature", "key", "notation", "annotation")
"""Options that apply to chords; see `ChordProgression.load`."""


def is_chord_file(chords: object) -> bool:
    """True for a text that is the path of a chord file."""
    return isinstance(chords, str) and chords.strip().lower().endswith(CHORD_FILES)


def read_chords(
    chords: str | Iterable[tuple[str, float]],
    options: Mapping[str, Any],
    folder: Path = Path(),
) -> ChordProgression:
    """Read a progression.

    Args:
        chords: a text, pairs of name and onset (s), or the path of a file.
        options: values of some of `OPTIONS`.
        folder: base of relative paths.

    Raises:
        ChordError: the chords cannot be read, or an option does not apply to them.
    """
    given = {name: options[name] for name in OPTIONS if options.get(name) is not None}
    if isinstance(chords, str) and is_chord_file(chords):
        return ChordProgression.load(folder / chords.strip(), **given)
    if "annotation" in given:
        raise ChordError("annotation chooses one of a JAMS file: give the path of a .jams file")
    return ChordProgression.parse(chords, **given)
