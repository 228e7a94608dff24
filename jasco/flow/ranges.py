"""Ranges of the guidance weights that a distilled network takes as inputs.

Guidance distillation (arXiv 2210.03142, section 3) trains a network of the weights w, so that one
evaluation gives the guided velocity v(z, t, c, w) of the ranges it was trained on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from jasco.errors import SettingError, shortened
from jasco.flow.guidance import Guidance


class GuidanceRanges(Mapping[str, tuple[float, float]]):
    """Trained range of each guidance weight, by the name of its term as in `Guidance`.

    Args:
        ranges: lowest and highest weight of each term.

    Raises:
        SettingError: no term, or a range that is not two rising weights.
    """

    def __init__(self, ranges: Mapping[str, Sequence[float]]) -> None:
        self._ranges: dict[str, tuple[float, float]] = {}
        if not isinstance(ranges, Mapping):
            raise SettingError(f"guidance ranges are {shortened(ranges)}: give them by term")
        for name, pair in ranges.items():
            given = list(pair) if isinstance(pair, Iterable) else [pair]
            bounds = [_constant(Guidance(**{name: bound}))[name] for bound in given]
            if len(bounds) != 2 or not bounds[0] < bounds[1]:
                raise SettingError(
                    f"guidance range {name}={given}: give its lowest and highest weight, such "
                    f"as {{{name}: [1, 4]}}"
                )
            self._ranges[name] = (bounds[0], bounds[1])
        if not self._ranges:
            raise SettingError("guidance ranges name no term: give some, such as {all: [1, 4]}")

    @classmethod
    def around(cls, guidance: Guidance) -> GuidanceRanges:
        """Ranges from zero to twice the weights of ``guidance``."""
        return cls({name: sorted((0.0, 2 * w)) for name, w in _constant(guidance).items() if w})

    def __getitem__(self, name: str) -> tuple[float, float]:
        return self._ranges[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ranges)

    def __len__(self) -> int:
        return len(self._ranges)

    def __str__(self) -> str:
        return ", ".join(f"{name} from {low:g} to {high:g}" for name, (low, high) in self.items())

    def subsets(self, controls: Sequence[str]) -> list[frozenset[str]]:
        """Controls of each term of a model with these controls.

        Raises:
            ConditionError: a name is not a control of the model.
            SettingError: two names of one subset.
        """
        found = [Guidance(**{name: 1.0}).terms(controls)[0].controls for name in self]
        if len(set(found)) < len(found):
            raise SettingError(f"guidance ranges ({self}): two of the terms have equal controls")
        return found

    def weights(self, guidance: Guidance, controls: Sequence[str]) -> list[float]:
        """Weight of each term, zero where ``guidance`` does not name it.

        Args:
            guidance: weights of a request.
            controls: controls of the model.

        Raises:
            ConditionError: a name is not a control of the model.
            SettingError: a term without a range, or a weight outside its range.
        """
        wanted = ",".join(f"{name}={weight:g}" for name, weight in _constant(guidance).items())
        given = {t.controls: float(t.weight) for t in guidance.terms(controls) if t.controls}
        weights = [given.pop(subset, 0.0) for subset in self.subsets(controls)]
        within = [low <= w <= high for w, (low, high) in zip(weights, self.values(), strict=True)]
        if given or not all(within):
            raise SettingError(
                f"guidance {wanted}: this model was distilled for {self}, a term that is not named "
                "has the weight 0; give weights in these ranges"
            )
        return weights


def _constant(guidance: Guidance) -> dict[str, float]:
    """Weight of each term.

    Raises:
        SettingError: a weight that changes over the song.
    """
    if not guidance.is_constant:
        raise SettingError(
            f"{guidance}: distilled guidance is an input of the network, and constant over a song"
        )
    return {name: float(weight) for name, weight in guidance.weights.items()}  # type: ignore[arg-type]
