"""Access to a server: keys of clients, hosts, origins and the size of requests."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jasco.errors import SettingError
from jasco.io.plain import read_text
from jasco.serving.limits import Limits
from jasco.serving.metrics import Metrics

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANYONE = ""
"""Owner of the requests of a server without keys."""
_SHORTEST = 16  # characters of a key
_OPEN = ("/health",)  # paths without a key, for load balancers


@dataclass(frozen=True)
class Access:
    """Rules of a server.

    Attributes:
        keys: SHA-256 of each key -> its name; empty for a server on loopback without keys.
        hosts: names that clients may call the server by; empty for all.
        origins: origins of pages that may use it, beside its own.
    """

    keys: Mapping[bytes, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = LOOPBACK
    origins: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, host: str, keys: Iterable[str], hosts: Iterable[str] = (), origins: Iterable[str] = ()
    ) -> Access:
        """Rules for a server that listens at ``host``.

        Raises:
            SettingError: another host than loopback without a key, or a short key.
        """
        known = {}
        for number, key in enumerate(keys, 1):
            if len(key) < _SHORTEST:
                raise SettingError(
                    f"key {number} has {len(key)} characters: give at least {_SHORTEST}, such as "
                    'those of python -c "import secrets; print(secrets.token_urlsafe())"'
                )
            known[hashlib.sha256(key.encode()).digest()] = f"key{number}"
        if host not in LOOPBACK and not known:
            raise SettingError(
                f"{host} can be reached by others: give --key-file FILE with a key a line, or "
                "JASCO_SERVE_KEY, or listen at 127.0.0.1"
            )
        named = tuple(hosts)
        return cls(known, (*LOOPBACK, *named) if host in LOOPBACK else named, tuple(origins))

    def owner(self, headers: Headers) -> str | None:
        """Name of the key in the headers; ``None`` where it is unknown."""
        if not self.keys:
            return ANYONE
        given = headers.get("authorization", "").removeprefix("Bearer ").strip()
        digest = hashlib.sha256((given or headers.get("x-api-key", "")).encode()).digest()
        found = [name for known, name in self.keys.items() if hmac.compare_digest(known, digest)]
        return found[0] if found else None

    def refusal(self, headers: Headers) -> str | None:
        """Reason to refuse a request by its host or origin; ``None`` for none."""
        host = headers.get("host", "")
        if self.hosts and _name(f"//{host}") not in self.hosts:
            return "this name of the server is not known to it: see --allow-host"
        origin = headers.get("origin")
        if origin is not None and origin not in self.origins and urlsplit(origin).netloc != host:
            return "pages of other origins may not use this server: see --allow-origin"
        if origin is None and headers.get("sec-fetch-site") == "cross-site":
            return "pages of other origins may not use this server: see --allow-origin"
        return None


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def read_keys(path: Path | None, variable: str | None) -> list[str]:
    """Keys of a file, one a line, and of a variable of the environment.

    Raises:
        SettingError: a file that cannot be read, or holds none.
    """
    keys = [] if variable is None else [variable.strip()]
    if path is not None:
        lines = [line.strip() for line in read_text(path, SettingError, 2**20).splitlines()]
        found = [line for line in lines if line and not line.startswith("#")]
        if not found:
            raise SettingError(f"{path} holds no key: give one a line")
        keys += found
    return keys


class Gate:
    """Middleware that answers requests which are not allowed.

    Sets ``scope["state"]["owner"]`` for the others.
    """

    def __init__(self, app: ASGIApp, access: Access, limits: Limits, metrics: Metrics) -> None:
        self.app, self.access, self.limits, self.metrics = app, access, limits, metrics
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.metrics.responses.labels(str(message["status"])).inc()
            await send(message)

        answer = self._answer(scope)
        await (answer or self.app)(scope, receive, counted)

    def _answer(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        if (reason := self.access.refusal(headers)) is not None:
            return refused(403, reason)
        if scope["path"] in _OPEN:
            return None
        owner = self.access.owner(headers)
        if owner is None:
            return refused(401, "give a key as Authorization: Bearer KEY")
        scope.setdefault("state", {})["owner"] = owner
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 18 or int(length) > self.limits.body:
            return refused(413, f"the body may have {self.limits.body:,} bytes at most")
        if self.limits.per_minute is not None and scope["method"] == "POST":
            recent, now = self._recent[owner], time.monotonic()
            while recent and now - recent[0] > 60:
                recent.popleft()
            if len(recent) >= self.limits.per_minute:
                after = 60 - (now - recent[0])
                return refused(429, f"{len(recent)} requests in a minute", after)
            recent.append(now)
        return None


def refused(status: int, text: str, after: float | None = None) -> JSONResponse:
    """Answer of an error, with the time after which to try again (s)."""
    headers = {} if after is None else {"Retry-After": str(max(int(after + 0.999), 1))}
    return JSONResponse({"error": text}, status, headers)
