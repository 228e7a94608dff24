"""Judging takes in processes beside the one that generates: each is heard, scored and kept."""

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

from jasco.adherence.controls import ControlExtractor, Controls, adherence
from jasco.audio import Audio, save_audio
from jasco.errors import SettingError
from jasco.evaluation.items import Excerpt
from jasco.evaluation.records import Key, to_json
from jasco.extract.chroma import chromagram
from jasco.io.fingerprint import fingerprint
from jasco.metrics import chroma
from jasco.metrics import signal as signal_metrics
from jasco.workers import WorkerPool, one_thread


@dataclass(frozen=True)
class ExtractorConfig:
    """What takes are heard with.

    Attributes:
        controls: to hear, of `jasco.adherence.controls.EXTRACTABLE`.
        signal: measure the signal too.
        chroma: compare the chroma with that of the original recording, as MusicGen's evaluation
            does.
        weights: file of the salience network, see `ControlExtractor.load`.
        dtype: of its convolutions.
    """

    controls: tuple[str, ...]
    signal: bool = False
    chroma: bool = False
    weights: str | None = None
    dtype: str = "auto"

    def facts(self) -> dict[str, Any]:
        """What results depend on, as JSON data; the melody's weights by their fingerprint."""
        facts: dict[str, Any] = {name: getattr(self, name) for name in ("signal", "chroma")}
        facts["controls"] = list(self.controls)
        salience = self.open().salience
        if salience is not None:
            weights = list(salience.network.state_dict().values())
            dtype = str(next(salience.network.parameters()).dtype).removeprefix("torch.")
            facts["melody"] = {"salience": fingerprint(weights), "dtype": dtype}
        elif "melody" in self.controls:
            facts["melody"] = "chroma"
        return facts

    def open(self) -> ControlExtractor:
        """Load what hears.

        Raises:
            CheckpointError, SettingError: see `ControlExtractor.load`.
        """
        if "melody" not in self.controls:
            return ControlExtractor(None)
        return ControlExtractor.load(self.weights, device="cpu", dtype=self.dtype)

    def scorer(self) -> Callable[[Take], dict[str, Any]]:
        """Load what extracts; the returned function is `score_take` with it."""
        return partial(score_take, listener=self.open(), hearing=self)


@dataclass(frozen=True, eq=False)
class Take:
    """A recording to be judged.

    Attributes:
        key: which one it is.
        samples: (channels, N).
        sample_rate: Hz.
        requested: what should be heard.
        unrelated: what another item asks for, which nobody asked of this one.
        originals: the recordings of these two.
        path: the file that keeps it.
        known: scores that are there already, against what was asked for and against what was not.
        embeddings: fields of its record.
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


def score_take(take: Take, listener: ControlExtractor, hearing: ExtractorConfig) -> dict[str, Any]:
    """The record of a take, whose audio is kept before.

    Returns:
        ``setting``, ``seed``, ``item``; ``scores`` against what was asked for and ``shuffled``
        against what was not; ``heard``, plain data; ``seconds`` that hearing and scoring took; the
        embeddings.

    Raises:
        JascoError: it cannot be heard or written.
    """
    start = time.perf_counter()
    audio = Audio(torch.from_numpy(take.samples), take.sample_rate)
    save_audio(take.path, *audio, loudness=None)
    heard = listener.extract(audio, hearing.controls)
    scores, shuffled = (adherence(asked, heard) for asked in (take.requested, take.unrelated))
    for found, known in zip((scores, shuffled), take.known, strict=True):
        found |= known
    if hearing.chroma:
        for found, original in zip((scores, shuffled), take.originals, strict=True):
            found["chroma.similarity"] = _chroma_similarity(original.load(), audio)
    if hearing.signal:
        measured = signal_metrics.measure(audio)
        scores |= {f"signal.{name}": value for name, value in measured.items()}
    return {
        **take.key._asdict(),
        "scores": to_json(scores),
        "shuffled": to_json(shuffled),
        "heard": plain(heard),
        "seconds": time.perf_counter() - start,
        **take.embeddings,
    }


def _chroma_similarity(original: Audio, audio: Audio) -> float:
    both = [chromagram(side).numpy() for side in (original, audio)]
    columns = min(side.shape[1] for side in both)  # rates may round to one more or less
    reference, estimate = (side[:, :columns] for side in both)
    return chroma.compute(reference, estimate)["chroma_similarity"]


def plain(controls: Controls) -> dict[str, Any]:
    """Controls as JSON data, as far as charts show them; the melody as runs of equal rows."""
    found: dict[str, Any] = {}
    if controls.chords is not None:
        found["chords"] = [list(segment) for segment in controls.chords]
    if controls.onsets is not None:
        found["onsets"] = [round(float(time), 3) for time in controls.onsets]
    for name in ("rows", "pitch_classes"):
        values = getattr(controls, name)
        if values is not None:
            edges = [0, *(np.nonzero(np.diff(values))[0] + 1).tolist(), len(values)]
            pairs = zip(edges[:-1], edges[1:], strict=True)
            found[name] = [[a, b, int(values[a])] for a, b in pairs if values[a] >= 0]
    return found


class ScoringPool:
    """Processes that judge takes, each with one thread; or with none of them this process itself.

    Args:
        hearing: what they hear with.
        workers: how many.
        keep: called with each record, in this process.
    """

    def __init__(
        self, hearing: ExtractorConfig, workers: int, keep: Callable[[dict[str, Any]], None]
    ) -> None:
        if workers < 0:
            raise SettingError(f"workers={workers}: give 0 or more")
        self.workers, self.keep = workers, keep
        self.waited = 0.0
        self._pending: set[Future[dict[str, Any]]] = set()
        if workers:
            self._pool = WorkerPool(workers, hearing.scorer)
        else:
            self._score = hearing.scorer()

    def submit(self, takes: Sequence[Take]) -> None:
        """Judge takes, now or later; waits where many are waiting already.

        Raises:
            JascoError: see `score_take`; also of an earlier take.
        """
        for take in takes:
            if self.workers:
                self._pending.add(self._pool.submit(take))
            else:
                start = time.perf_counter()
                with one_thread():  # as in a process of its own, for the same rounding
                    record = self._score(take)
                self.keep(record)
                self.waited += time.perf_counter() - start
        self._collect(max(4 * self.workers, len(takes)))

    def finish(self) -> None:
        """Wait for all takes."""
        self._collect(0)
        if self.workers:
            self._pool.finish()

    def abandon(self) -> None:
        """End without waiting for what is not judged yet."""
        if self.workers:
            self._pool.abandon()

    def _collect(self, most: int) -> None:
        """Keep what is done, and wait until no more than ``most`` are not."""
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
