"""Requests as clients send them: values of request files, with contents in place of paths."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from jasco.errors import SettingError, shortened
from jasco.io.kinds import kind_of
from jasco.pipeline.inputs import file_keys, is_path
from jasco.pipeline.request import keys
from jasco.serving.limits import Limits

FORMATS = {"flac": "audio/flac", "mp3": "audio/mpeg", "ogg": "audio/ogg", "wav": "audio/wav"}
"""Formats of results, and their media types."""
FILES = file_keys()
REFUSED = ("adapter", "output", "session", "samples", "best_of")
"""Keys of request files that a server does not take: one request is one take of its model."""
_SUFFIX = re.compile(r"\.[a-z0-9]{1,12}")


@dataclass(frozen=True)
class Asked:
    """Request of a client.

    Attributes:
        values: values by key, without files.
        files: contents of files by key.
        names: names of the files that the client gave, for recipes.
        form: format of the result, a key of `FORMATS`.
        wait: answer with the audio; else with the id of a job.
    """

    values: Mapping[str, Any]
    files: Mapping[str, bytes]
    names: Mapping[str, str]
    form: str = "flac"
    wait: bool = True

    @classmethod
    def of(cls, body: Mapping[str, Any], parts: Mapping[str, tuple[str, bytes]]) -> Asked:
        """Checked request.

        Args:
            body: JSON object: keys of request files, ``format`` and ``wait``; a file is an object
                of ``name`` and ``base64``.
            parts: name and content of the files of a multipart request.

        Raises:
            SettingError: a key or value that is not allowed, or a path.
        """
        values = {key: value for key, value in body.items() if value is not None}
        form, wait = values.pop("format", "flac"), values.pop("wait", True)
        if not isinstance(form, str) or form not in FORMATS:
            raise SettingError(f"format is {shortened(form)}: give one of {', '.join(FORMATS)}")
        if not isinstance(wait, bool):
            raise SettingError(f"wait is {shortened(wait)}: give true or false")
        known = allowed_keys()
        files, names = {}, {}
        for key in (*values, *parts):
            if key not in known:
                raise SettingError(
                    f"unknown key {shortened(key)}: the allowed ones are {', '.join(known)}"
                )
        for key, (name, data) in parts.items():
            if key not in FILES or key in values:
                raise SettingError(f"the part {key} is a file: give it once, as one of {FILES}")
            files[key], names[key] = data, name
        for key in FILES:
            value = values.get(key)
            if isinstance(value, Mapping):
                names[key], files[key] = _decoded(key, values.pop(key))
            elif is_path(key, value):
                raise SettingError(
                    f"{key} is {shortened(value)}, a path: send the file itself, as a part of "
                    'multipart/form-data or as {"name": "NAME", "base64": "..."}'
                )
        text = values.get("text")
        if isinstance(text, str) and kind_of(text) is not None:
            raise SettingError(
                f"the text {shortened(text)} ends as {kind_of(text)} is named: leave the suffix out"
            )
        if values.get("stream"):
            form = "wav"
        return cls(values, files, names, form, wait)

    def check(self, limits: Limits) -> None:
        """Refuse what is over the limits of a server."""
        limits.check(self.values)

    def placed(self, folder: Path) -> dict[str, Any]:
        """Values with the paths of the files, which are written into a folder."""
        values = dict(self.values)
        for key, data in self.files.items():
            found = _SUFFIX.fullmatch(PurePath(self.names[key]).suffix.lower())
            path = folder / f"{key}{found[0] if found else ''}"
            path.write_bytes(data)
            values[key] = str(path)
        return values


def allowed_keys() -> tuple[str, ...]:
    """Keys of a request."""
    return (*(key for key in keys() if key not in REFUSED), "format", "wait")


def _decoded(key: str, value: Mapping[str, Any]) -> tuple[str, bytes]:
    name, data = value.get("name", ""), value.get("base64")
    if set(value) - {"name", "base64"} or not isinstance(name, str) or not isinstance(data, str):
        raise SettingError(f'{key} is a file: give {{"name": "NAME", "base64": "..."}}')
    try:
        return name, base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SettingError(f"{key} is no base64: {error}") from error
