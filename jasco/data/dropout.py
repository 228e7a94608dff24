"""Dropout of conditions and of words, per item.

With dropout a model learns to generate from any subset of its controls, which classifier-free
guidance needs too. All draws are from the generator of the item, so that they depend on its seed
and sample id alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jasco.errors import SettingError

ALL = "all"
DESCRIPTION = ("text", "description")
"""Fields of a manifest with the description of the music, in order of preference."""


class ConditionDropout:
    """Dropout of all controls at once, or else of each control independently.

    Controls joined by ``+``, as in guidance, are also dropped together by a draw of their own. So
    ``{"chords+drums+melody": 0.3}`` leaves the text alone in three items of ten, which independent
    draws seldom do.

    Args:
        probabilities: probability of ``all``, and of each control, or several, where not all are
            dropped; a control without one is only dropped with others.
        controls: names of the controls of the model.

    Raises:
        SettingError: an unknown control, or a value outside [0, 1].
    """

    def __init__(self, probabilities: Mapping[str, float], controls: Sequence[str]) -> None:
        each = dict.fromkeys(controls, 0.0) | dict(probabilities)
        self.controls = tuple(controls)
        self.all = _checked("dropout.all", each.pop(ALL, 0.0))
        self.each = [
            (_known(name, controls), _checked(f"dropout.{name}", probability))
            for name, probability in each.items()
        ]

    def draw(self, rng: np.random.Generator) -> frozenset[str]:
        """Names of the controls to drop from one item."""
        draws = rng.random(1 + len(self.each))
        if draws[0] < self.all:
            return frozenset(self.controls)
        pairs = zip(self.each, draws[1:], strict=True)
        dropped = [names for (names, probability), draw in pairs if draw < probability]
        return frozenset(name for names in dropped for name in names)


class TextDropout:
    """Text augmentation: merging of fields (genre, key, ...), and dropout of fields and words.

    Merged fields follow the description as ``name: value`` in random order. The default
    probabilities are those of published checkpoints.

    Args:
        fields: names of the fields to merge.
        merge: probability of merging.
        drop_description: probability of dropping the description where fields are merged.
        drop_field: probability of dropping a field.
        drop_word: probability of dropping a word of the text.

    Raises:
        SettingError: a value outside [0, 1].
    """

    def __init__(
        self,
        fields: Sequence[str] = ("key", "bpm", "genre", "moods", "instrument", "keywords"),
        merge: float = 0.25,
        drop_description: float = 0.5,
        drop_field: float = 0.5,
        drop_word: float = 0.3,
    ) -> None:
        self.fields = tuple(fields)
        self.merge = _checked("merge", merge)
        self.drop_description = _checked("drop_description", drop_description)
        self.drop_field = _checked("drop_field", drop_field)
        self.drop_word = _checked("drop_word", drop_word)

    def draw(self, fields: Mapping[str, Any], rng: np.random.Generator) -> str | None:
        """Text of an item; ``None`` where no word is left."""
        text = description(fields) or ""
        merge, drop = rng.random(2)
        if merge < self.merge:
            given = [f"{name}: {value}" for name in self.fields if (value := _words(fields, name))]
            given = [field for field in given if rng.random() >= self.drop_field]
            rng.shuffle(given)
            described = [] if drop < self.drop_description and given else [text.rstrip(".")]
            text = ". ".join(part for part in (*described, *given) if part)
        words = text.split()
        kept = rng.random(len(words)) >= self.drop_word
        return " ".join(word for word, keep in zip(words, kept, strict=True) if keep) or None


def description(fields: Mapping[str, Any]) -> str | None:
    """Description of the music in the fields of a manifest."""
    return next((words for name in DESCRIPTION if (words := _words(fields, name))), None)


def _words(fields: Mapping[str, Any], name: str) -> str:
    """Field as text: lists are joined by commas; only texts and numbers are used."""
    value = fields.get(name)
    parts = value if isinstance(value, list) else [value]
    words = (str(v).strip() for v in parts if isinstance(v, str | int | float) and v is not True)
    return ", ".join(part for part in words if part)


def _known(name: str, controls: Sequence[str]) -> list[str]:
    """Controls of a key of ``dropout``."""
    names = name.split("+")
    for part in names:
        if part not in controls:
            raise SettingError(
                f"dropout.{name}: the model has no control {part!r}, only {', '.join(controls)}"
            )
    return names


def _checked(name: str, probability: Any) -> float:
    if isinstance(probability, bool) or not isinstance(probability, int | float):
        raise SettingError(f"{name} is {probability!r}: give a probability from 0 to 1")
    if not 0 <= probability <= 1:
        raise SettingError(f"{name} is {probability}: give a probability from 0 to 1")
    return float(probability)
