"""Files of a session of the studio: uploads and takes, addressed by random ids."""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from jasco.errors import SettingError
from jasco.io.temporary import temporary_folder

MAX_UPLOAD = 64 * 2**20
"""Largest upload (bytes)."""
MAX_FILES = 400
"""Most files that are kept; the oldest are deleted first."""

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,11}")


@dataclass(frozen=True)
class Kept:
    """File of the workspace.

    Attributes:
        id: random name, the only one that a page may use.
        path: path on this machine.
        name: name for messages and downloads.
    """

    id: str
    path: Path
    name: str


class Workspace:
    """Temporary folder of one server, deleted with it, or by the next one where it was killed."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.folder = self._stack.enter_context(temporary_folder("jasco-studio-"))
        self._files: OrderedDict[str, Kept] = OrderedDict()

    def place(self, name: str) -> Kept:
        """Place for a new file with the suffix of a name."""
        suffix = Path(name).suffix
        suffix = suffix.lower() if _SUFFIX.fullmatch(suffix) else ""
        key = secrets.token_hex(8)
        shown = re.sub(r"[^\w .()#&+-]", "_", Path(name).name)[:80] or "file"
        kept = Kept(key, self.folder / f"{key}{suffix}", shown)
        self._files[key] = kept
        while len(self._files) > MAX_FILES:
            self.drop(next(iter(self._files)))
        return kept

    def __contains__(self, key: object) -> bool:
        found = self._files.get(key) if isinstance(key, str) else None
        return found is not None and found.path.exists()

    def file(self, key: object) -> Kept:
        """File of an id.

        Raises:
            SettingError: there is none.
        """
        if not isinstance(key, str) or key not in self:
            raise SettingError(
                "the studio was started anew since this file was given: drop it once more"
            )
        return self._files[key]

    def shown(self, line: str) -> str:
        """Line with the names of files in place of their paths."""
        for kept in self._files.values():
            line = line.replace(str(kept.path), kept.name)
        return line

    def drop(self, key: str) -> None:
        """Delete a file, if it is there."""
        kept = self._files.pop(key, None)
        if kept is not None:
            for path in kept.path.parent.glob(f"{kept.id}*"):  # a wav has its recipe beside it
                path.unlink()

    def close(self) -> None:
        """Delete the folder."""
        self._stack.close()
