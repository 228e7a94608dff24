"""Jobs, the passes they go through, and the interface of executors."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Literal, Protocol

import torch

from jasco.errors import JascoError, SettingError

Outcome = Literal["", "done", "skipped", "bad", "fatal"]
DIED = "the process that worked on it died, twice"


@dataclass(frozen=True)
class Job:
    """Recording between two passes, as plain data.

    Attributes:
        number: index of the recording.
        path: audio file.
        id: SHA-256 of the file, once it is known.
        duration: length of the audio (s).
        todo: names of the stages to run.
        seconds: time of each stage (s).
        outcome: empty before the last pass; ``"fatal"`` where no recording can be done.
        reason: reason of a bad or fatal outcome.
        plain: further plain data that the passes take and give.
    """

    number: int
    path: str
    id: str = ""
    duration: float = 0.0
    todo: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    outcome: Outcome = ""
    reason: str = ""
    plain: Mapping[str, Any] = field(default_factory=dict)

    def ended(self, outcome: Outcome, reason: str = "") -> Job:
        """Job with its outcome."""
        return replace(self, outcome=outcome, reason=reason)

    def to_json(self) -> str:
        """One line of text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Job from the text of `to_json`."""
        values = json.loads(text)
        return cls(**values | {"todo": tuple(values["todo"])})


class Pass(Protocol):
    """Pass over the recordings, a few plain values that can be sent to another process."""

    @property
    def needs(self) -> Literal["processor", "model"]:
        """Kind of worker, as for a `jasco.prepare.stages.stage.Stage`."""

    def open(self, device: torch.device) -> Callable[[Job], Job]:
        """Load the models of the pass; the returned function does not raise."""


class Executor(ABC):
    """Takes jobs through passes, in an order that must not matter to them."""

    @abstractmethod
    def run(self, jobs: Sequence[Job], passes: Sequence[Pass]) -> Generator[Job]:
        """Yield each job as soon as it has an outcome or has gone through all passes, in any order.

        A job whose worker dies is tried once more; if that one dies too, the outcome is bad.

        Args:
            jobs: without outcome.
            passes: passes of each job, in this order, until it has an outcome.
        """


def open_pass(one: Pass, device: torch.device) -> Callable[[Job], Job]:
    """Open a pass in a worker, from where an error has to travel with the jobs."""
    try:
        return one.open(device)
    except JascoError as error:
        return partial(Job.ended, outcome="fatal", reason=str(error))


def count(name: str, value: int | None, default: int) -> int:
    """Number of workers.

    Raises:
        SettingError: not a whole number of at least one.
    """
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SettingError(f"{name}={value!r}: give a whole number of at least 1")
    return value
