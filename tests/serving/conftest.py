"""One server with a small model for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import Running, running

from jasco import Jasco


@pytest.fixture(scope="session")
def tiny_folder(tiny: Jasco, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_pretrained(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def model(tiny_folder: Path) -> Jasco:
    """Model as the server loads it."""
    return Jasco.from_pretrained(tiny_folder, device="cpu")


@pytest.fixture(scope="package")
def server(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("server")
    limits = ["--max-steps", "100000", "--queue", "6", "--max-body", "1", "--max-duration", "20"]
    options = ["--model", str(tiny_folder), "--device", "cpu", "--batch-size", "4", *limits]
    with running(folder, *options) as found:
        yield found
