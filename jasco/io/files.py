"""Checks of the paths that a user gives, before a file is opened or replaced.

Only regular files are read and replaced: opening a named pipe blocks until another process writes
to it, and renaming a file over a pipe or a device removes it. Links are followed. A name is valid
where the system can encode it; on Linux that includes bytes of other encodings, which Python
represents as lone surrogates (U+DC80 to U+DCFF).

Measured on Linux (ext4, tmpfs): a name has up to 255 bytes and a path up to 4095;
`pathlib.Path.mkdir(parents=True)` recurses once per folder and raises a RecursionError from about
1000 missing folders on.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jasco.errors import JascoError, MissingPartError
from jasco.io.assets import sample
from jasco.io.atomic import part_of

MAX_NEW_FOLDERS = 100
"""Most folders that are made for one output."""
SAMPLE = "sample:"
"""Prefix of the names of bundled samples, which stand in place of a path."""


def regular_file(path: str | os.PathLike[str], error: type[JascoError]) -> Path:
    """Path of a regular file that can be opened for reading.

    Args:
        path: path from the user; ``sample:beat.ogg`` is the file ``beat.ogg`` of the installed
            ``assets/samples``.
        error: class of the error.

    Raises:
        JascoError: of class ``error``: not a path, a name that the system cannot encode, missing,
            a folder, a named pipe, a device or a socket, or no permission.
    """
    name = _name(path, error, "read")
    if name.startswith(SAMPLE):
        try:
            name = str(sample(name.removeprefix(SAMPLE)))
        except MissingPartError as reason:
            raise error(str(reason)) from reason
    try:
        mode = os.stat(name).st_mode
        if stat.S_ISREG(mode):
            os.close(os.open(name, os.O_RDONLY))
            return Path(name)
    except OSError as reason:
        raise error(f"cannot read {name}: {reason.strerror}") from reason
    raise error(f"cannot read {name}: {_kind(mode)}; give the path of a file")


def output_file(
    path: str | os.PathLike[str],
    error: type[JascoError],
    *,
    companions: Iterable[str | os.PathLike[str]] = (),
) -> Path:
    """Path of a file that can be written or replaced, checked without writing to the disk.

    Args:
        path: path from the user.
        error: class of the error.
        companions: files that are written beside it, whose names are checked too.

    Raises:
        JascoError: of class ``error``: not a path, a name or path too long for the file system,
            also with a companion or the temporary file of `jasco.io.atomic.replacing`, an existing
            path that is no regular file, no folder, too many missing folders, or no permission.
    """
    name = _name(path, error, "write")
    target = Path(name)
    try:
        folder, missing = _existing_folder(target)
        _check_lengths(target, [part_of(target), *map(Path, companions)], folder)
        mode = _mode(target)
    except _Unfit as reason:
        raise error(f"cannot write {name}: {reason}") from reason
    except OSError as reason:
        raise error(f"cannot write {name}: {reason.strerror}") from reason
    if mode is not None and not stat.S_ISREG(mode):
        kind = _kind(mode)
        raise error(f"cannot write {name}: {target} is in the way ({kind}); give another name")
    if missing > MAX_NEW_FOLDERS:
        raise error(
            f"cannot write {name}: {missing} folders would have to be made and at most "
            f"{MAX_NEW_FOLDERS} are; make them first, or give a shorter path"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise error(f"cannot write {name}: the folder {folder} cannot be written to")
    return target


class _Unfit(Exception):
    """Reason why a path cannot be written."""


def _name(path: Any, error: type[JascoError], verb: str) -> str:
    name = os.fspath(path) if isinstance(path, str | os.PathLike) else path
    if not isinstance(name, str):
        raise error(f"cannot {verb} a {type(path).__name__}: give the path of a file")
    if not name:
        raise error(f"cannot {verb} a file of no name: give the path of a file")
    try:
        encoded = os.fsencode(name)
    except UnicodeEncodeError as reason:
        raise error(
            f"cannot {verb} {name!a}: the name holds U+{ord(name[reason.start]):04X}, half of a "
            f"character, at position {reason.start}; write the name anew"
        ) from reason
    if b"\0" in encoded:
        raise error(
            f"cannot {verb} {name!a}: the name holds a NUL character at position "
            f"{name.index(chr(0))}; remove it"
        )
    return name


def _kind(mode: int) -> str:
    """Type of an existing path, in words that follow a colon."""
    for is_kind, words in (
        (stat.S_ISDIR, "Is a directory"),
        (stat.S_ISFIFO, "it is a named pipe (FIFO), not a regular file"),
        (stat.S_ISSOCK, "it is a socket, not a regular file"),
        (stat.S_ISREG, "it is a file"),
    ):
        if is_kind(mode):
            return words
    return "it is a device, not a regular file"


def _mode(path: Path) -> int | None:
    """Mode of a path, links followed; ``None`` where it does not exist.

    Raises:
        OSError: the path cannot be examined.
    """
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _existing_folder(path: Path) -> tuple[Path, int]:
    """Nearest folder above a path that exists, and the number of folders missing below it."""
    for missing, folder in enumerate(path.parents):
        try:
            mode = os.stat(folder).st_mode
        except OSError as reason:
            if isinstance(reason, PermissionError):
                raise
            if os.path.islink(folder):
                raise _Unfit(
                    f"{folder} is in the way (a broken link); give another folder"
                ) from reason
            continue  # missing, below a file, or longer than the system allows
        if not stat.S_ISDIR(mode):
            raise _Unfit(f"{folder} is in the way ({_kind(mode)}); give another folder")
        return folder, missing
    return Path(), 0


def _check_lengths(path: Path, beside: Iterable[Path], folder: Path) -> None:
    """Check names and paths against the limits of the file system of ``folder``."""
    longest_name, longest_path = _limit(folder, "PC_NAME_MAX"), _limit(folder, "PC_PATH_MAX") - 1
    for part in path.parent.parts:
        if (size := len(os.fsencode(part))) > longest_name:
            raise _Unfit(
                f"the folder name {part[:20]}... has {size} bytes and the file system allows "
                f"{longest_name}; shorten it"
            )
    for file in (path, *beside):
        owner = "its name" if file == path else f"the name of {_shortened(file.name)} beside it"
        if (size := len(os.fsencode(file.name))) > longest_name:
            raise _Unfit(
                f"{owner} has {size} bytes and the file system allows {longest_name}; "
                f"shorten the name by {size - longest_name}"
            )
        if (size := len(os.fsencode(path.with_name(file.name)))) > longest_path:
            raise _Unfit(
                f"the path with {owner} has {size} bytes and the system allows {longest_path}; "
                "give a shorter path, or one that starts from a nearer folder"
            )


def _limit(folder: Path, name: str) -> int:
    try:
        return os.pathconf(folder, name)
    except (AttributeError, OSError, ValueError):  # Windows has no pathconf
        return {"PC_NAME_MAX": 255, "PC_PATH_MAX": 4096}[name]


def _shortened(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:16]}...{name[-16:]}"
