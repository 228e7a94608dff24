"""The errors a user can meet: each message says what came, what is allowed, and what to do."""

from __future__ import annotations

from typing import Any


class JascoError(Exception):
    """Base of all errors that Jasco raises on purpose; the command lines print it as one line."""


class JascoWarning(UserWarning):
    """Notice of something that was changed or left out; the command lines print it as one line."""


class AudioError(JascoError, ValueError):
    """An audio file or signal that cannot be used (missing, empty, not audio, NaN, ...)."""


class ChordError(JascoError, ValueError):
    """A chord progression that cannot be read.

    Attributes:
        position: index of the offending character in the text that was parsed, or the index of
            the offending entry where the progression came as a list; ``None`` when unknown.
        token: the offending piece of the input.
        suggestion: the nearest readable spelling, where there is one.
    """

    def __init__(
        self,
        message: str,
        *,
        position: int | None = None,
        token: str | None = None,
        suggestion: str | None = None,
    ) -> None:
        super().__init__(message)
        self.position = position
        self.token = token
        self.suggestion = suggestion


class MelodyError(JascoError, ValueError):
    """A melody of the wrong shape, range or length, or a file that holds none."""


class ConditionError(JascoError, ValueError):
    """Conditions that do not fit the model: an absent control, seeds of a wrong number, ..."""


class SettingError(JascoError, ValueError):
    """A setting out of range: solver, steps, guidance, duration, configuration keys, ..."""


class CheckpointError(JascoError):
    """A checkpoint that cannot be found, read, or matched to the model it describes."""


class MissingPartError(JascoError, ImportError):
    """An optional package, plugin or weight file is absent; the message names the cure."""


class Interrupted(JascoError):
    """A signal has stopped a run, after its state was saved.

    Attributes:
        signal: number of the signal.
        rank: which of the run's processes this is.
    """

    def __init__(self, message: str, *, signal: int, rank: int) -> None:
        super().__init__(message)
        self.signal, self.rank = signal, rank


class DataError(JascoError):
    """A manifest or a prepared dataset that cannot be found or read, or lacks what is asked."""


def shortened(value: Any) -> str:
    """A value for a message, cut where it is long."""
    if isinstance(value, int) and abs(value) >= 10**24:
        return "(a number of more than 24 digits)"  # Python refuses to write thousands of them
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
