"""Temporary folders that a later process removes where theirs was killed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows, where the folders of killed processes stay
    fcntl = None


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """Temporary folder, removed at the end; folders of processes that were killed are removed too.

    Its process holds a lock on the folder that it is in, which ends with the process.

    Args:
        prefix: begin of the name, of these folders alone.
    """
    with ExitStack() as stack:
        for left in Path(tempfile.gettempdir()).glob(f"{prefix}*") if fcntl else ():
            with suppress(OSError), ExitStack() as taken:  # in use, or of another user
                if _lock(left, taken).st_uid == os.getuid():
                    shutil.rmtree(left)
        while True:
            folder = Path(tempfile.mkdtemp(prefix=prefix))
            try:
                if fcntl is not None:
                    _lock(folder, stack)
            except (BlockingIOError, FileNotFoundError):  # removed as one that is left
                continue
            except OSError:  # a file system without locks
                pass
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            files = folder / "files"  # whose lock is left to those who write into it
            files.mkdir()
            yield files
            return


def _lock(folder: Path, stack: ExitStack) -> os.stat_result:
    """Lock a folder until the stack is closed.

    Raises:
        OSError: another process holds it, or it is no folder or not there any more.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    stack.callback(os.close, handle)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    folder.stat()
    return os.fstat(handle)
