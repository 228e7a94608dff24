"""Sketches: facts and description of a song, without its notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from jasco.band.description import (
    ABSENCES,
    GENRE_WORDS,
    METER_WORDS,
    MOODS,
    TEMPO_WORDS,
    Facts,
    describe,
    tempo_class,
)
from jasco.band.drums import FREE, feels
from jasco.band.grooves import FAMILIES
from jasco.band.instruments import BASSES, KITS, PITCHED, Instrument
from jasco.band.plan import draw_plan

_INSTRUMENTS: Mapping[str, Mapping[str, Instrument]] = {
    "lead": PITCHED,
    "chords": PITCHED,
    "pad": PITCHED,
    "bass": BASSES,
    "drums": KITS,
}
UNNAMED, ABSENT = "unsaid", "absent"


def _players(role: str) -> Mapping[str, Sequence[str]]:
    named = {p.name: (p.name, *p.words) for p in _INSTRUMENTS[role].values()}
    return {ABSENT: ABSENCES.get(role, ()), **named}


WORDS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "genre": GENRE_WORDS,
    "mood": {word: (word,) for words in MOODS.values() for word in words},
    "tempo": TEMPO_WORDS,
    "meter": METER_WORDS,
    "groove": {name: feels(name) for name in (*FAMILIES, FREE)},
    **{role: _players(role) for role in _INSTRUMENTS},
}
"""Fact -> value -> its wordings in descriptions."""

VALUES: Mapping[str, tuple[str, ...]] = {name: (UNNAMED, *words) for name, words in WORDS.items()}
"""Label classes of each fact; class 0 is a text that does not name it."""


class Sketch(NamedTuple):
    """Description of a song, and the true value of each fact of `WORDS`."""

    description: str
    facts: Mapping[str, str]


def sketch_song(seed: int | str, duration: float = 20.0) -> Sketch:
    """Plan a song of ``duration`` (s) and describe it, 100 times as fast as composing it."""
    plan = draw_plan(Random(f"{seed} plan"), duration)
    values = {
        "genre": plan.genre,
        "mood": plan.mood,
        "tempo": tempo_class(plan.pulse),
        "meter": plan.meter.name,
        "groove": plan.drums,
    }
    for role in _INSTRUMENTS:
        values[role] = plan.players[role].name if role in plan.players else ABSENT
    return Sketch(describe(Random(f"{seed} words"), plan.facts(plan.players)), values)


def sketch_facts(seed: int | str, duration: float = 20.0) -> Facts:
    """Facts of the song that `sketch_song` describes."""
    plan = draw_plan(Random(f"{seed} plan"), duration)
    return plan.facts(plan.players)


def label_description(text: str, facts: Mapping[str, str]) -> tuple[int, ...]:
    """Class of each fact that a text names: its index in `VALUES`, 0 where it is not named.

    Args:
        text: description of the song, or a part of it.
        facts: true values, by the names of `WORDS`.
    """
    text = text.lower()
    found = (
        value if any(word.lower() in text for word in WORDS[name][value]) else UNNAMED
        for name, value in facts.items()
    )
    return tuple(VALUES[name].index(value) for name, value in zip(facts, found, strict=True))


def resample_description(fields: Mapping[str, Any], rng: Random) -> str | None:
    """Draw a new description of a synthetic song.

    Args:
        fields: fields of the song in the manifest.
        rng: random generator of the choice of facts and words.

    Returns:
        The description; ``None`` where the fields are not those of a synthetic song.
    """
    try:
        named, patterns = fields["instruments"], fields["patterns"]
        facts = Facts(
            genre=fields["genre"],
            mood=fields["mood"],
            pulse=fields["pulse"],
            meter=fields["meter"],
            key=fields["key"],
            drums=patterns.get("drums"),
            players={role: _INSTRUMENTS[role][name] for role, name in named.items()},
        )
        return describe(rng, facts)
    except (KeyError, TypeError, AttributeError):
        return None
