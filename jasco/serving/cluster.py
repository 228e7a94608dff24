"""The service on Ray Serve: one ingress with the app and its queue, and replicas with the model.

App, scheduler, reader and worker are those of `jasco.serving.run`; Ray places the replicas on the
machines of a cluster and replaces those that die.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from jasco.errors import MissingPartError, SettingError
from jasco.io.temporary import temporary_folder
from jasco.pipeline.plan import GPU_BATCH
from jasco.pipeline.source import ModelSource
from jasco.serving.access import Access
from jasco.serving.app import Service, make_app
from jasco.serving.limits import CONNECTIONS, Limits
from jasco.serving.metrics import Metrics
from jasco.serving.prepared import ModelFacts
from jasco.serving.reader import FileReader
from jasco.serving.scheduler import Scheduler
from jasco.serving.worker import Ordered, Told, Worker

LOCAL = "local"
"""Address in place of that of a cluster: Ray is started on this machine."""
_NAME = "jasco"


class Replica:
    """Model of a replica, which generates one batch at a time."""

    def __init__(self, source: ModelSource) -> None:
        self._stack = ExitStack()
        self._worker = Worker(source, self._stack.enter_context(temporary_folder("jasco-replica-")))
        self._thread = ThreadPoolExecutor(1, "worker")

    def __del__(self) -> None:
        """Remove the temporary files; Ray Serve calls it where it ends a replica."""
        self._stack.close()

    def facts(self) -> ModelFacts:
        """Facts of the model."""
        return self._worker.facts

    async def generate(self, batch: Sequence[Ordered]) -> AsyncIterator[Told]:
        """See `jasco.serving.worker.Worker.generate`; a call that is cancelled ends at a step."""
        left: set[str] = set()
        messages = self._worker.generate(batch, lambda: left)
        loop = asyncio.get_running_loop()
        try:
            while (
                told := await loop.run_in_executor(self._thread, next, messages, None)
            ) is not None:
                yield told
        finally:
            left.update(one.id for one in batch)
            self._thread.submit(messages.close)  # type: ignore[attr-defined]


class RayWorker:
    """Replica as a worker of the scheduler; see `jasco.serving.scheduler.Worker`."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle.options(stream=True)
        self._wanted: set[str] = set()
        self._answer: Any = None

    def run(self, batch: Sequence[Ordered]) -> Iterator[Told]:
        """Generate a batch on a replica that is free.

        Raises:
            EOFError: the replica died.
        """
        from ray.exceptions import RayError, TaskCancelledError
        from ray.serve.exceptions import RequestCancelledError

        self._wanted = {one.id for one in batch}
        self._answer = self._handle.generate.remote(list(batch))
        try:
            yield from self._answer
        except (RequestCancelledError, TaskCancelledError):
            return
        except RayError as error:
            raise EOFError(str(error)) from error

    def cancel(self, id: str) -> None:
        """Leave a request of the batch out; the call is cancelled where none is left."""
        self._wanted.discard(id)
        if not self._wanted:
            self._answer.cancel()

    def restart(self) -> None:
        """Nothing: Ray Serve replaces replicas that died."""

    def close(self) -> None:
        """Nothing: the replicas end with the deployment."""


class Ingress:
    """App of the service, with the queue of the jobs and the reader of their files."""

    def __init__(
        self, replicas: Any, number: int, access: Access, limits: Limits, batch_size: int
    ) -> None:
        self._replicas, self._number, self._batch_size = replicas, number, batch_size
        self._access, self._limits = access, limits
        self._stack = ExitStack()

    async def __serve_build_asgi_app__(self) -> Any:  # noqa: PLW3201 (name given by Ray Serve)
        """App, once a replica has loaded its model."""
        facts = await self._replicas.facts.remote()
        folder = self._stack.enter_context(temporary_folder("jasco-serve-"))
        reader = FileReader(self._limits, folder)
        self._stack.callback(reader.close)
        await asyncio.to_thread(reader.open, facts)
        workers = [RayWorker(self._replicas) for _ in range(self._number)]
        self._scheduler = Scheduler(workers, self._limits, self._batch_size, folder, Metrics())
        return make_app(Service(self._scheduler, reader, facts), self._access)

    async def close(self) -> None:
        """Finish what waits and runs."""
        await self._scheduler.close()
        self._stack.close()


