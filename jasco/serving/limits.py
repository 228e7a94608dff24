"""Limits of a server, checked before any work is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jasco.errors import SettingError, shortened

MIB = 2**20
CONNECTIONS = 1000
"""Most connections at once."""


@dataclass(frozen=True)
class Limits:
    """Limits of a server.

    Attributes:
        body: bytes of the body of a request.
        duration: length of a take (s).
        recording: length of an uploaded recording, and of what an edit gives (s).
        steps: steps of a solver, times the repeats of an edit.
        terms: terms of the guidance.
        queue: requests that wait for a worker.
        per_key: requests of one key, or of all clients without keys, that wait or run.
        per_minute: requests of one key in a minute; ``None`` for any number.
        upload: time for the body of a request (s).
        read: time for reading the files of a request (s).
        total: time of a request in all (s).
        kept: time that a result is kept for its client (s).
        results: results that are kept.
    """

    body: int = 32 * MIB
    duration: float = 60.0
    recording: float = 600.0
    steps: int = 200
    terms: int = 8
    queue: int = 64
    per_key: int = 64
    per_minute: int | None = None
    upload: float = 60.0
    read: float = 60.0
    total: float = 600.0
    kept: float = 600.0
    results: int = 64

    def check(self, values: Mapping[str, Any]) -> None:
        """Refuse values of a request that ask for more.

        Raises:
            SettingError: the key, the value and the limit.
        """
        jumps = values.get("jump_n_sample", 1)
        _check(values, "duration", self.duration)
        _check(values, "steps", self.steps)
        _check(values, "jump_n_sample", self.steps)
        if _is_number(jumps) and _is_number(values.get("steps", 1)):
            _check({"steps": jumps * values.get("steps", 1)}, "steps", self.steps)
        guidance = values.get("guidance")
        if isinstance(guidance, Mapping):
            _check({"guidance": len(guidance)}, "guidance", self.terms)
        if isinstance(guidance, str):
            _check({"guidance": guidance.count("=")}, "guidance", self.terms)

    def check_duration(self, seconds: float) -> None:
        """Refuse a length (s) of a take that follows from the files of a request.

        Raises:
            SettingError: it is longer.
        """
        _check({"duration": seconds}, "duration", self.duration)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check(values: Mapping[str, Any], key: str, most: float) -> None:
    value = values.get(key)
    if _is_number(value) and not value <= most:  # type: ignore[operator]
        raise SettingError(f"{key} is {shortened(value)}: this server allows at most {most:g}")
