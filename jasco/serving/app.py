"""HTTP API: one take a request, as audio, as a stream, or as a job."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from jasco.errors import JascoError, SettingError
from jasco.io.plain import parse_object
from jasco.serving import schema
from jasco.serving.access import Access, Gate, refused
from jasco.serving.prepared import ModelFacts
from jasco.serving.reader import FileReader
from jasco.serving.scheduler import Busy, Job, Scheduler
from jasco.serving.uploads import FORMATS, Asked

_MOST_PARTS = 24


class Service:
    """Endpoints of a server.

    Args:
        scheduler: jobs.
        reader: reader of the files of requests.
        facts: model.
    """

    def __init__(self, scheduler: Scheduler, reader: FileReader, facts: ModelFacts) -> None:
        self.scheduler, self.reader, self.facts = scheduler, reader, facts
        self._reading: Counter[str] = Counter()
        self._thread = ThreadPoolExecutor(1, "reader")

    async def generate(self, request: Request) -> Response:
        """Generate a take from the keys of a request file, with files in place of paths."""
        owner, scheduler = request.state.owner, self.scheduler
        scheduler.check_room(owner, self._reading.total(), self._reading[owner])
        self._reading[owner] += 1
        try:
            asked = await self._asked(request)
            asked.check(scheduler.limits)
            loop = asyncio.get_running_loop()
            prepared, packed = await loop.run_in_executor(self._thread, self.reader.read, asked)
        finally:
            self._reading[owner] -= 1
        job = await scheduler.submit(owner, asked.form, prepared, packed)
        if not asked.wait:
            place = {"Location": f"/v1/jobs/{job.id}"}
            return JSONResponse(self._state(job), 202, place)
        return await self._result(request, job, stream=bool(asked.values.get("stream")))

    async def _result(self, request: Request, job: Job, *, stream: bool) -> Response:
        """Audio of a job that its client waits for; it ends where the client leaves."""
        gone = asyncio.create_task(_disconnected(request))
        ready = asyncio.create_task(_first_sound(job) if stream else job.finished.wait())
        try:
            await asyncio.wait({gone, ready}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not ready.done():
                ready.cancel()
                self.scheduler.remove(job)
        if not ready.done() or (job.error is not None):
            self.scheduler.remove(job)
            return refused(job.code, str(job.error or "cancelled"))
        if stream:
            return StreamingResponse(
                self._sounds(job, ready.result()), media_type=FORMATS["wav"], headers=_names(job)
            )
        return self._file(job, BackgroundTask(self.scheduler.remove, job))

    async def _sounds(self, job: Job, first: Any) -> AsyncIterator[bytes]:
        try:
            piece = first
            while piece is not None:
                yield piece
                piece = await job.sounds.get()
        finally:
            self.scheduler.remove(job)

    def _file(self, job: Job, background: BackgroundTask | None = None) -> Response:
        if job.file is None:
            return refused(409, f"no file: the job is {job.status}")
        media = FORMATS[job.ordered.form]
        return FileResponse(job.file, media_type=media, headers=_names(job), background=background)

    async def state(self, id: str, request: Request) -> Response:
        """State of a job: its place in the queue, or its progress, or its outcome."""
        return JSONResponse(self._state(self._find(id, request)))

    async def audio(self, id: str, request: Request) -> Response:
        """Audio of a job that is done."""
        return self._file(self._find(id, request))

    async def cancel(self, id: str, request: Request) -> Response:
        """Cancel a job, or forget one that ended, with its file."""
        job = self._find(id, request)
        self.scheduler.remove(job)
        return JSONResponse(self._state(job))

    async def models(self) -> Response:
        """Models of the server, with their controls and settings by default."""
        return JSONResponse({"models": [asdict(self.facts)]})

    async def health(self) -> Response:
        """State of the server; 503 where it ends."""
        closing = self.scheduler.closing
        return JSONResponse({"status": "closing" if closing else "ok"}, 503 if closing else 200)

    async def metrics(self) -> Response:
        """Counters for Prometheus."""
        return Response(
            self.scheduler.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8"
        )

    def _find(self, id: str, request: Request) -> Job:
        job = self.scheduler.find(id, request.state.owner)
        if job is None:
            raise HTTPException(404, "no such job")
        return job

    def _state(self, job: Job) -> dict[str, Any]:
        state = {"id": job.id, "status": job.status, "step": job.done, "steps": job.total}
        state |= {"position": self.scheduler.position(job), "seconds_left": job.left}
        kept = {key: job.facts[key] for key in ("seed", "duration", "recipe") if key in job.facts}
        return state | {"notes": list(job.notes), "error": job.error} | kept

    async def _asked(self, request: Request) -> Asked:
        """Request in the body, JSON or a form."""
        limits, kind = self.scheduler.limits, request.headers.get("content-type", "")
        kind = kind.partition(";")[0].strip().lower()
        if kind not in ("application/json", "multipart/form-data"):
            raise HTTPException(415, "give application/json or multipart/form-data")
        try:
            async with asyncio.timeout(limits.upload):
                body = await _body(request, limits.body)
        except TimeoutError as error:
            raise HTTPException(408, f"the body did not come in {limits.upload:g} s") from error
        parts: dict[str, tuple[str, bytes]] = {}
        if kind == "multipart/form-data":
            body, parts = await _form(request, body)
        try:
            values = parse_object(body, "the body", SettingError)
        except SettingError as error:
            raise HTTPException(400, str(error)) from error
        return Asked.of(values, parts)


async def _body(request: Request, most: int) -> bytes:
    """Body of a request of at most so many bytes."""
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > most:
            raise HTTPException(413, f"the body may have {most:,} bytes at most")
        pieces.append(piece)
    return b"".join(pieces)


async def _form(request: Request, body: bytes) -> tuple[bytes, dict[str, tuple[str, bytes]]]:
    """JSON in the part ``request`` of a form, and its files."""

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    parts: dict[str, tuple[str, bytes]] = {}
    text: bytes | None = None
    try:
        copy = Request(request.scope, receive)  # type: ignore[arg-type]
        async with copy.form(
            max_files=_MOST_PARTS, max_fields=_MOST_PARTS, max_part_size=len(body)
        ) as form:
            for name, value in form.multi_items():
                data = value.encode() if isinstance(value, str) else await value.read()
                if name == "request" and text is None:
                    text = data
                elif name in parts or name == "request" or isinstance(value, str):
                    raise HTTPException(400, f"the part {name[:60]!r} is no file, or there twice")
                else:
                    parts[name] = (value.filename or "", data)
    except (MultiPartException, ValueError) as error:
        raise HTTPException(400, f"no multipart form: {error}") from error
    return text if text is not None else b"{}", parts


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _first_sound(job: Job) -> bytes | None:
    return await job.sounds.get()


def _names(job: Job) -> dict[str, str]:
    seed = {"X-Jasco-Seed": str(job.facts["seed"])} if "seed" in job.facts else {}
    return {"X-Jasco-Job": job.id, **seed}


def make_app(service: Service, access: Access) -> FastAPI:
    """Application of a service, which it starts and ends."""
    scheduler = service.scheduler

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        scheduler.start()
        yield
        await scheduler.close()

    app = FastAPI(
        title="jasco-serve",
        description=(service.generate.__doc__ or "").strip(),
        version=version("jasco"),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.add_middleware(Gate, access=access, limits=scheduler.limits, metrics=scheduler.metrics)
    add = app.add_api_route
    add(
        "/v1/generate",
        service.generate,
        methods=["POST"],
        responses=schema.GENERATE,
        openapi_extra=schema.request_body(),
    )
    add("/v1/jobs/{id}", service.state, methods=["GET"], responses=schema.FOUND)
    add("/v1/jobs/{id}", service.cancel, methods=["DELETE"], responses=schema.FOUND)
    add("/v1/jobs/{id}/audio", service.audio, methods=["GET"], responses=schema.RESULT)
    add("/v1/models", service.models, methods=["GET"], responses=schema.ERRORS)
    add("/health", service.health, methods=["GET"])
    add("/metrics", service.metrics, methods=["GET"], responses=schema.ERRORS)

    async def unmet(request: Request, error: Exception) -> Response:
        return refused(422, " ".join(str(error).split()))

    async def busy(request: Request, error: Exception) -> Response:
        return refused(429, str(error), getattr(error, "after", None))

    async def wrong(request: Request, error: Exception) -> Response:
        return refused(getattr(error, "status_code", 400), str(getattr(error, "detail", error)))

    app.add_exception_handler(JascoError, unmet)
    app.add_exception_handler(Busy, busy)
    app.add_exception_handler(HTTPException, wrong)
    return app
