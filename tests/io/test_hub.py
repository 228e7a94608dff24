"""Finding files, against a Hub that this test serves on the loopback."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from huggingface_hub import constants

from jasco.conditions import Conditions
from jasco.errors import CheckpointError
from jasco.io.hub import HubOptions, locate


class Hub(BaseHTTPRequestHandler):
    """Answers every request as the real Hub answers one for a repository of that name."""

    def answer(self) -> None:
        code, error = {
            "gated": (403, "GatedRepo"),
            "missing": (401, "RepoNotFound"),
            "revision": (404, "RevisionNotFound"),
            "broken": (500, ""),
        }[next(name for name in ("gated", "missing", "revision", "broken") if name in self.path)]
        self.send_response(code)
        if error:
            self.send_header("X-Error-Code", error)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_POST = answer

    def log_message(self, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def hub(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        constants.ENDPOINT + "/{repo_id}/resolve/{revision}/{filename}",
    )
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("owner/gated", "accept its licence"),
        ("owner/missing", "check the spelling"),
        ("owner/revision", "no revision 'v9'"),
    ],
)
def test_what_the_hub_refuses(hub, tmp_path, name, message):
    with pytest.raises(CheckpointError, match=message):
        locate(name, ["*"], HubOptions(revision="v9", cache_dir=tmp_path, token=False))


def test_a_hub_that_is_broken_or_gone(hub, tmp_path, monkeypatch):
    options = HubOptions(cache_dir=tmp_path, token=False)
    with pytest.raises(CheckpointError, match="owner/broken"):
        locate("owner/broken", ["*"], options)
    hub.shutdown()
    hub.server_close()
    with pytest.raises(CheckpointError, match="owner/gone"):
        locate("owner/gone", ["*"], options)


def test_a_folder_is_taken_as_it_is(tmp_path):
    found = locate(tmp_path, ["*"], HubOptions())
    assert (found.folder, found.revision) == (tmp_path, None)


def test_pushing_says_why_it_failed(hub, tiny):
    with pytest.raises(CheckpointError, match="owner/missing could not be written"):
        tiny.push_to_hub("owner/missing", token="hf_none")
    assert tiny.generate(Conditions(text="still here"), duration=0.5).audio.shape[-1] == 16000
