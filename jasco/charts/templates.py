"""Chord name of the keys of a block chord, by its pitch classes."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from jasco.chords.vocabulary import QUALITIES, SPELLINGS

_FEWEST = 3  # pitch classes of a chord


def name_of_keys(keys: Collection[int]) -> str | None:
    """Name of the vocabulary for keys that sound together; ``None`` below three pitch classes.

    The name shares the most pitch classes, then adds the fewest, then has the lowest key as its
    root or bass.
    """
    classes = frozenset(key % 12 for key in keys)
    return None if len(classes) < _FEWEST else _nearest(classes, min(keys) % 12)


@lru_cache(maxsize=4096)
def _nearest(classes: frozenset[int], lowest: int) -> str:
    def distance(chord: tuple[int, str, int]) -> tuple[int, bool, bool, int]:
        root, quality, bass = chord
        steps = (0, bass, *QUALITIES[quality].values())
        sound = {(root + step) % 12 for step in steps}
        fits = (root + bass) % 12 != lowest
        return len(sound ^ classes), fits, root != lowest, len(sound)

    return SPELLINGS[min(SPELLINGS, key=distance)]
