"""Places of sessions: their kinds, the files that they write, and whether these can be written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from jasco.errors import SettingError
from jasco.io.files import output_file

MIX = "mix"
"""Name of the audio of the take."""
FOLDER, DAWPROJECT, REAPER = "folder", ".dawproject", ".rpp"


def session_kind(path: str | os.PathLike[str]) -> str:
    """`FOLDER`, `DAWPROJECT` or `REAPER` by the name of a path.

    Raises:
        SettingError: another suffix.
    """
    suffix = Path(path).suffix.lower()
    if suffix in (DAWPROJECT, REAPER):
        return suffix
    if suffix:
        raise SettingError(
            f"cannot write the session {path}: give a folder, or a file .dawproject or .rpp, not "
            f"{suffix}"
        )
    return FOLDER


def check_session(path: str | os.PathLike[str], names: Iterable[str] = (MIX,)) -> list[Path]:
    """Files that a session at a path writes, which can be written.

    Args:
        path: path of the session.
        names: names of its audio.

    Raises:
        SettingError: another suffix, a folder that holds files, or a place that cannot be written.
    """
    place = Path(path)
    if session_kind(path) == FOLDER:
        if place.is_dir() and not place.is_symlink():
            with suppress(OSError):
                if next(place.iterdir(), None) is None:
                    return [place]
            raise SettingError(
                f"cannot write the session {path}: the folder is there already and holds files; "
                "name another, or remove it"
            )
        return [output_file(place, SettingError)]
    audio = [beside(place, name) for name in names] if session_kind(path) == REAPER else []
    output_file(place, SettingError, companions=audio)
    return [place, *audio]


def beside(place: Path, name: str) -> Path:
    """Audio file of a REAPER project."""
    return place.with_name(f"{place.stem}-{name}.wav")
