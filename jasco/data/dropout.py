"""What training leaves out of a clip's conditions, item by item, and how it words its text.

A model learns to do without a control by missing it at times: guidance needs that, and so does a
user who gives only some. Everything here draws from the generator of one item, so that an item
depends on nothing but its seed and number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jasco.errors import SettingError

EVERYTHING = "everything"
DESCRIPTION = ("text", "description")
"""Fields of a manifest that describe the music; the first that is given counts."""


class ConditionDropout:
    """Which controls an item trains without: all of them, or else each by a draw of its own.

    Several controls joined by ``+``, as in guidance, are left out together by one more draw. So
    ``{"chords+drums+melody": 0.3}`` has the text alone in three items of ten, which draws of each
    by itself seldom do.

    Args:
        probabilities: of ``everything``, and of each control, or several, where not everything is
            left out; a control without one is only left out with others.
        controls: names of the controls of the model.

    Raises:
        SettingError: a name that is no control, or a value that is no probability.
    """

    def __init__(self, probabilities: Mapping[str, float], controls: Sequence[str]) -> None:
        each = dict.fromkeys(controls, 0.0) | dict(probabilities)
        self.controls = tuple(controls)
        self.everything = _checked("dropout.everything", each.pop(EVERYTHING, 0.0))
        self.each = [
            (_known(name, controls), _checked(f"dropout.{name}", probability))
            for name, probability in each.items()
        ]

    def draw(self, rng: np.random.Generator) -> frozenset[str]:
        """Names of the controls that one item goes without."""
        draws = rng.random(1 + len(self.each))
        if draws[0] < self.everything:
            return frozenset(self.controls)
        pairs = zip(self.each, draws[1:], strict=True)
        dropped = [names for (names, probability), draw in pairs if draw < probability]
        return frozenset(name for names in dropped for name in names)


class TextDropout:
    """The text of an item, put together from the fields of its manifest.

    At times the other fields (genre, key, ...) are added as ``name: value`` in any order, and where
    some are, the description itself may be left out; last, single words are. The probabilities are
    those of published checkpoints.

    Args:
        fields: names of the other fields.
        merge: probability that they are added.
        drop_description: where some are added, that the description is left out.
        drop_field: that one of them is left out.
        drop_word: that a word of the text is left out.

    Raises:
        SettingError: a value that is no probability.
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
        """The text of one item, ``None`` where nothing is said or left."""
        text = description(fields) or ""
        merge, leave_out = rng.random(2)
        if merge < self.merge:
            given = [f"{name}: {said}" for name in self.fields if (said := _words(fields, name))]
            given = [field for field in given if rng.random() >= self.drop_field]
            rng.shuffle(given)
            described = [] if leave_out < self.drop_description and given else [text.rstrip(".")]
            text = ". ".join(part for part in (*described, *given) if part)
        words = text.split()
        kept = rng.random(len(words)) >= self.drop_word
        return " ".join(word for word, keep in zip(words, kept, strict=True) if keep) or None


def description(fields: Mapping[str, Any]) -> str | None:
    """What a manifest says of the music in words."""
    return next((said for name in DESCRIPTION if (said := _words(fields, name))), None)


def _words(fields: Mapping[str, Any], name: str) -> str:
    """A field as text: a list is joined by commas, what is neither text nor number is left out."""
    value = fields.get(name)
    parts = value if isinstance(value, list) else [value]
    said = (str(v).strip() for v in parts if isinstance(v, str | int | float) and v is not True)
    return ", ".join(part for part in said if part)


def _known(name: str, controls: Sequence[str]) -> list[str]:
    """Controls that a key of ``dropout`` names."""
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
