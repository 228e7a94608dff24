"""What is done to a recording, and by whom: jobs, steps, and the interface of executors."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Literal, Protocol

import torch

from jasco.errors import JascoError, SettingError

Outcome = Literal["", "done", "skipped", "bad", "fatal"]
DIED = "the process that worked on it died, twice"


@dataclass(frozen=True)
class Job:
    """A recording on its way, as plain data.

    Attributes:
        number: of the recording.
        path: of the audio file.
        id: SHA-256 of the file, once it is known.
        duration: of the audio that was worked on (s).
        todo: names of the stages to run.
        seconds: what each stage took.
        outcome: empty while there is something to do; ``"fatal"`` where no recording can be done.
        reason: why the outcome is bad or fatal.
    """

    number: int
    path: str
    id: str = ""
    duration: float = 0.0
    todo: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    outcome: Outcome = ""
    reason: str = ""

    def ended(self, outcome: Outcome, reason: str = "") -> Job:
        """The job with its outcome."""
        return replace(self, outcome=outcome, reason=reason)

    def to_json(self) -> str:
        """As one line of text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        """What `to_json` wrote."""
        values = json.loads(text)
        return cls(**values | {"todo": tuple(values["todo"])})


class Step(Protocol):
    """A part of the work, as few values that can be sent to another process."""

    @property
    def needs(self) -> Literal["processor", "model"]:
        """The kind of worker, as for a `jasco.prepare.stages.stage.Stage`."""

    def open(self, device: torch.device) -> Callable[[Job], Job]:
        """Load what the step works with; the function that comes back does not raise."""


class Executor(ABC):
    """Takes jobs through steps; the order in which it does must not matter to them."""

    @abstractmethod
    def run(self, jobs: Sequence[Job], steps: Sequence[Step]) -> Generator[Job]:
        """Give each job back as soon as it has an outcome or has passed all steps, in any order.

        A job whose worker dies is tried once more; if that one dies too, the outcome is bad.

        Args:
            jobs: without outcome.
            steps: each job passes them in this order, until it has an outcome.
        """


def open_step(step: Step, device: torch.device) -> Callable[[Job], Job]:
    """Open a step in a worker, from where an error has to travel with the jobs."""
    try:
        return step.open(device)
    except JascoError as error:
        return partial(Job.ended, outcome="fatal", reason=str(error))


def count(name: str, value: int | None, default: int) -> int:
    """A number of workers.

    Raises:
        SettingError: not a whole number of at least one.
    """
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SettingError(f"{name}={value!r}: give a whole number of at least 1")
    return value
