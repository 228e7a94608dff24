"""Takes that a server generates; see `jasco.serving`."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, BinaryIO
from urllib.error import HTTPError, URLError
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

from jasco.errors import SettingError
from jasco.io.atomic import write_bytes
from jasco.pipeline.inputs import is_path
from jasco.pipeline.plan import Take

_POLL = 0.2  # s between two questions about a job
_TIMEOUT = 600.0  # s without an answer
_START = 60.0  # s that a server has to start
_OURS = ("output", "samples", "best_of", "session", "seed")


class Server:
    """Server that generates takes.

    Args:
        url: URL, as ``http://127.0.0.1:8000``.
        key: key; ``None`` for a server without.
    """

    def __init__(self, url: str, key: str | None = None) -> None:
        if not url.startswith(("http://", "https://")):
            raise SettingError(f"server {url!r:.60}: give a URL such as http://127.0.0.1:8000")
        self.url = url.rstrip("/")
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}

    def wait(self) -> None:
        """Wait for a server that only starts.

        Raises:
            SettingError: it does not answer within a minute.
        """
        end = time.monotonic() + _START
        while True:
            try:
                urlopen(f"{self.url}/health", timeout=_TIMEOUT).close()
                return
            except HTTPError:
                return
            except URLError as error:
                refused = isinstance(error.reason, ConnectionRefusedError)
                if not refused or time.monotonic() > end:
                    raise self._unreachable(error.reason) from error
            time.sleep(_POLL)

    def generate(self, take: Take, report: Callable[[int, int], None]) -> dict[str, Any]:
        """Generate a take and write its file.

        Leaving by an exception, such as Ctrl-C, cancels the work.

        Args:
            take: take of one seed.
            report: called with the steps of the solver that are done, and their number.

        Returns:
            State of the job at its end: seed, duration, notes.

        Raises:
            SettingError: the server refuses the request, or cannot be reached.
        """
        job = self._json("POST", "/v1/generate", _body(take) | {"wait": False})
        place = f"/v1/jobs/{job['id']}"
        try:
            while job["status"] in ("queued", "running"):
                time.sleep(_POLL)
                job = self._json("GET", place)
                report(job["step"], job["steps"])
            if job["status"] != "done":
                raise SettingError(f"{self.url}: {job['error']}")
            with self._open("GET", f"{place}/audio") as answer:
                data = answer.read()
        finally:
            with suppress(SettingError):
                self._open("DELETE", place).close()
        take.path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(take.path, data)
        return job

    def stream(self, take: Take, file: BinaryIO) -> None:
        """Write the wav file of a take while it is generated; errors as `generate`."""
        with self._open("POST", "/v1/generate", _body(take)) as answer:
            while piece := answer.read1(2**16):
                file.write(piece)
                file.flush()

    def _json(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        with self._open(method, path, body) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def _open(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> HTTPResponse:
        """Answer of the server, which is asked again where its queue is full."""
        data = None if body is None else json.dumps(body).encode()
        headers = self._headers | ({} if data is None else {"Content-Type": "application/json"})
        while True:
            try:
                request = HttpRequest(self.url + path, data, headers, method=method)
                answer: HTTPResponse = urlopen(request, timeout=_TIMEOUT)
                return answer
            except HTTPError as error:
                if error.code != 429:
                    raise SettingError(f"{self.url}: {_reason(error)}") from error
                time.sleep(min(float(error.headers.get("Retry-After", 1)), 60.0))
            except URLError as error:
                raise self._unreachable(error.reason) from error
            except (HTTPException, OSError) as error:
                raise self._unreachable(error) from error

    def _unreachable(self, reason: object) -> SettingError:
        return SettingError(f"cannot reach {self.url}: {reason}; start one with jasco-serve")


def _reason(error: HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return f"status {error.code}"


def _body(take: Take) -> dict[str, Any]:
    """JSON of a take, with its files."""
    values = {k: v for k, v in take.request.given.items() if k not in _OURS and v is not None}
    form = take.path.suffix[1:].lower() if take.request.output != Path("-") else "wav"
    body = dict(_sent(values)) | {"seed": take.seeds[0]}
    return body if take.request.stream else body | {"format": form}


def _sent(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if is_path(key, value):
            path = Path(value)
            data = base64.b64encode(path.read_bytes()).decode()
            yield key, {"name": path.name, "base64": data}
        else:
            yield key, str(value) if isinstance(value, Path) else value
