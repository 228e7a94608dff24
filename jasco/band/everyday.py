"""Everyday prompts: scenes, occasions and images that point to a genre without naming it.

Their phrases and templates are those of ``assets/band/scenes.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from jasco.band.description import Facts, draw_words, fill
from jasco.errors import DataError
from jasco.io.assets import asset
from jasco.io.plain import read_yaml

_WORDS = read_yaml(asset("band/scenes.yaml"), DataError)

Scenes = Mapping[str, Sequence[str]]
SCENES: Scenes = _WORDS["scenes"]
"""Genre -> phrases that point to it; a phrase belongs to one genre."""

PROMPTS: Sequence[str] = _WORDS["prompts"]
_FACTS = ("{m}", "{t}", "{p}")  # that a prompt may name beside the genre


class Everyday(NamedTuple):
    """Prompt of everyday words, and a description that names the same facts of the song."""

    prompt: str
    description: str


def describe_everyday(rng: Random, facts: Facts) -> str:
    """Everyday prompt for a song, of some of its facts."""
    return draw_everyday(rng, facts).prompt


def draw_everyday(rng: Random, facts: Facts, scenes: Scenes = SCENES) -> Everyday:
    """Draw an everyday prompt and a description of the same facts, in the same words.

    Args:
        rng: random generator.
        facts: facts of the song.
        scenes: phrases of its genre, at least two.
    """
    template = rng.choice(PROMPTS)
    scene, another = rng.sample(scenes[facts.genre], 2)
    words = draw_words(rng, facts, " and ")
    prompt = fill(template, words | {"s": scene, "a": another})
    if rng.random() < 0.3:
        prompt = prompt[0].upper() + prompt[1:]
    tags = ["{g}", *re.findall("|".join(map(re.escape, _FACTS)), template)]
    rng.shuffle(tags)
    return Everyday(prompt, fill(", ".join(tags), words))


def split_scenes(every: int = 8) -> tuple[Scenes, Scenes]:
    """Scenes for training, and those held out: the last of each ``every`` in their order."""
    known, held_out = (
        {
            genre: [phrase for k, phrase in enumerate(phrases, 1) if (k % every == 0) == out]
            for genre, phrases in SCENES.items()
        }
        for out in (False, True)
    )
    return known, held_out
