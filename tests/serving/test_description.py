"""Requests drawn from the OpenAPI description: none makes the server fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from servers import running


def test_no_drawn_request_is_a_server_error(tiny_folder: Path, tmp_path: Path) -> None:
    limits = ["--max-steps", "9", "--max-duration", "1"]
    options = ["--model", str(tiny_folder), "--device", "cpu", *limits]
    with running(tmp_path, *options) as server:
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"]
        settings = ["--checks", "not_a_server_error", "--max-examples", "12", "--seed", "1"]
        found = subprocess.run(
            [*command, *settings, "--phases", "examples,fuzzing"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert found.returncode == 0, found.stdout
        text = server.client.get("/metrics").text
        assert 'jasco_responses_total{status="422"}' in text and 'status="5' not in text
        assert not server.files()
