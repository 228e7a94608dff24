"""Songs of the band as a prepared dataset, made in this process."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import torch

from jasco.data.synthesis import EXACT, Band, synthesize
from jasco.preprocess.codec import CodecSource
from jasco.preprocess.executors import Executor, Job, Step


class Here(Executor):
    """Works through jobs without starting processes."""

    def run(self, jobs: Sequence[Job], steps: Sequence[Step]) -> Generator[Job]:
        works = [step.open(torch.device("cpu")) for step in steps]
        for job in jobs:
            for work in works:
                job = job if job.outcome else work(job)
            yield job


def prepare_band(folder: Path, model: Path, songs: int, seconds: float) -> Path:
    """Songs with exact labels, for the codec of a model; returns the dataset."""
    band = Band(folder, seed=1, seconds=seconds)
    synthesize(band, songs, Here(), codec=CodecSource(str(model)), progress=False)
    return folder / EXACT
