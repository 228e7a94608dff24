"""Settings of an edit, and their plain data in a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jasco.controls import control_names
from jasco.errors import ConditionError, SettingError, shortened
from jasco.io.plain import is_number, is_whole
from jasco.song.ranges import Ranges, checked_ranges

KINDS = ("edit", "continue", "vary")
CONTINUATION = 10.0
"""Length (s) of a continuation by default."""
VARIATION = 0.6
"""Strength of a variation by default."""
CROSSFADE = 0.05
"""Cross-fade (s) before and after a range, outside it."""
MAX_CROSSFADE = 1.0
MAX_REPEATS = 100


@dataclass(frozen=True)
class Edit:
    """Edit of a take; plain data of it is in the recipe.

    Attributes:
        kind: ``edit``, ``continue`` or ``vary``.
        ranges: ranges (s) of the take, padded as follows, that are generated.
        padding: seconds added before and after the take.
        keep: controls of the take that stay in the ranges; ``None`` for all that are not given.
        strength, jump_n_sample, jump_length: see `jasco.song.inpainting.Inpainting`.
        crossfade: see `CROSSFADE`.
    """

    kind: str
    ranges: Ranges
    padding: tuple[float, float] = (0.0, 0.0)
    keep: tuple[str, ...] | None = None
    strength: float = 1.0
    jump_n_sample: int = 1
    jump_length: int = 2
    crossfade: float = CROSSFADE

    @property
    def longest(self) -> float:
        """Length of the longest range (s), which is that of new conditions."""
        return max(stop - start for start, stop in self.ranges)

    def __post_init__(self) -> None:
        check_strength(self.strength)
        check_repeats(self.jump_n_sample, self.jump_length)
        unknown = [name for name in self.keep or () if name not in control_names()]
        if unknown:
            known = ", ".join(control_names())
            raise SettingError(f"keep names {shortened(unknown[0])}: the controls are {known}")
        if not is_number(self.crossfade) or not 0 <= self.crossfade <= MAX_CROSSFADE:
            raise SettingError(
                f"crossfade is {shortened(self.crossfade)}: give 0 to {MAX_CROSSFADE:g} s"
            )


def continuation(
    length: float, duration: float, before: bool
) -> tuple[Ranges, tuple[float, float]]:
    """Range and padding (s) of a continuation of a take by ``duration``, after it or before it."""
    start = 0.0 if before else length
    padding = (duration, 0.0) if before else (0.0, duration)
    return ((start, start + duration),), padding


def edit_of(plain: Mapping[str, Any]) -> Edit:
    """Edit of the plain data in a recipe.

    Raises:
        ConditionError: other data.
    """
    try:
        values = {name: plain[name] for name in Edit.__dataclass_fields__}
        keep, padding = values["keep"], values["padding"]
        if values["kind"] not in KINDS or len(padding) != 2:
            raise SettingError(f"an edit of the kind {shortened(values['kind'])}")
        if not all(is_number(side) and side >= 0 for side in padding):
            raise SettingError(f"an edit with the padding {shortened(padding)}")
        values["ranges"] = checked_ranges(values["ranges"])
        values["padding"] = (float(padding[0]), float(padding[1]))
        values["keep"] = None if keep is None else tuple(map(str, keep))
        return Edit(**values)
    except (KeyError, TypeError, SettingError) as error:
        raise ConditionError(f"song of the recipe: {error}") from error


def check_strength(strength: object) -> None:
    """Refuse a strength out of range.

    Raises:
        SettingError: no number above 0 and up to 1.
    """
    if not is_number(strength) or not 0 < strength <= 1:  # type: ignore[operator]
        raise SettingError(
            f"strength is {shortened(strength)}: give a number above 0 and up to 1, where 1 keeps "
            "nothing of the take"
        )


def check_repeats(jump_n_sample: object, jump_length: object) -> None:
    """Refuse numbers of repeats and steps out of range.

    Raises:
        SettingError: no whole number from 1 to `MAX_REPEATS`.
    """
    for name, value in (("jump_n_sample", jump_n_sample), ("jump_length", jump_length)):
        if not is_whole(value, MAX_REPEATS) or value == 0:
            raise SettingError(
                f"{name} is {shortened(value)}: give a whole number from 1 to {MAX_REPEATS}"
            )
