"""Child processes that answer one message after another, and end with their parent."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

_PATIENCE = 5.0  # s for the end of a process that was told to end


class Child:
    """Spawned process with a connection, in place of which a new one starts where it died.

    Args:
        main: function of the process, called with the connection and ``arguments``; its first
            message says that it is ready.
        arguments: further arguments, sent to the process.
    """

    def __init__(self, main: Callable[..., None], *arguments: Any) -> None:
        self._main, self._arguments = main, arguments
        self._lock = threading.Lock()
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_begin, args=(self._main, theirs, *self._arguments), daemon=True
        )
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int | None:
        """Process id."""
        return self._process.pid

    def send(self, value: Any) -> None:
        """Send a message; one to a process that died is lost, as `receive` says.

        Messages of several threads do not mix.
        """
        with self._lock, suppress(OSError):
            self.connection.send(value)

    def receive(self, timeout: float | None = None) -> Any:
        """Next message of the process, an object.

        Raises:
            EOFError: it died.
            TimeoutError: it sent none in time (s).
        """
        return self._next(timeout, self.connection.recv)

    def receive_bytes(self, timeout: float | None = None) -> bytes:
        """Next message of the process, as bytes that are not interpreted; errors as `receive`."""
        return self._next(timeout, self.connection.recv_bytes)

    def _next(self, timeout: float | None, receive: Callable[[], Any]) -> Any:
        try:
            if self.connection.poll(timeout):
                return receive()
        except OSError as error:
            raise EOFError(str(error)) from error
        raise TimeoutError

    def restart(self) -> None:
        """Start a new process in place of one that died or does not answer."""
        self._end()
        self._start()

    def close(self) -> None:
        """Tell the process to end, and end it where it does not."""
        self.send(None)
        self._process.join(_PATIENCE)
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()


def _begin(main: Callable[..., None], connection: Connection, *arguments: Any) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # the parent handles them
        signal.signal(number, signal.SIG_IGN)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the parent died
        main(connection, *arguments)