@contextmanager
def served_on_ray(
    ray_address: str,
    address: tuple[str, int],
    source: ModelSource,
    access: Access,
    limits: Limits,
    *,
    workers: int | None,
    batch_size: int | None,
) -> Iterator[str]:
    """Deploy the service on a Ray cluster; at the end what waits and runs is finished first.

    Ray sets handlers of signals of its own.

    Args:
        ray_address: address of the cluster, ``"auto"`` for that of this machine, or `LOCAL`.
        address: host and port on the head node of the cluster; port 0 for one that is free here.
        source: model of each replica.
        access, limits: rules.
        workers: replicas; by default one for each GPU of the cluster, or one.
        batch_size: most requests of a batch; by default 4 on GPUs, else 1.

    Yields:
        URL.

    Raises:
        SettingError: no such cluster, one that has a service already, or a model that cannot be
            loaded.
        MissingPartError: Ray Serve is not installed.
    """
    here: dict[str, Any] = {"include_dashboard": False} if ray_address == LOCAL else {}
    if here:  # Ray listens on all interfaces, and reads these variables when it is imported
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    try:
        import ray
        from ray import serve
    except ImportError as error:
        raise MissingPartError("--ray needs Ray Serve: pip install 'jasco[ray,serve]'") from error
    try:
        target = LOCAL if here else ray_address
        ray.init(target, log_to_driver=False, logging_level=logging.ERROR, **here)
    except (ConnectionError, ValueError) as error:
        raise SettingError(f"no Ray cluster at {ray_address!r}: {error}") from error
    host, port = address[0], address[1] or _free_port(address[0])
    quiet = {"log_level": "ERROR", "enable_access_log": False}
    with ExitStack() as stack:
        stack.callback(ray.shutdown)
        if serve.status().proxies:
            raise SettingError(
                "Ray Serve runs on this cluster already: end it (serve shutdown), because its "
                "host and port hold for all services"
            )
        stack.callback(serve.shutdown)
        options = {"host": host, "port": port}
        serve.start(proxy_location="HeadOnly", http_options=options, logging_config=quiet)
        gpus = int(ray.cluster_resources().get("GPU", 0)) if source.device != "cpu" else 0
        number = workers or gpus or 1
        share = {"num_gpus": min(1.0, gpus / number)} if gpus else {"num_cpus": source.threads or 1}
        replicas: Any = serve.deployment(Replica)
        replicas = replicas.options(
            num_replicas=number, max_ongoing_requests=1, ray_actor_options=share
        )
        ingress: Any = serve.deployment(serve.ingress(None)(Ingress))
        ingress = ingress.options(
            max_ongoing_requests=CONNECTIONS,
            graceful_shutdown_timeout_s=limits.total,
            ray_actor_options={"num_cpus": 0},
        )
        size = batch_size or (GPU_BATCH if gpus else 1)
        app = ingress.bind(replicas.bind(source), number, access, limits, size)
        try:
            handle = serve.run(app, name=_NAME, logging_config=quiet)
        except RuntimeError as error:
            raise SettingError(f"the service does not start on Ray: {_reason(serve)}") from error
        stack.callback(lambda: handle.close.remote().result())
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _free_port(host: str) -> int:
    with socket.create_server(
        (host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET
    ) as own:
        port: int = own.getsockname()[1]
        return port


def _reason(serve: Any) -> str:
    """Message of a deployment that fails."""
    with suppress(KeyError):
        for state in serve.status().applications[_NAME].deployments.values():
            if state.message:
                return str(state.message).strip().splitlines()[-1]
    return "see the logs of Ray"
