"""Errors for the user; each message gives the value, the allowed values and the remedy."""

from __future__ import annotations

from typing import Any


class JascoError(Exception):
    """Base class of the errors of Jasco, which the command lines print as one line."""


class JascoWarning(UserWarning):
    """Notice of a changed or ignored input, which the command lines print as one line."""


class AudioError(JascoError, ValueError):
    """Audio file or signal that cannot be used (missing, empty, not audio, NaN, ...)."""


class ChordError(JascoError, ValueError):
    """Chord progression that cannot be read.

    Attributes:
        position: index of the invalid character in the text, or of the invalid entry in a list;
            ``None`` where unknown.
        token: invalid piece of the input.
        suggestion: nearest readable spelling, where there is one.
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


class ChartError(JascoError, ValueError):
    """Chart that cannot be read, or of which a part is asked for that it does not have."""


class MelodyError(JascoError, ValueError):
    """Melody of the wrong shape, range or length, or a file that holds none."""


class ConditionError(JascoError, ValueError):
    """Conditions that do not fit the model: a missing control, a wrong number of seeds, ..."""


class SettingError(JascoError, ValueError):
    """Setting out of range: solver, steps, guidance, duration, configuration keys, ..."""


class CheckpointError(JascoError):
    """Checkpoint that cannot be found or read, or does not fit its model."""


class MissingPartError(JascoError, ImportError):
    """Missing optional package, plugin or weight file; the message names the remedy."""


class Interrupted(JascoError):
    """Run stopped by a signal, after its state was saved.

    Attributes:
        signal: number of the signal.
        rank: rank of this process.
    """

    def __init__(self, message: str, *, signal: int, rank: int) -> None:
        super().__init__(message)
        self.signal, self.rank = signal, rank


class DataError(JascoError):
    """Manifest or prepared dataset that cannot be found or read, or lacks requested data."""


def shortened(value: Any) -> str:
    """Value for a message, shortened where it is long."""
    if isinstance(value, int) and abs(value) >= 10**24:
        return "(a number of more than 24 digits)"  # Python cannot print the longest
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
