"""Reader of files: a process that dies is replaced, also one that dies while it starts."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from jasco.serving.limits import Limits
from jasco.serving.prepared import ModelFacts
from jasco.serving.reader import FileReader
from jasco.serving.uploads import Asked


def test_a_reader_that_dies_while_it_starts_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = FileReader(Limits(), tmp_path)
    try:
        reader.open(ModelFacts("a", None, ("text",), 32000, 1, 50.0, 10.0, "cpu", "float32", 1))
        restart, starts = reader._child.restart, []

        def killed_once() -> None:
            restart()
            starts.append(reader.pid)
            if len(starts) == 1:
                os.kill(reader.pid, signal.SIGKILL)

        monkeypatch.setattr(reader._child, "restart", killed_once)
        os.kill(reader.pid, signal.SIGKILL)
        prepared, _ = reader.read(Asked.of({"text": "a", "seed": 3}, {}))
        assert prepared.values["text"] == "a" and len(set(starts)) == 2
    finally:
        reader.close()
    assert not list(tmp_path.iterdir())
