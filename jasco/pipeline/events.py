"""Events of the pipeline, which a command line, a page or a server shows."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jasco.audio import Audio
from jasco.audio.loops import LoopPoints
from jasco.pipeline.plan import Take
from jasco.pipeline.request import Request

if TYPE_CHECKING:
    from jasco.adherence import AdherenceReport


@dataclass(frozen=True)
class Note:
    """Change that fits a request to the model, or a part that is not installed.

    Attributes:
        text: one line.
        label: label of the request; ``None`` for the command line, and for all requests.
    """

    text: str
    label: str | None = None

    def __str__(self) -> str:
        return self.text if self.label is None else f"{self.label}: {self.text}"


@dataclass(frozen=True, eq=False)
class Failure:
    """Request that cannot be read; the takes of the others are made.

    Attributes:
        request: failed request.
        error: reason.
    """

    request: Request
    error: Exception


@dataclass(frozen=True, eq=False)
class Candidate:
    """Generated seed of a take.

    Attributes:
        seed: seed.
        audio: audio at the loudness of the file.
        recipe: recipe of the file.
        report: adherence, where the take is checked.
        loop: facts of a loop, for the file.
    """

    seed: int
    audio: Audio
    recipe: dict[str, Any]
    report: AdherenceReport | None = None
    loop: LoopPoints | None = None

    @property
    def rank(self) -> float:
        """Score of the report; below all scores where there is none."""
        score = math.nan if self.report is None else self.report.score
        return -1.0 if math.isnan(score) else score


@dataclass(frozen=True, eq=False)
class Saved:
    """Take that has been written.

    Attributes:
        take: take of the plan.
        chosen: candidate in the file.
        scores: score of each seed that was checked.
        seconds: time of each stage (s), in order.
        batch: number of candidates that were generated together.
    """

    take: Take
    chosen: Candidate
    scores: Mapping[int, float]
    seconds: Mapping[str, float]
    batch: int


@dataclass(frozen=True)
class Streamed:
    """Stream that has been written.

    Attributes:
        path: file, or ``-`` for the standard output.
        seed: seed.
        duration: length (s).
        level: loudness (LUFS) of the first window, as decoded.
        gain: gain of the file (dB); ``None`` where the level was left.
        first: time up to the first block of audio (s), from the start of the flow.
        seconds: time of each stage (s), in order.
    """

    path: Path
    seed: int
    duration: float
    level: float
    gain: float | None
    first: float
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Drawn:
    """Picture of an adherence report that has been written.

    Attributes:
        path: file.
    """

    path: Path


@dataclass(frozen=True)
class Kept:
    """Session that has been written.

    Attributes:
        path: folder or file.
    """

    path: Path


Event = Note | Failure | Saved | Streamed | Drawn | Kept


@contextmanager
def noted_warnings(prefix: str = "") -> Iterator[list[Note]]:
    """Collect the warnings of the block as notes, each after ``prefix``."""
    notes: list[Note] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield notes
    notes += [Note(f"{prefix}{warning.message}") for warning in caught]
