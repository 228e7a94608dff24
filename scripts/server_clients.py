"""Clients of `measure_server.py`: takes, jobs, streams, edits, malformed and cancelled requests."""

from __future__ import annotations

import argparse
import base64
import io
import itertools
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import soundfile

from jasco.serving.uploads import allowed_keys

TEXTS = ("funk", "lo-fi piano", "drum and bass", "string quartet")
LENGTHS = (1.0, 0.9, 1.1)
CHORDS = (None, "C Am | F G", "Dm7 G7 | C")
ENDS = ("done", "failed", "cancelled")


def request(number: int, args: argparse.Namespace) -> dict[str, Any]:
    """Request of a number: text, chords, guidance and length differ."""
    chords = CHORDS[number % len(CHORDS)]
    given = {} if chords is None else {"chords": chords, "bpm": 120}
    return given | {
        "text": TEXTS[number % len(TEXTS)],
        "seed": number,
        "guidance": 1.0 + number % 3,
        "duration": round(args.duration * LENGTHS[number % len(LENGTHS)], 3),
        "steps": args.steps,
    }


def wav(seconds: float) -> dict[str, str]:
    """Recording of noise, as a file in a request."""
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, int(16000 * seconds))
    file = io.BytesIO()
    soundfile.write(file, noise, 16000, format="WAV")
    return {"name": "a.wav", "base64": base64.b64encode(file.getvalue()).decode()}


BAD_VALUES: tuple[Any, ...] = (
    [],
    {},
    "",
    -1,
    10**30,
    1e308,
    True,
    "\0",
    "../../etc/passwd",
    "a" * 30_000,
    {"name": "../a.wav", "base64": "%"},
    {"base64": base64.b64encode(b"RIFF").decode(), "name": "a.wav"},
    [[[[]]]],
    "sample:../../x",
)
RAW = (
    (b"{", "application/json"),
    (b"\xff" * 100, "application/json"),
    (b"[" * 10_000, "application/json"),
    (b"{}", "text/plain"),
    (b"--a\r\n", "multipart/form-data; boundary=a"),
    (b"--a", "multipart/form-data"),
    (b'{"text": NaN}', "application/json"),
    (b'{"text": "a", "text": "b"}', "application/json"),
)


def malformed() -> list[tuple[bytes, str]]:
    """500 kinds of malformed requests: body and content type."""
    pairs = itertools.product(sorted(allowed_keys()), BAD_VALUES)
    bodies = [
        (json.dumps({"text": "a", "duration": 0.2, "steps": 1, key: value}).encode(), RAW[0][1])
        for key, value in pairs
        if not (value is True and key in ("wait", "stream"))
    ]
    random.Random(0).shuffle(bodies)
    return [*RAW, *bodies][:500]


class Mixed:
    """Clients of all kinds, whose answers are counted."""

    def __init__(self, url: str, args: argparse.Namespace) -> None:
        self.url, self.args = url, args
        self.numbers, self.bad = itertools.count(), itertools.cycle(malformed())
        self.lock = threading.Lock()
        self.found: Counter[str] = Counter()
        self.lost: list[str] = []
        self.seconds: list[float] = []
        self.edited = wav(1.0)
        kinds: list[Callable[[httpx.Client, dict[str, Any]], str]] = [self.take] * 6
        kinds += [self.malformed] * 6 + [self.job] * 3 + [self.stream, self.edit, self.cancelled]
        self.kinds = [*kinds, self.slow, self.gone]

    def one(self, client: httpx.Client) -> None:
        """Request of one kind, whose answer is noted."""
        with self.lock:
            number = next(self.numbers)
        kind = random.Random(number).choice(self.kinds)
        begun = time.monotonic()
        try:
            outcome = kind(client, request(number, self.args))
        except (httpx.HTTPError, OSError) as error:
            outcome = "lost"
            self.lost.append(f"request {number}: {kind.__name__}: {error!r}")
        with self.lock:
            self.found[f"{kind.__name__} {outcome}"] += 1
            if kind == self.take:
                self.seconds.append(time.monotonic() - begun)

    def take(self, client: httpx.Client, body: dict[str, Any]) -> str:
        answer = client.post("/v1/generate", json=body)
        if answer.status_code == 200:
            soundfile.read(io.BytesIO(answer.content))
        return str(answer.status_code)

    def malformed(self, client: httpx.Client, body: dict[str, Any]) -> str:
        with self.lock:
            data, kind = next(self.bad)
        answer = client.post("/v1/generate", content=data, headers={"content-type": kind})
        if answer.status_code >= 500 and "died" not in answer.text:
            self.lost.append(f"{answer.status_code} for {data[:200]!r}: {answer.text}")
        return str(answer.status_code)

    def job(self, client: httpx.Client, body: dict[str, Any]) -> str:
        answer = client.post("/v1/generate", json=body | {"wait": False})
        if answer.status_code != 202:
            return str(answer.status_code)
        place = answer.headers["location"]
        while (state := client.get(place).json())["status"] not in ENDS:
            time.sleep(0.05)
        client.get(f"{place}/audio")
        client.delete(place)
        return str(state["status"])

    def stream(self, client: httpx.Client, body: dict[str, Any]) -> str:
        with client.stream("POST", "/v1/generate", json=body | {"stream": True}) as answer:
            data = answer.read()
        return f"{answer.status_code}{'' if data else ' without data'}"

    def edit(self, client: httpx.Client, body: dict[str, Any]) -> str:
        own = {"text": body["text"], "seconds": "0.2:0.6", "steps": 1, "edit": self.edited}
        return str(client.post("/v1/generate", json=own).status_code)

    def cancelled(self, client: httpx.Client, body: dict[str, Any]) -> str:
        answer = client.post("/v1/generate", json=body | {"wait": False, "steps": 50})
        if answer.status_code != 202:
            return str(answer.status_code)
        time.sleep(random.uniform(0, 0.3))
        state = client.delete(answer.headers["location"]).json()
        return str(state["status"])

    def gone(self, client: httpx.Client, body: dict[str, Any]) -> str:
        """Client that leaves before the answer."""
        try:
            client.post("/v1/generate", json=body | {"steps": 50}, timeout=0.2)
        except httpx.TimeoutException:
            return "left"
        return "answered"

    def slow(self, client: httpx.Client, body: dict[str, Any]) -> str:
        """Client that sends its body in pieces, and reads the answer in pieces."""
        host, port = self.url.removeprefix("http://").split(":")
        data = json.dumps(body).encode()
        head = f"POST /v1/generate HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(data)}\r\n"
        head += "Content-Type: application/json\r\nConnection: close\r\n\r\n"
        with socket.create_connection((host, int(port)), self.args.timeout) as own:
            own.sendall(head.encode())
            for byte in range(0, len(data), 16):
                own.sendall(data[byte : byte + 16])
                time.sleep(0.05)
            found = b""
            while piece := own.recv(2**12):
                found += piece
                time.sleep(0.01)
        if not found:
            raise OSError("no answer")
        return found.split()[1].decode()
