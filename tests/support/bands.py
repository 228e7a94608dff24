"""Songs of the band as a prepared dataset, made in this process."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import torch

from jasco.band.dataset import EXACT, synthesize
from jasco.band.folder import Band
from jasco.checkpoint.codec import CodecSource
from jasco.prepare.executors import Executor, Job, Pass


class Here(Executor):
    """Works through jobs without starting processes."""

    def run(self, jobs: Sequence[Job], passes: Sequence[Pass]) -> Generator[Job]:
        works = [one.open(torch.device("cpu")) for one in passes]
        for job in jobs:
            for work in works:
                job = job if job.outcome else work(job)
            yield job


def prepare_band(folder: Path, model: Path, songs: int, seconds: float) -> Path:
    """Songs with exact labels, for the codec of a model; returns the dataset."""
    band = Band(folder, seed=1, seconds=seconds)
    synthesize(band, songs, Here(), codec=CodecSource(str(model)), progress=False)
    return folder / EXACT
