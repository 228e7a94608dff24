"""Keys, hosts and limits of a server, without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse

from jasco.cli.serve import main
from jasco.errors import SettingError
from jasco.serving.access import Access, Gate, read_keys
from jasco.serving.app import Service, make_app
from jasco.serving.limits import Limits
from jasco.serving.metrics import Metrics
from jasco.serving.prepared import ModelFacts, Prepared
from jasco.serving.scheduler import Scheduler

KEY, OTHER = "k" * 20, "o" * 20


def answer(gate: Gate, path: str = "/v1/models", method: str = "GET", **headers: str):
    """Status and headers of the answer to a request."""
    sent: list[dict] = []
    raw = {"host": "service.example", **headers}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in raw.items()],
    }

    async def send(message: dict) -> None:
        sent.append(message)

    async def receive() -> dict:
        return {"type": "http.request", "body": b"", "more_body": False}

    asyncio.run(gate(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"])


def gate(keys: Sequence[str] = (KEY, OTHER), **limits: int) -> Gate:
    access = Access.of("0.0.0.0", keys)

    async def app(scope, receive, send) -> None:
        await PlainTextResponse(scope["state"]["owner"])(scope, receive, send)

    return Gate(app, access, Limits(**limits), Metrics())


def test_another_host_needs_a_key() -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "service.example"):
        with pytest.raises(SettingError, match="--key-file"):
            Access.of(host, [])
    assert Access.of("127.0.0.1", []).keys == {}
    with pytest.raises(SettingError, match="at least 16"):
        Access.of("0.0.0.0", ["short"])


def test_the_command_refuses_another_host_before_the_model(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JASCO_SERVE_KEY", raising=False)
    assert main(["--host", "0.0.0.0", "--model", "no such model"]) == 1
    assert "--key-file" in capsys.readouterr().err


def test_a_key_is_asked_for() -> None:
    found = gate()
    assert answer(found)[0] == 401
    assert answer(found, authorization="Bearer wrong")[0] == 401
    assert answer(found, authorization=f"Bearer {KEY}")[0] == 200
    assert answer(found, x_api_key=OTHER)[0] == 200


def test_a_key_has_a_rate() -> None:
    found = gate(per_minute=2)
    for _ in range(2):
        assert answer(found, method="POST", authorization=f"Bearer {KEY}")[0] == 200
    status, headers = answer(found, method="POST", authorization=f"Bearer {KEY}")
    assert status == 429 and 1 <= int(headers[b"retry-after"]) <= 60
    assert answer(found, method="POST", authorization=f"Bearer {OTHER}")[0] == 200


@pytest.mark.parametrize("length", ["101", "-1", "1e3", "9" * 30])
def test_a_body_over_the_limit_is_refused_by_its_length(length: str) -> None:
    status, _ = answer(gate(body=100), authorization=f"Bearer {KEY}", content_length=length)
    assert status == 413


def test_keys_come_from_a_file_and_a_variable(tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    path.write_text(f"# mine\n{KEY}\n\n")
    assert read_keys(path, OTHER) == [OTHER, KEY]
    path.write_text("# none\n")
    with pytest.raises(SettingError, match="no key"):
        read_keys(path, None)
    with pytest.raises(SettingError, match="cannot read"):
        read_keys(tmp_path / "absent", None)


def test_clients_see_their_own_jobs_and_slow_bodies_end(tmp_path: Path) -> None:
    facts = ModelFacts("a", None, ("text",), 32000, 1, 50.0, 10.0, "cpu", "float32", 1)
    limits = Limits(upload=0.05)

    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    async def clients() -> None:
        scheduler = Scheduler([None], limits, 1, tmp_path, Metrics())  # which never begins
        service = Service(scheduler, None, facts)  # no file of a request is read
        app = make_app(service, Access.of("0.0.0.0", [KEY, OTHER]))
        job = await scheduler.submit(
            "key1", "wav", Prepared({}, {}, {}, {}, None, (), None, 1.0), (b"", b"")
        )
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
            own, other = ({"authorization": f"Bearer {key}"} for key in (KEY, OTHER))
            for method, path in (("GET", ""), ("GET", "/audio"), ("DELETE", "")):
                place = f"/v1/jobs/{job.id}{path}"
                assert (await client.request(method, place, headers=other)).status_code == 404
            state = await client.get(f"/v1/jobs/{job.id}", headers=own)
            assert state.json()["status"] == "queued"
            kind = {"content-type": "application/json"}
            slow = await client.post("/v1/generate", content=endless(), headers=own | kind)
            assert slow.status_code == 408

    asyncio.run(clients())
