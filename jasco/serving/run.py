"""Start of a server: workers, reader and the HTTP port."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack

import uvicorn

from jasco.errors import SettingError
from jasco.io.temporary import temporary_folder
from jasco.pipeline.source import ModelSource
from jasco.serving.access import Access
from jasco.serving.app import Service, make_app
from jasco.serving.limits import CONNECTIONS, Limits
from jasco.serving.metrics import Metrics
from jasco.serving.reader import FileReader
from jasco.serving.scheduler import Scheduler
from jasco.serving.worker import LocalWorker


def serve(
    address: tuple[str, int],
    sources: list[ModelSource],
    access: Access,
    limits: Limits,
    *,
    batch_size: int,
    ready: Callable[[str], None],
) -> None:
    """Serve until a signal; what waits and runs is finished first.

    Args:
        address: host and port; port 0 for a free one.
        sources: model of each worker.
        access, limits: rules.
        batch_size: most requests of a batch.
        ready: called with the URL.

    Raises:
        SettingError: the port is taken, or the model cannot be loaded.
    """
    host, port = address
    with ExitStack() as stack:
        bound = stack.enter_context(_listen(host, port))
        folder = stack.enter_context(temporary_folder("jasco-serve-"))
        reader = FileReader(limits, folder)
        stack.callback(reader.close)
        workers = []
        for source in sources:
            workers.append(LocalWorker(source, folder))
            stack.callback(workers[-1].close)
        facts = [worker.open() for worker in workers][0]
        reader.open(facts)
        scheduler = Scheduler(workers, limits, batch_size, folder, Metrics())
        app = make_app(Service(scheduler, reader, facts), access)
        config = uvicorn.Config(
            app,
            log_level="warning",
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=5,
            h11_max_incomplete_event_size=2**16,
            http="h11",
            ws="none",
        )
        name = f"[{host}]" if ":" in host else host
        server = _Server(config, lambda: ready(f"http://{name}:{bound.getsockname()[1]}"))
        server.run(sockets=[bound])


class _Server(uvicorn.Server):
    """Server that says when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise SettingError(f"cannot listen at {host}:{port}: {error.strerror}") from error
    return bound
