"""Multi-source classifier-free guidance as a weighted sum of velocities.

Each term is the velocity for a subset S of the controls, the others at their null:

    v = sum_S w_S v(S) + (1 - sum_S w_S) v(none)

JASCO (arXiv 2406.10970, section 3.4) uses two terms, ``all`` and ``text``; any other subset is one
more keyword.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

from jasco.errors import ConditionError, SettingError, shortened

if TYPE_CHECKING:  # settings are checked before torch is imported
    from torch import Tensor


MAX_WEIGHT = 1000.0
"""Largest magnitude of a weight; published models use up to about 5."""


@dataclass(frozen=True)
class Term:
    """Term of the sum: the weight of a velocity, and the controls that condition it."""

    weight: float
    controls: frozenset[str]


INTERVAL = ("start", "end")
"""Names of the bounds of flow time between which guidance acts."""


class Guidance(Mapping[str, float]):
    """Weights of the guidance terms, and the interval of flow time in which they act.

    A keyword names a subset of the model's controls: ``all``, one control (``text``), or several
    joined by ``+`` (``**{"chords+drums": 1.0}``). The unconditional velocity has the weight one
    minus their sum, so ``Guidance(all=1)`` is plain conditional sampling without guidance.

    ``Guidance(all=2.5, start=0.1, end=0.7)`` acts from flow time 0.1 to 0.7 (a limited interval,
    Kynkäänniemi et al., arXiv 2404.07724); before and after it sampling is plain, at the cost of
    one evaluation a step.

    Raises:
        SettingError: a weight is no finite number of at most `MAX_WEIGHT`, or none is given; or
            bounds that are not 0 <= start < end <= 1.
    """

    def __init__(self, **weights: float) -> None:
        given = {name: _weight(name, weight) for name, weight in weights.items()}
        bounds = {name: given.pop(name) for name in INTERVAL if name in given}
        if not given:
            raise SettingError("guidance needs at least one weight, for example all=1.5,text=3")
        self.interval = bounds.get("start", 0.0), bounds.get("end", 1.0)
        if not 0 <= self.interval[0] < self.interval[1] <= 1:
            raise SettingError(
                f"guidance acts from start={self.interval[0]:g} to end={self.interval[1]:g}: give "
                "flow times with 0 <= start < end <= 1"
            )
        self.weights, self._values = given, given | bounds

    @classmethod
    def of(cls, value: Any) -> Guidance:
        """Guidance from a number (the weight of ``all``), a mapping or ``"all=1.5,text=3"``.

        Raises:
            SettingError: anything else.
        """
        if isinstance(value, Guidance):
            return value
        if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
            return cls(**value)
        if isinstance(value, str):
            return cls(**_parsed(value))
        if isinstance(value, Real) and not isinstance(value, bool):
            return cls(all=value)  # type: ignore[arg-type]
        raise SettingError(
            f"guidance is {shortened(value)}: give a number, weights such as "
            '{"all": 1.5, "text": 3}, or Guidance(all=1.5, text=3)'
        )

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Guidance({', '.join(f'{k}={v:g}' for k, v in self.items())})"

    def at(self, t: float) -> Guidance:
        """Guidance at flow time ``t``: itself, or that of plain sampling outside its interval."""
        return self if self.interval[0] <= t < self.interval[1] else Guidance(all=1.0)

    def terms(self, controls: Sequence[str], given: Collection[str] | None = None) -> list[Term]:
        """Terms of non-zero weight for a model with these controls, the unconditional one last.

        Subsets that turn out equal are one term: ``all`` and ``text`` on a model of text alone, or
        for a clip that has only a text.

        Args:
            controls: controls of the model.
            given: controls of the clip; the others are at their null in every term. By default all.

        Raises:
            ConditionError: a name is not a control of the model.
        """
        weights: dict[frozenset[str], float] = {}
        for name, weight in self.weights.items():
            subset = frozenset(controls) if name == "all" else frozenset(name.split("+"))
            unknown = sorted(subset.difference(controls))
            if unknown:
                raise ConditionError(
                    f"guidance names {', '.join(unknown)}, but the controls of this model are "
                    f"{', '.join(controls)} (and 'all')"
                )
            subset = subset if given is None else subset.intersection(given)
            weights[subset] = weights.get(subset, 0.0) + weight
        none: frozenset[str] = frozenset()
        weights[none] = weights.pop(none, 0.0) + 1.0 - sum(self.weights.values())
        # Sums such as 1 - 0.9 - 0.1 leave a rounding error, which would cost one evaluation more.
        return [Term(w, subset) for subset, w in weights.items() if abs(w) > 1e-9]

    @staticmethod
    def combine(weights: Tensor, velocities: Tensor) -> Tensor:
        """Sum (B, T, D) of the velocities (K, B, T, D) of K terms by their weights (K, B).

        In float32: a matrix product would be rounded to bfloat16 under autocast.
        """
        return (weights[..., None, None] * velocities.float()).sum(0)


def _weight(name: str, weight: Any) -> float:
    try:
        number = float(weight) if isinstance(weight, Real) and weight is not True else math.nan
    except OverflowError:
        number = math.inf
    if not abs(number) <= MAX_WEIGHT:
        raise SettingError(
            f"guidance {name}={shortened(weight)}: the weight must be a finite number from "
            f"{-MAX_WEIGHT:g} to {MAX_WEIGHT:g}"
        )
    return number


def _parsed(text: str) -> dict[str, float]:
    """Weights of a text: a number, or ``NAME=WEIGHT,NAME=WEIGHT``."""
    pairs = [part.partition("=") for part in text.split(",")]
    if len(pairs) == 1 and not pairs[0][1]:
        pairs = [("all", "=", text)]
    try:
        weights = {name.strip(): float(value) for name, _, value in pairs}
    except ValueError:
        weights = {}
    if len(weights) < len(pairs):
        raise SettingError(
            f"guidance {shortened(text)} is written NAME=WEIGHT,NAME=WEIGHT with each name once, "
            "such as all=1.5,text=3, or as one number"
        )
    return weights
