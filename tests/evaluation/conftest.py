"""Songs of the band, prepared for the tiny model."""

from __future__ import annotations

from pathlib import Path

import pytest

from jasco.data.prepared import PreparedDataset
from jasco.data.synthesis import EXACT, Band, synthesize
from jasco.evaluation.items import Items
from jasco.model import Jasco
from jasco.preprocess.codec import CodecSource
from jasco.preprocess.executors import LocalExecutor


@pytest.fixture(scope="session")
def prepared(soundfont: Path, tiny: Jasco, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four songs of 4 s with drums and a lead, and their exact labels."""
    folder = tmp_path_factory.mktemp("evaluated")
    model = tiny.save_pretrained(folder / "model")
    band = Band(folder / "band", seed=1, seconds=4.0)
    synthesize(band, 4, LocalExecutor(1, 1, "cpu"), codec=CodecSource(str(model)), progress=False)
    assert len(PreparedDataset(band.out / EXACT)) == 4
    return band.out / EXACT


@pytest.fixture(scope="session")
def items(prepared: Path, tiny: Jasco) -> Items:
    return Items(prepared, tiny, duration=3.0)
