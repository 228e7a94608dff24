"""Generation as a job: its events and steps one by one, ended where the generator is closed."""

from __future__ import annotations

import io
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from jasco.model import Jasco
from jasco.pipeline.events import Event
from jasco.pipeline.plan import Take
from jasco.pipeline.takes import Reader, make_takes


@dataclass(frozen=True)
class Step:
    """Step of the solver that is done.

    Attributes:
        done, total: steps of the batch of takes that is generated, or of the stream.
        left: expected time of the other steps (s).
    """

    done: int
    total: int
    left: float


@dataclass(frozen=True)
class Sound:
    """Piece of the wav file of a stream whose output is the standard output.

    Attributes:
        data: bytes that follow those of the piece before.
    """

    data: bytes


class _Closed(Exception):
    """End of the work of a job that was closed."""


def run_job(
    takes: Iterable[Take], model: Jasco, reader: Reader, **settings: Any
) -> Generator[Event | Step | Sound]:
    """Generate takes, with an event after each step of the solver.

    The work is done in a thread of its own. Closing the generator ends it at the next step, or at
    the next event between the steps, and returns once it has ended, so that the model is free for
    another job; no file of an unfinished take is left.

    Args:
        takes, model, reader: see `jasco.pipeline.takes.make_takes`.
        settings: its further arguments.

    Yields:
        Events of `make_takes`, `Step` and `Sound` as they occur.

    Raises:
        JascoError: see `make_takes`.
    """
    events: queue.SimpleQueue[Any] = queue.SimpleQueue()
    closed = threading.Event()
    begun = time.perf_counter()

    def put(event: Any) -> None:
        if closed.is_set():
            raise _Closed
        events.put(event)

    def step(done: int, total: int) -> None:
        nonlocal begun
        now = time.perf_counter()
        put(Step(done, total, (now - begun) / done * (total - done)))
        begun = now if done == total else begun

    def work() -> None:
        end: BaseException | None = None
        try:
            pipe = cast(BinaryIO, _Pipe(put))
            for event in make_takes(takes, model, reader, callback=step, pipe=pipe, **settings):
                put(event)
        except BaseException as error:
            end = error
        events.put((end,))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while not isinstance(event := events.get(), tuple):
            yield event
        if event[0] is not None:
            raise event[0]
    finally:
        closed.set()
        thread.join()


class _Pipe(io.RawIOBase):
    """File object that hands on what is written."""

    def __init__(self, put: Callable[[Sound], None]) -> None:
        self.put = put

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.put(Sound(bytes(data)))
        return len(data)
