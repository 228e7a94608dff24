"""Length and metre of a loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from jasco.chords.metre import COMMON, Metre, whole_note
from jasco.chords.numerals import Key
from jasco.control_value import MAX_DURATION
from jasco.errors import ConditionError, SettingError, shortened
from jasco.io.plain import is_number, is_whole

MAX_BARS = 1000


@dataclass(frozen=True)
class Loop:
    """Loop of whole bars.

    Attributes:
        bars: number of bars.
        bar: length of a bar (s).
        time_signature: metre.
        key: key for samplers; ``None`` where it is not known.
    """

    bars: int
    bar: float
    time_signature: str = "4/4"
    key: str | None = None

    def __post_init__(self) -> None:
        if not is_whole(self.bars, MAX_BARS) or self.bars < 1:
            raise SettingError(
                f"bars is {shortened(self.bars)}: give the number of bars of the loop, 1 to "
                f"{MAX_BARS:,}"
            )
        Metre.parse(self.time_signature)
        if self.key is not None:
            Key.parse(self.key)
        if not is_number(self.bar) or not 0 < self.duration <= MAX_DURATION:
            raise SettingError(
                f"a loop of {self.bars} bars of {shortened(self.bar)} s: it lasts up to "
                f"{MAX_DURATION:,} s"
            )

    @classmethod
    def at(
        cls, bars: int, bpm: float, time_signature: str | None = None, key: str | None = None
    ) -> Loop:
        """Loop at a tempo in units of the metre's denominator per minute.

        Raises:
            ChordError: a tempo, metre or key that cannot be read.
            SettingError: a number of bars out of range.
        """
        metre = COMMON if time_signature is None else Metre.parse(time_signature)
        return cls(bars, float(whole_note(bpm, metre) * metre.length), str(metre), key)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Loop:
        """Loop of the data in a recipe.

        Raises:
            ConditionError: other data.
        """
        try:
            return cls(**{name: plain[name] for name in cls.__dataclass_fields__})
        except (KeyError, TypeError, ValueError, SettingError) as error:
            raise ConditionError(f"song of the recipe: {error}") from error

    def to_plain(self) -> dict[str, Any]:
        """Plain data for a recipe."""
        return {"kind": "loop", **asdict(self)}

    @property
    def duration(self) -> float:
        """Length (s)."""
        return self.bars * self.bar

    @property
    def metre(self) -> Metre:
        """Metre."""
        return Metre.parse(self.time_signature)

    @property
    def bpm(self) -> float:
        """Units of the metre's denominator per minute."""
        return 60 * self.metre.beats / self.bar

    @property
    def beats(self) -> tuple[int, float]:
        """Number of beats and their tempo: quarters, as samplers count, where they are whole."""
        quarters = self.bars * self.metre.beats * 4 / self.metre.unit
        whole = round(quarters) if quarters == round(quarters) else self.bars * self.metre.beats
        return whole, 60 * whole / self.duration
