"""Scoring of takes in parallel processes: audio is written, controls are extracted and scored."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jasco.adherence import ControlExtractor, Controls, adherence, comparison
from jasco.adherence.controls import any_uses_salience
from jasco.adherence.scores import named
from jasco.audio import Audio, save_audio
from jasco.controls import CONTROLS
from jasco.controls.spec import imported
from jasco.errors import SettingError
from jasco.evaluation.items import Excerpt
from jasco.evaluation.records import Key, to_json
from jasco.evaluation.settings import CEILING
from jasco.metrics import TAKE_METRICS
from jasco.workers import WorkerPool, one_thread


@dataclass(frozen=True)
class ExtractorConfig:
    """Configuration of the extraction of controls from takes.

    Attributes:
        controls: controls to extract, of `jasco.controls.CONTROLS`.
        metrics: further metrics, of `jasco.metrics.TAKE_METRICS`.
        weights: file of the salience network, see `ControlExtractor.load`.
        dtype: precision of its convolutions.
        chords: extractors of chords by name; ``None`` for those that are installed.
    """

    controls: tuple[str, ...]
    metrics: tuple[str, ...] = ()
    weights: str | None = None
    dtype: str = "auto"
    chords: Sequence[str] | None = None

    def facts(self) -> dict[str, Any]:
        """Settings as JSON data, with the fingerprint of the salience network."""
        # Earlier versions state these two, whether they are measured or not.
        facts: dict[str, Any] = {"signal": False, "chroma": False}
        facts |= dict.fromkeys(self.metrics, True)
        facts["controls"] = list(self.controls)
        extractor = self.open()
        for name in self.controls:
            if (found := comparison(name).facts(extractor)) is not None:
                facts[name] = found
        return facts

    def open(self) -> ControlExtractor:
        """Load the extractor.

        Raises:
            CheckpointError, SettingError: see `ControlExtractor.load`.
        """
        if not any_uses_salience(self.controls):
            return ControlExtractor(None, chords=self.chords)
        return ControlExtractor.load(
            self.weights, device="cpu", dtype=self.dtype, chords=self.chords
        )

    def scorer(self) -> Callable[[Take], dict[str, Any]]:
        """Function `score_take` with a loaded extractor."""
        return partial(score_take, extractor=self.open(), config=self)


@dataclass(frozen=True, eq=False)
class Take:
    """Take to be scored.

    Attributes:
        key: key of its record.
        samples: (channels, N).
        sample_rate: sample rate (Hz).
        requested: requested controls.
        unrelated: controls of the unrelated item, for the floor.
        originals: original recordings of these two items.
        path: audio file to write.
        known: scores from embeddings, against the requested and the unrelated item.
        embeddings: further fields of the record.
    """

    key: Key
    samples: np.ndarray
    sample_rate: int
    requested: Controls
    unrelated: Controls
    originals: tuple[Excerpt, Excerpt]
    path: Path
    known: tuple[Mapping[str, float], Mapping[str, float]] = ({}, {})
    embeddings: Mapping[str, Any] = field(default_factory=dict)


def score_take(take: Take, extractor: ControlExtractor, config: ExtractorConfig) -> dict[str, Any]:
    """Write the audio of a take, and score it.

    Returns:
        Record: ``setting``, ``seed``, ``item``; ``scores`` against the requested and ``shuffled``
        against the unrelated controls; ``extracted`` controls; ``seconds`` of scoring; the
        embeddings.

    Raises:
        JascoError: the audio cannot be written, or a control cannot be extracted.
    """
    start = time.perf_counter()
    audio = Audio(torch.from_numpy(take.samples), take.sample_rate)
    save_audio(take.path, *audio, loudness=None, mark=take.key.setting != CEILING)
    extracted = extractor.extract(audio, config.controls)
    scores, shuffled = (adherence(asked, extracted) for asked in (take.requested, take.unrelated))
    for found, known in zip((scores, shuffled), take.known, strict=True):
        found |= known
    for name, metric in TAKE_METRICS.items():
        if name not in config.metrics:
            continue
        compute = imported(metric.compute)
        if metric.paired:
            for found, original in zip((scores, shuffled), take.originals, strict=True):
                found |= named(name, compute(original.load(), audio))
        else:
            scores |= named(name, compute(audio))
    return {
        **take.key._asdict(),
        "scores": to_json(scores),
        "shuffled": to_json(shuffled),
        "extracted": plain(extracted),
        "seconds": time.perf_counter() - start,
        **take.embeddings,
    }


def plain(controls: Controls) -> dict[str, Any]:
    """Controls as JSON data of a record; see `ControlAdherence.plain`."""
    found: dict[str, Any] = {}
    for name, side in controls.items():
        found |= comparison(name).plain(side)
    return found


def stored(record: Mapping[str, Any], duration: float) -> Controls:
    """Controls of a record of a clip of ``duration`` (s), the inverse of `plain`."""
    sides = {name: comparison(name).stored(record, duration) for name in CONTROLS}
    return {name: side for name, side in sides.items() if side is not None}


class ScoringPool:
    """Pool of scoring processes with one thread each.

    Args:
        extractor: configuration of the extraction of controls.
        workers: number of processes; 0 to score in this process.
        keep: function called with each record, in this process.
    """

    def __init__(
        self, extractor: ExtractorConfig, workers: int, keep: Callable[[dict[str, Any]], None]
    ) -> None:
        if workers < 0:
            raise SettingError(f"workers={workers}: give 0 or more")
        self.workers, self.keep = workers, keep
        self.waited = 0.0
        self._pending: set[Future[dict[str, Any]]] = set()
        if workers:
            self._pool = WorkerPool(workers, extractor.scorer)
        else:
            self._score = extractor.scorer()

    def submit(self, takes: Sequence[Take]) -> None:
        """Submit takes; waits while the queue is full.

        Raises:
            JascoError: an error of `score_take`, also of an earlier take.
        """
        for take in takes:
            if self.workers:
                self._pending.add(self._pool.submit(take))
            else:
                start = time.perf_counter()
                with one_thread():  # the same rounding as in a process of the pool
                    record = self._score(take)
                self.keep(record)
                self.waited += time.perf_counter() - start
        self._collect(max(4 * self.workers, len(takes)))

    def finish(self) -> None:
        """Wait for the records of all takes."""
        self._collect(0)
        if self.workers:
            self._pool.finish()

    def abandon(self) -> None:
        """Stop without waiting for pending takes."""
        if self.workers:
            self._pool.abandon()

    def _collect(self, most: int) -> None:
        """Keep finished records, and wait until at most ``most`` takes are pending."""
        done = {future for future in self._pending if future.done()}
        while True:
            self._pending -= done
            for future in done:
                self.keep(future.result())
            if len(self._pending) <= most:
                return
            start = time.perf_counter()
            done = wait(self._pending, return_when=FIRST_COMPLETED).done
            self.waited += time.perf_counter() - start
