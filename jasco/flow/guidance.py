"""Multi-source classifier-free guidance as a weighted sum of velocities.

Each term is the velocity for a subset S of the controls, the others at their null:

    v = sum_S w_S v(S) + (1 - sum_S w_S) v(none)

JASCO (arXiv 2406.10970, section 3.4) uses two terms, ``all`` and ``text``; any other subset is one
more keyword.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

from jasco.errors import ConditionError, SettingError, shortened
from jasco.flow.curve import Curve

if TYPE_CHECKING:  # settings are checked before NumPy and torch are imported
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    FrameWeights = NDArray[np.float64]  # weights of the frames of a song (T,)

MAX_WEIGHT = 1000.0
"""Largest magnitude of a weight; published models use up to about 5."""


@dataclass(frozen=True)
class Term:
    """Term of the sum: the weight of a velocity, and the controls that condition it.

    Attributes:
        weight: number, or those of the frames (T,).
        controls: controls that are given.
    """

    weight: float | FrameWeights
    controls: frozenset[str]


INTERVAL = ("start", "end")
"""Names of the bounds of flow time between which guidance acts."""


class Guidance(Mapping[str, float | str]):
    """Weights of the guidance terms, and the interval of flow time in which they act.

    A keyword names a subset of the model's controls: ``all``, one control (``text``), or several
    joined by ``+`` (``**{"chords+drums": 1.0}``). The unconditional velocity has the weight one
    minus their sum, so ``Guidance(all=1)`` is plain conditional sampling without guidance.

    ``Guidance(all=2.5, start=0.1, end=0.7)`` acts from flow time 0.1 to 0.7 (a limited interval,
    Kynkäänniemi et al., arXiv 2404.07724); before and after it sampling is plain, at the cost of
    one evaluation a step.

    ``Guidance(all=2.5, chords="1.5@1-4,3@5-8")`` changes a weight over the bars or seconds of a
    song, see `jasco.flow.curve.Curve`. One that is the same everywhere is that number.

    Attributes:
        interval: flow times between which guidance acts.
        weights: weight of each term: a number; a curve; or, where the song is known, the numbers of
            its frames (T,), see `at_frames`.

    Raises:
        SettingError: a weight is no finite number of at most `MAX_WEIGHT`, or none is given; or
            bounds that are not 0 <= start < end <= 1.
    """

    def __init__(self, **weights: float | str) -> None:
        bounds = {name: _weight(name, weights.pop(name)) for name in INTERVAL if name in weights}
        given = {name: _weight_or_curve(name, weight) for name, weight in weights.items()}
        if not given:
            raise SettingError("guidance needs at least one weight, for example all=1.5,text=3")
        self.interval = bounds.get("start", 0.0), bounds.get("end", 1.0)
        if not 0 <= self.interval[0] < self.interval[1] <= 1:
            raise SettingError(
                f"guidance acts from start={self.interval[0]:g} to end={self.interval[1]:g}: give "
                "flow times with 0 <= start < end <= 1"
            )
        self.weights: dict[str, float | Curve | FrameWeights] = dict(given)
        plain: dict[str, float | str]
        plain = {name: own.text if isinstance(own, Curve) else own for name, own in given.items()}
        self._values = {**plain, **bounds}

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

    def __getitem__(self, name: str) -> float | str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Guidance({', '.join(f'{k}={_shown(v)}' for k, v in self.items())})"

    def acts_at(self, t: float) -> bool:
        """True within the interval of flow time; outside it sampling is plain."""
        return self.interval[0] <= t < self.interval[1]

    def at_frames(self, frames_of: Callable[[Any], FrameWeights]) -> Guidance:
        """Guidance with other weights of its curves, or of their frames.

        Args:
            frames_of: function of a `Curve` or of the weights of frames, to those of frames (T,).
        """
        found = copy.copy(self)
        found.weights = {
            name: weight if isinstance(weight, float) else frames_of(weight)
            for name, weight in self.weights.items()
        }
        return found

    @property
    def is_constant(self) -> bool:
        """True where no weight changes over the song."""
        return all(isinstance(weight, float) for weight in self.weights.values())

    def check(self, controls: Sequence[str]) -> None:
        """Refuse names of other controls.

        Raises:
            ConditionError: a name is not a control of the model.
        """
        Guidance(**dict.fromkeys(self.weights, 1.0)).terms(controls)

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
        weights: dict[frozenset[str], Any] = {}
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
        total: Any = sum(self.weights.values())
        weights[none] = weights.pop(none, 0.0) + 1.0 - total
        # Sums such as 1 - 0.9 - 0.1 leave a rounding error, which would cost one evaluation more.
        # Weights of frames are arrays.
        return [Term(w, own) for own, w in weights.items() if _largest(abs(w)) > 1e-9]

    @staticmethod
    def combine(weights: Tensor, velocities: Tensor) -> Tensor:
        """Sum (B, T, D) of the velocities (K, B, T, D) of K terms by their weights.

        The weights are (K, B), or (K, B, T) where some change over the song. In float32: a matrix
        product would be rounded to bfloat16 under autocast.
        """
        if weights.dim() == 2:
            weights = weights[..., None]
        return (weights[..., None] * velocities.float()).sum(0)


def _largest(magnitudes: Any) -> float:
    return float(magnitudes.max() if hasattr(magnitudes, "max") else magnitudes)


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


def _weight_or_curve(name: str, weight: Any) -> float | Curve:
    """Weight of a term; the number of a curve that is the same everywhere."""
    if not isinstance(weight, str) or "@" not in weight:
        return _weight(name, weight)
    curve = Curve.parse(weight)
    numbers = [_weight(name, own) for own in curve.weights]
    return curve if len(set(numbers)) > 1 else numbers[0]


def _shown(value: float | str) -> str:
    return repr(value) if isinstance(value, str) else f"{value:g}"


def _parsed(text: str) -> dict[str, float | str]:
    """Weights of a text: a number, or ``NAME=WEIGHT,NAME=WEIGHT``, where weights may be curves."""
    pieces = text.split(",")
    if "=" not in pieces[0]:
        pieces[0] = f"all={pieces[0]}"
    named = [piece.partition("=") for piece in pieces]
    weights: dict[str, float | str] = {}
    name, names = "", 0
    try:
        for first, equals, value in named:
            if equals:
                name, names = first.strip(), names + 1
                weights[name] = value if "@" in value else float(value)
            elif "@" in first:  # one more part of a curve
                weights[name] = f"{weights[name]},{first}"
            else:
                raise ValueError
    except ValueError:
        weights = {}
    if len(weights) < max(names, 1):
        raise SettingError(
            f"guidance {shortened(text)} is written NAME=WEIGHT,NAME=WEIGHT with each name once, "
            "such as all=1.5,text=3, or as one number; a weight of some bars or seconds is "
            "chords=1.5@1-4,3@5-8"
        )
    return weights
