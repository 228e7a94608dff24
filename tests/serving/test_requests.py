"""Malformed and hostile requests: each has an answer that says why, and leaves nothing behind."""

from __future__ import annotations

import io
import json
import zipfile
from base64 import b64encode
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from servers import Running

SHORT = {"text": "a", "duration": 0.5, "steps": 1}


def wav(seconds: float, rate: int = 8000) -> bytes:
    found = io.BytesIO()
    soundfile.write(found, np.zeros(round(seconds * rate)), rate, format="WAV", subtype="PCM_U8")
    return found.getvalue()


def flac_of(seconds: int) -> bytes:
    """A small file that decodes to much."""
    found = io.BytesIO()
    soundfile.write(found, np.zeros(seconds * 8000, np.int16), 8000, format="FLAC")
    return found.getvalue()


def bomb() -> bytes:
    """A compressed MusicXML file of 64 MB of spaces."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", " " * 64 * 2**20)
    return found.getvalue()


def file(data: bytes, name: str = "a.wav") -> dict[str, str]:
    return {"name": name, "base64": b64encode(data).decode()}


ENTITIES = b"""<?xml version="1.0"?><!DOCTYPE score-partwise [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/hostname">]>
<score-partwise><part-list>&b;&c;</part-list></score-partwise>"""

REFUSED = {
    "nothing asked for": {},
    "an unknown key": {"text": "a", "txt": "b"},
    "an output": {"text": "a", "output": "/etc/passwd"},
    "an adapter": {"text": "a", "adapter": "/etc"},
    "a session": {"text": "a", "session": "here"},
    "several takes": {"text": "a", "samples": 4},
    "a text of another type": {"text": 3},
    "a long text": {"text": "a" * 30_000},
    "a text with a NUL": {"text": "a\0b"},
    "a text that names a file": {"text": "/etc/hosts.wav"},
    "an unknown format": {"text": "a", "format": "../a"},
    "wait of another type": {"text": "a", "wait": "no"},
    "a duration below zero": {"text": "a", "duration": -1},
    "a duration above the limit": {"text": "a", "duration": 21},
    "a duration by bars": {"text": "a", "loop": True, "bars": 100, "bpm": 60},
    "a duration by a chart": {
        "chart": file(b"{title: a}\n" + b"[C]la [F]la\n" * 400, "a.cho"),
        "bpm": 60,
    },
    "too many steps": {"text": "a", "steps": 10**9},
    "steps that repeat": {"text": "a", "edit": file(wav(2)), "seconds": "0:1", "steps": 50_000}
    | {"jump_n_sample": 100},
    "guidance of many terms": {"text": "a", "guidance": {f"a{k}": 1 for k in range(9)}},
    "guidance without bound": {"text": "a", "guidance": 1e9},
    "a seed of many digits": {"text": "a", "seed": 10**30},
    "an unreadable chord": {"chords": "C Xq"},
    "chords of another type": {"chords": {"C": 0}},
    "a path of chords": {"chords": "/etc/passwd.lab"},
    "a path of chords in JSON": {"chords": "chords.json"},
    "a path of drums": {"drums": "/etc/passwd"},
    "a path of a recording": {"drums_from": "../../song.mp3"},
    "a path of a melody": {"melody": "tune.mid"},
    "a path of a chart": {"chart": "song.xml"},
    "a path of a take": {"edit": "song.flac", "seconds": "0:1"},
    "a link to another file": {"chart": "file:///etc/passwd"},
    "a sample outside the folder": {"drums": "sample:../demo/config.yaml"},
    "no base64": {"drums": {"name": "a.wav", "base64": "%%%"}},
    "a file with a further key": {"drums": {"base64": "", "path": "/etc/passwd"}},
    "an empty file": {"drums": file(b"")},
    "a file that is no audio": {"drums": file(b"no audio" * 100)},
    "a melody that is a pickle": {"melody": file(b"\x80\x04\x95\x05\x00\x00\x00", "a.pt")},
    "a long recording": {"drums_from": file(flac_of(7200), "a.flac")},
    "a compressed chart of much": {"chart": file(bomb(), "a.mxl"), "bpm": 100},
    "a chart of entities": {"chart": file(ENTITIES, "a.musicxml"), "bpm": 100},
    "a name that leaves the folder": {"melody": file(b"", "../../../a.mid")},
    "a stream of a loop": {"text": "a", "loop": True, "bars": 1, "bpm": 120, "stream": True},
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_is_refused_with_the_reason(server: Running, name: str) -> None:
    body = {"steps": 1, **REFUSED[name]}
    answer = server.client.post("/v1/generate", json=body)
    assert answer.status_code == 422, answer.text
    text = answer.json()["error"]
    assert "\n" not in text and "Traceback" not in text
    assert str(server.temporary) not in text
    assert not server.files()


BODIES = {
    "no JSON": (b"text", "application/json", 400),
    "a list": (b"[]", "application/json", 400),
    "a number that is not finite": (b'{"text": "a", "duration": NaN}', "application/json", 400),
    "a key twice": (b'{"text": "a", "text": "b"}', "application/json", 400),
    "deep JSON": (b"[" * 100_000, "application/json", 400),
    "bytes that are no text": (b'{"text": "\xff"}', "application/json", 400),
    "another content type": (b"text=a", "application/x-www-form-urlencoded", 415),
    "no content type": (b"{}", "", 415),
    "a form without a boundary": (b"--a", "multipart/form-data", 400),
    "a form that ends early": (b"--a\r\nContent-", "multipart/form-data; boundary=a", 422),
    "a large body": (b" " * (2**20 + 1), "application/json", 413),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_is_refused(server: Running, name: str) -> None:
    body, kind, status = BODIES[name]
    answer = server.client.post("/v1/generate", content=body, headers={"content-type": kind})
    assert answer.status_code == status and answer.json()["error"]


def test_a_large_body_without_a_length_is_refused(server: Running) -> None:
    pieces = (b" " * 2**16 for _ in range(17))
    headers = {"content-type": "application/json"}
    answer = server.client.post("/v1/generate", content=pieces, headers=headers)
    assert answer.status_code == 413


def test_parts_of_a_form_are_checked(server: Running) -> None:
    post, file = server.client.post, {"drums": ("a.wav", wav(1))}
    text = json.dumps(SHORT)
    for data, files in (
        ({"request": text, "melody": "tune.mid"}, file),
        ({"request": json.dumps(SHORT | {"drums": "bossa"})}, file),
        ({"request": text}, {"output": ("a.wav", wav(1))}),
        ({"request": text}, {"drums": ("a.wav", b"no audio")}),
    ):
        answer = post("/v1/generate", data=data, files=files)
        assert answer.status_code in (400, 422) and answer.json()["error"]
    assert post("/v1/generate", data={"request": text}, files=file).status_code == 200


def test_paths_and_methods_are_known(server: Running) -> None:
    client = server.client
    assert client.get("/v1/generate").status_code == 405
    for path in ("/v1/jobs/none", "/v1/jobs/none/audio", "/v1/jobs/..%2f..%2fetc", "/docs", "/x"):
        assert client.get(path).status_code == 404
    assert client.delete("/v1/jobs/none").status_code == 404


def test_other_hosts_and_origins_are_refused(server: Running) -> None:
    get, port = server.client.get, server.url.rpartition(":")[2]
    for headers in (
        {"host": "attacker.example"},
        {"host": f"attacker.example:{port}"},
        {"origin": "https://attacker.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
    ):
        assert get("/v1/models", headers=headers).status_code == 403
    assert get("/v1/models", headers={"origin": server.url}).status_code == 200
    assert get("/v1/models", headers={"host": f"localhost:{port}"}).status_code == 200


def test_it_listens_on_loopback_only(server: Running) -> None:
    port = int(server.url.rpartition(":")[2])
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    listening = {line.split()[1] for line in lines if line.split()[3] == "0A"}
    found = [place for place in listening if int(place.rpartition(":")[2], 16) == port]
    assert found == [f"0100007F:{port:04X}"]


def test_every_path_of_the_description_is_answered(server: Running) -> None:
    described = httpx.get(f"{server.url}/openapi.json").json()
    assert set(described["paths"]["/v1/jobs/{id}"]) == {"get", "delete"}
    body = described["paths"]["/v1/generate"]["post"]["requestBody"]["content"]
    assert {"text", "chords", "drums", "format"} <= set(
        body["application/json"]["schema"]["properties"]
    )
