"""Process that holds a model and generates batches of prepared requests.

Messages to it are batches, lists of `Ordered`, and ``("cancel", id)``; those from it are `Told`.
A batch ends with the kind ``"end"``.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, NamedTuple

from jasco.errors import JascoError, SettingError
from jasco.notices import describe
from jasco.pipeline.source import ModelSource
from jasco.serving.prepared import ModelFacts, Prepared
from jasco.serving.process import Child


@dataclass(frozen=True)
class Ordered:
    """Request of a batch: id, format, and the bytes of `Prepared.pack`."""

    id: str
    form: str
    plain: bytes
    tensors: bytes


class Told(NamedTuple):
    """Message about a request: its id, the kind, and a value.

    Kinds: ``"step"`` (done, total, seconds left), ``"sound"`` (bytes of a stream), ``"done"``
    (bytes of the file and facts), ``"refused"`` and ``"failed"`` (text), and ``"end"``.
    """

    id: str
    kind: Literal["step", "sound", "done", "refused", "failed", "end", "ready"]
    value: Any = None


def run_worker(connection: Connection, source: ModelSource, folder: Path) -> None:
    """Load the model, and generate the batches that come.

    Args:
        connection: for the messages.
        source: model.
        folder: folder for the files, of which none stays.
    """
    try:
        worker = Worker(source, folder)
    except JascoError as error:
        connection.send(Told("", "refused", describe(error)))
        return
    connection.send(Told("", "ready", worker.facts))
    left: set[str] = set()

    def cancelled() -> set[str]:
        while connection.poll():
            message = connection.recv()
            if message is None:
                raise EOFError
            left.add(message[1])
        return left

    while (batch := connection.recv()) is not None:
        if isinstance(batch, tuple):  # cancelled after its end
            continue
        left.clear()
        for told in worker.generate(batch, cancelled):
            connection.send(told)
        connection.send(Told("", "end"))


class Worker:
    """Model that generates batches of prepared requests."""

    def __init__(self, source: ModelSource, folder: Path | None = None) -> None:
        import torch

        self.model = model = source.load()
        self.folder = folder
        self.facts = ModelFacts(
            Path(source.name).name if Path(source.name).exists() else source.name,
            model.revision,
            tuple(model.controls),
            model.sample_rate,
            model.codec.channels,
            model.frame_rate,
            model.segment_duration,
            model.device.type,
            str(model.dtype).removeprefix("torch."),
            torch.get_num_threads(),
        )

    def generate(
        self, batch: Sequence[Ordered], cancelled: Callable[[], set[str]]
    ) -> Iterator[Told]:
        """Generate a batch; a request that cannot be generated costs the others nothing.

        Args:
            batch: requests of equal settings and near lengths.
            cancelled: ids of requests that are no longer wanted; where none other is left, the work
                ends at the next step.
        """
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            try:
                yield from self._generate(batch, cancelled, Path(folder))
            except EOFError:
                raise
            except JascoError as error:
                yield from (Told(one.id, "refused", describe(error)) for one in batch)
            except Exception as error:
                logging.getLogger(__name__).exception("a batch of %d failed", len(batch))
                text = f"the generation failed ({type(error).__name__})"
                yield from (Told(one.id, "failed", text) for one in batch)

    def _generate(
        self, batch: Sequence[Ordered], cancelled: Callable[[], set[str]], folder: Path
    ) -> Iterator[Told]:
        from jasco.pipeline.events import Failure, Saved, Streamed
        from jasco.pipeline.jobs import Sound, Step, run_job
        from jasco.pipeline.plan import Plan
        from jasco.pipeline.reading import check_fit
        from jasco.pipeline.takes import Reader

        wanted = {}
        (stand_in := folder / "take").touch()
        for one in batch:
            try:
                prepared = Prepared.unpack(one.plain, one.tensors)
                request = prepared.request(folder / f"{one.id}.{one.form}", stand_in)
                check_fit([request], self.model)
                wanted[request] = one.id
            except JascoError as error:
                yield Told(one.id, "refused", describe(error))
        open_ = list(wanted.values())
        if not wanted:
            return
        plan = Plan(list(wanted))
        reader = Reader(self.model, alone=False)
        with closing(run_job(plan, self.model, reader, batch_size=len(batch))) as events:
            for event in events:
                left = cancelled()
                if left.issuperset(open_):
                    return
                if isinstance(event, Step):
                    value = (event.done, event.total, event.left)
                    yield from (Told(id, "step", value) for id in open_)
                elif isinstance(event, Sound):
                    yield Told(open_[0], "sound", event.data)
                elif isinstance(event, Failure):
                    open_.remove(id := wanted[event.request])
                    yield Told(id, "refused", describe(event.error))
                elif isinstance(event, Saved):
                    open_.remove(id := wanted[event.take.request])
                    data = event.take.path.read_bytes()
                    facts = {"seed": event.chosen.seed, "duration": event.chosen.audio.duration}
                    yield Told(id, "done", (data, facts | {"recipe": event.chosen.recipe}))
                elif isinstance(event, Streamed):
                    id = open_.pop()
                    yield Told(id, "done", (b"", {"seed": event.seed, "duration": event.duration}))


class LocalWorker:
    """Worker in a process of this machine.

    Args:
        source: model.
        folder: folder in which the worker gets one of its own.
    """

    def __init__(self, source: ModelSource, folder: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(dir=folder))
        self._child = Child(run_worker, source, self._folder)

    def open(self) -> ModelFacts:
        """Wait until the model is loaded, and return its facts.

        Raises:
            SettingError: it cannot be loaded.
        """
        try:
            told: Told = self._child.receive()
        except EOFError as error:
            raise SettingError("the process of the model died while it was loaded") from error
        if told.kind != "ready":
            raise SettingError(told.value)
        facts: ModelFacts = told.value
        return facts

    @property
    def pid(self) -> int | None:
        """Process id."""
        return self._child.pid

    def run(self, batch: Sequence[Ordered]) -> Iterator[Told]:
        """Generate a batch.

        Raises:
            EOFError: the process died.
        """
        self._child.send(list(batch))
        while (told := self._child.receive()).kind != "end":
            yield told

    def cancel(self, id: str) -> None:
        """Leave a request of the batch out."""
        self._child.send(("cancel", id))

    def restart(self) -> None:
        """Load the model in a new process in place of one that died."""
        self._child.restart()
        for left in self._folder.iterdir():
            shutil.rmtree(left)
        self.open()

    def close(self) -> None:
        """End the process."""
        self._child.close()
