"""Routes of the page: its files, uploads, takes, and short questions about chords and patterns."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from jasco.band.patterns import pattern_names
from jasco.errors import JascoError, SettingError
from jasco.io.plain import is_number
from jasco.notices import describe, printable
from jasco.studio import sheet, takes, uploads
from jasco.studio.models import Models
from jasco.studio.requests import LONGEST
from jasco.studio.workspace import MAX_UPLOAD, Kept, Workspace

MAX_JSON = 4 * 2**20
"""Largest body of a question (bytes)."""

_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_STATIC = re.compile(r"[a-z]{1,20}\.(?:js|css|svg)")
_LOCAL = {"127.0.0.1", "localhost", "::1"}
# Nothing outside is loaded, and no other page may show this one.
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


class LocalOnly:
    """ASGI middleware that refuses pages of other origins, and other names of this machine.

    The latter stops an outside name that is made to resolve to 127.0.0.1 (DNS rebinding).
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers", ()))
        host = urlsplit("//" + headers.get(b"host", b"").decode("latin-1"))
        origin = headers.get(b"origin", b"").decode("latin-1")
        foreign = host.hostname not in _LOCAL or (origin and urlsplit(origin).netloc != host.netloc)
        if scope["type"] == "http" and foreign:
            start = {"type": "http.response.start", "status": 403, "headers": []}
            await send(start)
            await send({"type": "http.response.body", "body": b"this page is for its own machine"})
            return
        await self.app(scope, receive, send)


def routes(models: Models, workspace: Workspace) -> list[Any]:
    """Routes of the page.

    Errors of the user's input are answers with the key ``error``, which the page shows.
    """
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import FileResponse, JSONResponse, Response
    from starlette.routing import Route

    async def answer(function: Callable[..., Any], *args: Any) -> Response:
        try:
            found = await run_in_threadpool(function, *args)
        except (JascoError, OSError) as error:
            found = {"error": workspace.shown(printable(describe(error)))}
        return JSONResponse(found)

    async def static(request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        path = files("jasco.studio") / "static" / name
        if not (name == "index.html" or _STATIC.fullmatch(name)) or not path.is_file():
            return Response("no such file", status_code=404)
        kind = _TYPES[name.rpartition(".")[2]]
        return Response(path.read_bytes(), media_type=kind, headers=_HEADERS)

    async def facts(request: Request) -> Response:
        return await answer(_facts, models)

    def asked(question: str) -> Any:
        async def respond(request: Request) -> Response:
            body = b""
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_JSON:
                    return JSONResponse({"error": f"a question has at most {MAX_JSON:,} bytes"})
            return await answer(_QUESTIONS[question], _parsed(body), workspace)

        return respond

    async def upload(request: Request) -> Response:
        given = request.query_params
        kept, size = workspace.place(given.get("name", "")), 0
        with kept.path.open("wb") as file:
            async for piece in request.stream():
                size += len(piece)
                if size > MAX_UPLOAD:
                    break
                file.write(piece)
        return await answer(_read, given.get("kind", ""), kept, size, workspace, given.get("bpm"))

    async def file(request: Request) -> Response:
        try:
            kept = workspace.file(request.path_params["key"])
        except SettingError as error:
            return Response(str(error), status_code=404)
        name = request.query_params.get("name", "")[:80]
        return FileResponse(kept.path, filename=name or None, headers=_HEADERS)

    async def session(request: Request) -> Response:
        key, name = request.path_params["key"], request.query_params.get("name", "")[:60]
        return await answer(_session, key, name, workspace)

    return [
        Route("/", static),
        Route("/studio/static/{name}", static),
        Route("/studio/facts", facts),
        *(Route(f"/studio/{name}", asked(name), methods=["POST"]) for name in _QUESTIONS),
        Route("/studio/upload", upload, methods=["POST"]),
        Route("/studio/file/{key}", file),
        Route("/studio/session/{key}", session, methods=["POST"]),
    ]


def _facts(models: Models) -> dict[str, Any]:
    return {
        "patterns": pattern_names().split(", "),
        "voicings": sheet.voicings(),
        "models": list(models.names),
        "adapters": list(models.adapters),
        "longest": LONGEST,
        "model": models.facts(),
    }


def _read(kind: str, kept: Kept, size: int, workspace: Workspace, bpm: Any) -> dict[str, Any]:
    """Facts of an upload; one that cannot be read is deleted."""
    try:
        if size > MAX_UPLOAD:
            most = f"{MAX_UPLOAD // 2**20} MB"
            raise SettingError(f"{kept.name} is larger than {most}: give a part of it")
        return uploads.read_upload(kind, kept, workspace, _tempo(bpm))
    except (JascoError, OSError) as error:
        line = workspace.shown(describe(error))  # names its file, which is gone then
        workspace.drop(kept.id)
        raise SettingError(line) from error


def _tempo(bpm: Any) -> float:
    try:
        return min(max(float(bpm), 20.0), 600.0)
    except (TypeError, ValueError):
        return sheet.TEMPO


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _chords(given: Any, workspace: Workspace) -> dict[str, Any]:
    text, bpm, metre = _fields(given, "text", "bpm", "metre")
    return uploads.pasted_sheet(text, bpm, metre, given.get("key"), workspace)


def _pattern(given: Any, workspace: Workspace) -> dict[str, Any]:
    name, bpm, metre, duration = _fields(given, "name", "bpm", "metre", "duration")
    if not is_number(duration) or not 0 < duration <= 600:
        raise SettingError("duration is from 0 to 600 s")
    return {"onsets": uploads.pattern_onsets(name, bpm, metre, duration)}


def _here(given: Any, workspace: Workspace) -> dict[str, Any]:
    """Ids of a list whose files are here."""
    (ids,) = _fields(given, "ids")
    return {"ids": [key for key in ids if key in workspace] if isinstance(ids, list) else []}


def _fields(given: Any, *names: str) -> list[Any]:
    if not isinstance(given, dict) or any(given.get(name) is None for name in names):
        raise SettingError(f"give {', '.join(names)} as a JSON object")
    return [given[name] for name in names]


def _session(key: str, name: str, workspace: Workspace) -> dict[str, Any]:
    made = takes.save_session_of(workspace.file(key), workspace, name)
    return {"id": made.id, "name": made.name}


_QUESTIONS: dict[str, Callable[[Any, Workspace], dict[str, Any]]] = {
    "chords": _chords,
    "pattern": _pattern,
    "here": _here,
}
