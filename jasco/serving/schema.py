"""OpenAPI description of the requests and answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jasco.pipeline.request import keys
from jasco.serving.uploads import FILES, FORMATS, REFUSED

_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array"}
_FILE = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "name of the file, with its suffix"},
        "base64": {"type": "string", "contentEncoding": "base64"},
    },
    "required": ["base64"],
    "additionalProperties": False,
}
ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string"}},
    "required": ["error"],
}
JOB = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "status": {"enum": ["queued", "running", "done", "failed", "cancelled"]},
        "position": {"type": "integer", "description": "jobs that run before"},
        "step": {"type": "integer"},
        "steps": {"type": "integer"},
        "seconds_left": {"type": ["number", "null"]},
        "notes": {"type": "array", "items": {"type": "string"}},
        "error": {"type": ["string", "null"]},
        "seed": {"type": "integer"},
        "duration": {"type": "number"},
        "recipe": {"type": "object"},
    },
    "required": ["id", "status"],
}
_AUDIO = {media: {"schema": {"type": "string", "format": "binary"}} for media in FORMATS.values()}


def _property(types: Any, words: str) -> dict[str, Any]:
    types = types if isinstance(types, tuple) else (types,)
    if float in types:
        types = tuple(kind for kind in types if kind is not int)
    if Mapping in types:
        return {"description": words}
    named: list[dict[str, Any]] = [{"type": _TYPES[kind]} for kind in types if kind is not Path]
    named = [one | ({"items": {}} if one["type"] == "array" else {}) for one in named]
    return {"description": words} | (named[0] if len(named) == 1 else {"anyOf": named})


def request_body() -> dict[str, Any]:
    """Body of ``POST /v1/generate``."""
    properties = {key: _property(*own) for key, own in keys().items() if key not in REFUSED}
    for key in FILES:
        properties[key] = {"anyOf": [_FILE, properties[key]]}
    properties["format"] = {"enum": list(FORMATS), "default": "flac"}
    properties["wait"] = {"type": "boolean", "default": True}
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    parts: dict[str, Any] = {key: {"type": "string", "format": "binary"} for key in FILES}
    form = {"type": "object", "properties": {"request": {"type": "string"}, **parts}}
    content = {"application/json": {"schema": schema}, "multipart/form-data": {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


def _json(description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


ERRORS: dict[int | str, dict[str, Any]] = {
    401: _json("no known key", ERROR),
    403: _json("another host or origin", ERROR),
    413: _json("a larger body than allowed", ERROR),
}
GENERATE: dict[int | str, dict[str, Any]] = ERRORS | {
    200: {"description": "audio; with stream a wav as it is generated", "content": _AUDIO},
    202: _json("job, with wait = false", JOB),
    400: _json("no JSON, or no multipart form", ERROR),
    408: _json("the body does not come in time", ERROR),
    415: _json("another content type", ERROR),
    422: _json("a request that cannot be met, with the reason", ERROR),
    429: _json("a full queue; Retry-After says when to come back", ERROR),
    500: _json("the generation failed", ERROR),
    504: _json("not done in time", ERROR),
}
FOUND: dict[int | str, dict[str, Any]] = ERRORS | {
    200: _json("job", JOB),
    404: _json("no such job", ERROR),
}
RESULT: dict[int | str, dict[str, Any]] = ERRORS | {
    200: {"description": "audio", "content": _AUDIO},
    404: _json("no such job", ERROR),
    409: _json("no file: the job is not done, or failed", ERROR),
}
