"""Routes of the page: hosts, names, sizes and wrong questions."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from jasco.errors import MissingPartError
from jasco.pipeline.source import ModelSource
from jasco.studio import web
from jasco.studio.app import make_app
from jasco.studio.models import Models
from jasco.studio.workspace import Workspace

HOST = "http://127.0.0.1:7860"
SAMPLES = Path(__file__).resolve().parents[2] / "assets" / "samples"


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(ModelSource("demo"))


@pytest.fixture
def client(models: Models) -> TestClient:
    app = Starlette(routes=web.routes(models, Workspace()), middleware=[Middleware(web.LocalOnly)])
    return TestClient(app, base_url=HOST)


def test_the_page_and_its_parts_are_served(client: TestClient) -> None:
    page = client.get("/")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("http-equiv", "")  # nothing of another server
    for name in ("main.js", "studio.css", "icon.svg"):
        assert client.get(f"/studio/static/{name}").status_code == 200
    facts = client.get("/studio/facts").json()
    assert facts["model"]["controls"] == ["text", "chords", "drums", "melody"]
    assert "bossa" in facts["patterns"]


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "example.org"},
        {"host": "192.168.1.3:7860"},
        {"origin": "http://example.org"},
        {"origin": "http://127.0.0.1:7861"},
        {"origin": "null"},
    ],
)
def test_other_hosts_and_origins_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get("/studio/facts", headers=headers).status_code == 403
    assert client.get("/studio/facts", headers={"origin": HOST}).status_code == 200


@pytest.mark.parametrize("name", ["..%2fweb.py", "%2e%2e/web.py", "Main.js", "x.js"])
def test_no_other_file_is_served(client: TestClient, name: str) -> None:
    assert client.get(f"/studio/static/{name}").status_code == 404
    assert client.get(f"/studio/file/{name}").status_code == 404


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"3", b'{"text": 3, "bpm": [], "metre": {}}'])
@pytest.mark.parametrize("question", ["chords", "pattern", "here"])
def test_a_wrong_question_has_an_answer(client: TestClient, question: str, body: bytes) -> None:
    assert client.post(f"/studio/{question}", content=body).json()["error"]


def test_a_broken_chart_that_is_pasted_is_named_without_a_path(client: TestClient) -> None:
    given = {"text": "X:1\nK:C\n", "bpm": 96, "metre": "4/4"}
    error = client.post("/studio/chords", json=given).json()["error"]
    assert error.startswith("pasted text as ABC: ")


def test_a_file_that_is_too_large_is_refused(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "MAX_UPLOAD", 2**20)
    answer = client.post("/studio/upload?kind=drums&name=a.wav", content=bytes(2**20 + 1)).json()
    assert answer["error"] == "a.wav is larger than 1 MB: give a part of it"
    assert (
        "4,194,304 bytes" in client.post("/studio/chords", content=bytes(2**22 + 1)).json()["error"]
    )


def test_files_of_each_kind_are_read_at_once(client: TestClient) -> None:
    def give(kind: str, path: Path) -> dict:
        address = f"/studio/upload?kind={kind}&name={path.name}&bpm=100"
        return client.post(address, content=path.read_bytes()).json()

    beat = give("drums", SAMPLES / "beat.ogg")
    assert len(beat["onsets"]) > 20 and beat["duration"] > 5
    assert client.get(f"/studio/file/{beat['id']}").content == (SAMPLES / "beat.ogg").read_bytes()
    assert give("melody", SAMPLES / "tune.mid")["melody"]
    assert give("chart", SAMPLES / "tune.mid")["sheet"]["melody"]
    assert give("take", SAMPLES / "beat.ogg")["error"].startswith("beat.ogg holds no recipe")
    assert "drums, song, melody, chart, take" in give("magic", SAMPLES / "beat.ogg")["error"]
    assert give("melody", SAMPLES / "song.json")["error"]


def test_without_gradio_the_extra_is_named(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(MissingPartError, match=r"pip install 'jasco\[ui\]'"):
        make_app(models, Workspace())
