"""Atomic writing of files and folders, with the permissions of the user's umask.

safetensors always writes with mode 0600; here every file gets the mode that `open` would give it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows, where open files cannot be replaced
    fcntl = None


def part_of(path: Path) -> Path:
    """New name of a temporary file beside a file, of 28 bytes."""
    return path.with_name(f".jasco-{secrets.token_hex(8)}.part")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Path of a temporary file that replaces a file at the end of the block.

    Where the block fails, the file is unchanged and the temporary file removed.

    Raises:
        OSError: the file cannot be renamed.
    """
    part = part_of(path)
    try:
        yield part
        os.chmod(part, _file_mode(path))
        os.replace(part, path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def replace_all(files: Mapping[Path, bytes | None]) -> None:
    """Write a group of files, or remove those of ``None``, all of them or none.

    All content is on the disk before the first file is replaced. Where two processes replace the
    same files, all files are from one of them. A killed process leaves nothing half-written on file
    systems with unnamed files (Linux): at worst the first file replaced and the others missing, and
    a whole ``.jasco-*.part`` of the moment between its naming and its renaming.

    Args:
        files: path -> content, all in one folder.

    Raises:
        OSError: a file cannot be written.
    """
    first, *others = files
    with contextlib.ExitStack() as stack:
        parts = {
            path: stack.enter_context(_staged(path, content))
            for path, content in files.items()
            if content is not None
        }
        stack.enter_context(_locked(first.parent))
        before = {path: path.read_bytes() for path in others if path.is_file()}
        for path in before:
            path.unlink()  # an old companion must not stand beside the new first file
        try:
            for place in parts.values():
                place()
        except OSError:
            for path, content in before.items():
                write_bytes(path, content)
            raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically.

    Raises:
        OSError: the file cannot be written.
    """
    with _staged(path, content) as place:
        place()


@contextlib.contextmanager
def _staged(path: Path, content: bytes) -> Iterator[Callable[[], None]]:
    """Function that replaces a file by content on the disk, unnamed until then where possible."""
    part = part_of(path)
    handle = None
    try:
        with contextlib.suppress(OSError, AttributeError):
            handle = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, 0o666)
        with part.open("xb") if handle is None else open(handle, "wb", closefd=False) as file:
            file.write(content)

        def place() -> None:
            if handle is not None:
                try:  # with a folder Python calls linkat, which follows the link
                    os.link(f"/proc/self/fd/{handle}", part, src_dir_fd=handle)
                except OSError:  # no /proc
                    part.write_bytes(content)
            os.replace(part, path)

        yield place
    finally:
        if handle is not None:
            os.close(handle)
        with contextlib.suppress(OSError):
            part.unlink()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; without it after half a minute.

    Its holder renames a few files, which takes seconds where the disk is busy with other writing.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, AttributeError):  # no permission, or no locks
            handle = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, handle)
            for _ in range(3000):
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(0.01)
        yield


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Path of an empty temporary folder that replaces a folder at the end of the block.

    Where the block fails, the folder is unchanged and the temporary one removed. Remains of a
    killed process are removed by the next one, or restored where the folder itself is missing.

    Raises:
        OSError: the folder cannot be made or renamed, or another process is writing it.
    """
    new, old = (path.with_name(f".{path.name}.{name}") for name in ("part", "old"))
    with _locked_folder(new, path):
        try:
            if old.exists() and not path.exists():
                os.replace(old, path)
            shutil.rmtree(old, ignore_errors=True)
            yield new
            mode = _file_mode(path)
            for file in new.rglob("*"):
                if file.is_file() and not file.is_symlink():
                    os.chmod(file, mode)
            if path.exists():
                os.replace(path, old)
            os.replace(new, path)
        finally:
            if old.exists() and not path.exists():
                os.replace(old, path)
            for rest in (new, old):
                shutil.rmtree(rest, ignore_errors=True)


@contextlib.contextmanager
def _locked_folder(folder: Path, target: Path) -> Iterator[None]:
    """Hold an empty folder under a lock against other processes."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        if fcntl is None:
            break
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise OSError(errno.EBUSY, "another process is writing it", str(target)) from error
        except OSError:  # a file system without locks
            break
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(folder)):
                break
        os.close(descriptor)  # another process renamed it between the two calls
    try:
        for rest in folder.iterdir():
            shutil.rmtree(rest) if rest.is_dir() and not rest.is_symlink() else rest.unlink()
        yield
    finally:
        if fcntl is not None:
            os.close(descriptor)


def _file_mode(path: Path) -> int:
    """Mode of a new file beside a path, measured with a temporary file.

    Reading the umask requires setting it, which affects other threads.
    """
    probe = part_of(path)
    try:
        with probe.open("xb") as file:
            return stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, in UTF-8 with newline characters on any system.

    Raises:
        OSError: the file cannot be written.
    """
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
