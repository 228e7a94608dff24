"""Songs of the band, prepared for the tiny model."""

from __future__ import annotations

from pathlib import Path

import pytest
from bands import prepare_band

from jasco.evaluation.items import Items
from jasco.model import Jasco


@pytest.fixture(scope="session")
def prepared(soundfont: Path, tiny: Jasco, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four songs of 4 s and their exact labels."""
    folder = tmp_path_factory.mktemp("evaluated")
    return prepare_band(folder / "band", tiny.save_pretrained(folder / "model"), 4, 4.0)


@pytest.fixture(scope="session")
def items(prepared: Path, tiny: Jasco) -> Items:
    return Items(prepared, tiny, duration=3.0)
