"""Files that a request writes."""

from __future__ import annotations

from pathlib import Path

from jasco.errors import AudioError
from jasco.io.files import output_file
from jasco.pipeline.loops import STDOUT

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg")


def check_output(path: Path) -> None:
    """Refuse an output that cannot be written for a reason that shows beforehand.

    Raises:
        AudioError: another suffix, or a place that cannot be written to.
    """
    if path.suffix.lower() not in SUFFIXES:
        hint = ", or give --stream for the standard output" if str(path) == STDOUT else ""
        raise AudioError(
            f"cannot write {path}: the suffix must be one of {', '.join(SUFFIXES)}, "
            f"not {path.suffix!r}{hint}"
        )
    output_file(path, AudioError, companions=companions(path))


def companions(path: Path) -> list[Path]:
    """Files that may be written beside a take: its picture, and the recipe of a wav."""
    recipe = [path.with_suffix(".json")] if path.suffix.lower() == ".wav" else []
    return [picture_of(path), *recipe]


def picture_of(path: Path) -> Path:
    """Picture of the adherence report of a take: ``song.check.png`` for ``song.flac``."""
    return path.with_suffix(".check.png")
