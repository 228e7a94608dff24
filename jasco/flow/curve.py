"""Guidance weight that changes over the time of a song."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from jasco.errors import SettingError, shortened

_BARS = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?")
_SECONDS = re.compile(r"(\d{1,6}(?:\.\d{1,6})?):(\d{1,6}(?:\.\d{1,6})?)")
MAX_PARTS = 1000


@dataclass(frozen=True)
class Part:
    """Part of a song with a weight of its own.

    Attributes:
        weight: weight.
        bars: first and last bar, from 1; ``None`` where seconds are given.
        seconds: start and end (s); ``None`` where bars are given.
    """

    weight: float
    bars: tuple[int, int] | None = None
    seconds: tuple[float, float] | None = None


@dataclass(frozen=True)
class Curve:
    """Weight over song time, as ``1.5@1-4,3@5-8`` in bars, ``1.5@0:8,3@8:16`` in seconds.

    Attributes:
        text: the notation.
        base: weight outside the parts, such as the 2 of ``2,3@5-8``; ``None`` to hold the weight of
            the part before, or of the first one.
        parts: parts, in their order.
    """

    text: str
    base: float | None
    parts: tuple[Part, ...]

    @classmethod
    def parse(cls, text: str) -> Curve:
        """Curve of its notation.

        Raises:
            SettingError: another form, or parts that overlap.
        """
        base, parts = None, []
        for number, piece in enumerate(text.split(",")):
            weight, at, place = (word.strip() for word in piece.partition("@"))
            bars, seconds = _BARS.fullmatch(place), _SECONDS.fullmatch(place)
            try:
                value = float(weight)
            except ValueError:
                raise _unread(text) from None
            if not at and number == 0:
                base = value
            elif bars is not None:
                parts.append(Part(value, bars=(int(bars[1]), int(bars[2] or bars[1]))))
            elif seconds is not None:
                parts.append(Part(value, seconds=(float(seconds[1]), float(seconds[2]))))
            else:
                raise _unread(text)
        rising = all(
            (part.bars is None or 1 <= part.bars[0] <= part.bars[1])
            and (part.seconds is None or part.seconds[0] < part.seconds[1])
            for part in parts
        )
        if not rising or not 1 <= len(parts) <= MAX_PARTS:
            raise _unread(text)
        bars_, seconds_ = (
            sorted(p.bars for p in parts if p.bars),
            sorted(p.seconds for p in parts if p.seconds),
        )
        overlap = any(a[1] >= b[0] for a, b in itertools.pairwise(bars_)) or any(
            a[1] > b[0] for a, b in itertools.pairwise(seconds_)
        )
        if overlap:
            raise SettingError(f"guidance {shortened(text)}: its parts overlap")
        return cls(text, base, tuple(parts))

    @property
    def weights(self) -> tuple[float, ...]:
        """All weights."""
        base = () if self.base is None else (self.base,)
        return (*base, *(part.weight for part in self.parts))


def _unread(text: str) -> SettingError:
    return SettingError(
        f"guidance {shortened(text)} is written WEIGHT@BARS or WEIGHT@SECONDS, such as "
        "1.5@1-4,3@5-8 or 1.5@0:8,3@8:16, where a weight alone at its begin is that of the rest"
    )
