"""Two passes over the recordings, which make the tracks of the prepared dataset.

Every recording is decoded once: the first pass, which needs processors, leaves the decoded audio in
a file for the second, which has the models. Windows of one track may be computed together, those of
two tracks never, so that the bytes of a track do not depend on its neighbours.
"""

from __future__ import annotations

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from jasco.audio import Audio, load_channels
from jasco.data import track_file
from jasco.data.track_file import Signature
from jasco.errors import AudioError, CheckpointError, DataError, MissingPartError
from jasco.io.files import regular_file
from jasco.notices import describe
from jasco.prepare.executors import Job
from jasco.prepare.stages.stage import Extract, Stage

MIN_DURATION = 1.0
"""Length (s) of the shortest recording; shorter ones hold neither a chord nor a rhythm."""
SILENCE = 1e-4
"""Peak, -80 dBFS, up to which a recording is refused as silent."""
PARKED = ".parked"
"""Folder in the dataset of the files between the two passes, emptied by every run."""


@dataclass(frozen=True)
class _Pass(ABC):
    """Pass that runs stages and writes tracks.

    Args:
        root: folder of the dataset.
        stages: stages of the pass.
        signatures: signatures of the stages of both passes, by name.
        channels: channels of the decoded audio; 1 for the mono mix.
    """

    root: Path
    stages: tuple[Stage, ...]
    signatures: Mapping[str, Signature]
    channels: int = 1

    needs: ClassVar[Literal["processor", "model"]]

    def open(self, device: torch.device) -> Callable[[Job], Job]:
        """Open the stages; see `jasco.prepare.executors.Pass`."""
        extracts = {stage.name: stage.open(device) for stage in self.stages}
        return lambda job: _guarded(self._work, job, extracts)

    @abstractmethod
    def _work(self, job: Job, extracts: Mapping[str, Extract]) -> Job: ...

    def _todo(self, job: Job) -> tuple[str, ...]:
        """Stages whose result is missing in the file of the track, or outdated."""
        held = track_file.find_header(self.root / track_file.track_file(job.id))
        current = held.stages if held else {}
        return tuple(n for n in self.signatures if current.get(n) != self.signatures[n])

    def _extract(
        self, job: Job, extracts: Mapping[str, Extract], audio: Audio
    ) -> tuple[Job, dict[str, Tensor]]:
        tensors: dict[str, Tensor] = {}
        seconds = dict(job.seconds)
        for stage in self.stages:
            if stage.name in job.todo:
                start = time.perf_counter()
                found = extracts[stage.name](audio.with_channels(stage.channels))
                tensors |= {name: found[name] for name in stage.gives}
                seconds[stage.name] = time.perf_counter() - start
        return replace(job, seconds=seconds), tensors

    def _write(self, job: Job, tensors: Mapping[str, Tensor]) -> Job:
        """Write the file of the track, with the tensors of other stages that it has."""
        path = self.root / track_file.track_file(job.id)
        held = track_file.find_header(path)
        kept = track_file.read_tensors(path, exclude=tensors) if held else {}
        stages = {**(held.stages if held else {}), **{n: self.signatures[n] for n in job.todo}}
        self._mark(job).touch()
        track_file.write_track(self.root, job.id, job.duration, stages, {**kept, **tensors})
        return job.ended("done")

    def _parked(self, job: Job) -> Path:
        return self.root / PARKED / f"{job.number}.safetensors"

    def _mark(self, job: Job) -> Path:
        """Empty file that tells a track of this run from older ones when a job is tried again."""
        return self.root / PARKED / f"{job.number}.done"


class DecodePass(_Pass):
    """Pass that hashes a recording, decodes it and runs the stages without models."""

    needs = "processor"

    def _work(self, job: Job, extracts: Mapping[str, Extract]) -> Job:
        job = replace(job, id=content_hash(Path(job.path)))
        job = replace(job, todo=self._todo(job))
        if not job.todo:
            return job.ended("done" if self._mark(job).exists() else "skipped")
        start = time.perf_counter()
        audio = load_channels(Path(job.path), self.channels)
        refuse_unfit(audio, job.path)
        seconds = {"reading": time.perf_counter() - start}
        job = replace(job, duration=audio.duration, seconds=seconds)
        job, tensors = self._extract(job, extracts, audio)
        if set(job.todo) <= set(extracts):
            return self._write(job, tensors)
        rate = torch.tensor(audio.sample_rate)
        try:
            save_file({"audio": audio.samples, "rate": rate, **tensors}, self._parked(job))
        except (OSError, SafetensorError) as error:
            raise DataError(f"cannot write to {self.root}: {error}") from error
        return job


class ModelPass(_Pass):
    """Pass that runs the stages with models on the audio of `DecodePass`, and writes the track."""

    needs = "model"

    def _work(self, job: Job, extracts: Mapping[str, Extract]) -> Job:
        parked = self._parked(job)
        if not parked.exists() and not self._todo(job):
            return job.ended("done")  # by a worker that died before it could return the job
        try:
            tensors = load_file(parked)  # mapped to memory, not read
            audio = Audio(tensors.pop("audio"), int(tensors.pop("rate")))
            job, found = self._extract(job, extracts, audio)
            return self._write(job, {**tensors, **found})
        finally:
            parked.unlink(missing_ok=True)


def content_hash(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        AudioError: the file cannot be read.
    """
    try:
        with regular_file(path, AudioError).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AudioError(f"cannot read {path}: {error.strerror}") from error


def refuse_unfit(audio: Audio, path: str) -> None:
    """Refuse a recording that is too short or silent.

    Raises:
        AudioError: the recording is too short or silent.
    """
    if audio.duration < MIN_DURATION:
        raise AudioError(
            f"{path} lasts {audio.duration:.2f} s: a track of {MIN_DURATION:g} s at least is wanted"
        )
    low, high = audio.samples.aminmax()
    if max(-float(low), float(high)) < SILENCE:
        raise AudioError(f"{path} is silent: no peak reaches -80 dBFS")


def _guarded(
    work: Callable[[Job, Mapping[str, Extract]], Job], job: Job, extracts: Mapping[str, Extract]
) -> Job:
    """Job after the work; an error is its outcome."""
    try:
        return work(job, extracts)
    except (MissingPartError, CheckpointError, DataError) as error:
        return job.ended("fatal", describe(error))
    except Exception as error:  # a bad recording must not end the run
        return job.ended("bad", describe(error))
