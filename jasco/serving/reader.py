"""Process that reads the files of clients, within limits of memory, file size and time.

What it reads comes back as plain data and tensors (JSON and safetensors), which are interpreted
without trust, and not as Python objects.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from jasco.errors import JascoError, SettingError
from jasco.io.kinds import MIDI, kind_of
from jasco.notices import describe
from jasco.serving.limits import MIB, Limits
from jasco.serving.prepared import LABEL, ModelFacts, Prepared
from jasco.serving.process import Child
from jasco.serving.uploads import Asked
from jasco.song.edit import KINDS

MEMORY = 3072 * MIB
"""Address space that reading takes at most, beside that of the imported packages."""
_FILE = 1024 * MIB  # largest file that reading may write
_STARTS = 5  # attempts to start the process again
_DIED = "the files of the request cannot be read within the memory of the server: send shorter ones"


class FileReader:
    """Reader of requests in a limited process, one at a time.

    Args:
        limits: limits.
        folder: folder for the files, of which none stays.
    """

    def __init__(self, limits: Limits, folder: Path) -> None:
        self._limits, self._folder = limits, folder
        self._child = Child(_main, limits)
        self._turn = threading.Lock()

    def open(self, facts: ModelFacts) -> None:
        """Wait for the process, and tell it the model that requests are read for."""
        self._facts = facts
        self._child.receive()
        self._child.send(facts)

    @property
    def pid(self) -> int | None:
        """Process id."""
        return self._child.pid

    def read(self, asked: Asked) -> tuple[Prepared, tuple[bytes, bytes]]:
        """Prepared request, and its bytes; waits for those before.

        Raises:
            SettingError: files or values that cannot be read, or not within the limits.
        """
        with self._turn, tempfile.TemporaryDirectory(dir=self._folder) as folder:
            message = asked.placed(Path(folder)), dict(asked.names), folder
            for last in (False, True):  # one that died between two requests is no fault of these
                self._child.send(message)
                try:
                    plain = self._child.receive_bytes(self._limits.read)
                    tensors = self._child.receive_bytes(self._limits.read)
                    break
                except TimeoutError as error:
                    self._restart()
                    text = f"reading its files takes over {self._limits.read:g} s"
                    raise SettingError(text) from error
                except EOFError as error:
                    self._restart()
                    if last:
                        raise SettingError(_DIED) from error
        if not tensors:
            raise SettingError(json.loads(plain)["error"])
        return Prepared.unpack(plain, tensors), (plain, tensors)

    def _restart(self) -> None:
        for _ in range(_STARTS):
            self._child.restart()
            with suppress(EOFError):  # it died while it started
                return self.open(self._facts)
        raise SettingError("the process that reads files does not start: try again later")

    def close(self) -> None:
        """End the process."""
        self._child.close()


def _main(connection: Connection, limits: Limits) -> None:
    import torch

    torch.set_num_threads(1)
    _restrict()
    connection.send("ready")
    facts: ModelFacts = connection.recv()
    while (message := connection.recv()) is not None:
        values, names, folder = message
        os.chdir(folder)
        tempfile.tempdir = folder
        plain, tensors = _answer(values, names, facts, limits)
        connection.send_bytes(plain)
        connection.send_bytes(tensors)


def _answer(
    values: dict[str, Any], names: dict[str, str], facts: ModelFacts, limits: Limits
) -> tuple[bytes, bytes]:
    """Packed request; or JSON of an error, and nothing."""
    try:
        _check_recordings(values, names, limits)
        return Prepared.of(values, names, facts, limits).pack()
    except (JascoError, OSError) as error:
        text = describe(error)
        for key, value in values.items():
            if key in names:  # the client knows its files by the names of their keys
                text = text.replace(str(value), key)
    except MemoryError:
        text = _DIED
    except Exception as error:
        text = f"the request cannot be read ({type(error).__name__})"
    return json.dumps({"error": text}).encode(), b""


def _check_recordings(values: dict[str, Any], names: dict[str, str], limits: Limits) -> None:
    """Refuse long recordings before they are decoded."""
    from jasco.audio import probe

    for key in names:
        audio = key == "drums" or key.endswith("_from") or key in KINDS
        if audio and kind_of(values[key]) != MIDI:
            duration = probe(values[key]).duration
            if not duration <= limits.recording:
                raise SettingError(
                    f"{LABEL}: {key} lasts {duration:.0f} s: this server reads at most "
                    f"{limits.recording:g} s"
                )


def _restrict() -> None:
    """Limit memory and files of this process, and of those that it starts."""
    try:
        import resource
    except ImportError:  # no such limits on Windows
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if os.name == "posix" else 0
    limits = {
        resource.RLIMIT_AS: pages * resource.getpagesize() + MEMORY,
        resource.RLIMIT_FSIZE: _FILE,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
