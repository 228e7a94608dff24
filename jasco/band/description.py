"""Descriptions: a template grammar over the facts of a song, with thousands of variants.

Its words are those of ``assets/band/descriptions.yaml``.

A description states true facts only; it may leave out any of them except genre, mood or an
instrument, of which it names at least one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from jasco.band.drums import feels
from jasco.band.genres import GENRES
from jasco.band.instruments import Instrument
from jasco.errors import DataError
from jasco.io.assets import asset
from jasco.io.plain import read_yaml


class Facts(NamedTuple):
    """Facts of a song that a description can name.

    Attributes:
        genre: key of `GENRES`.
        mood: a word of `MOODS`.
        pulse: felt beats per minute.
        meter: time signature.
        key: name of the key, such as ``"F# minor"``.
        drums: family of the grooves; ``None`` without drums.
        players: instrument of each role that plays: lead, chords, pad, bass, drums.
    """

    genre: str
    mood: str
    pulse: int
    meter: str
    key: str
    drums: str | None
    players: Mapping[str, Instrument]


GENRE_WORDS = {name: genre.words for name, genre in GENRES.items()}

_WORDS = read_yaml(asset("band/descriptions.yaml"), DataError)
Phrases = Mapping[str, Sequence[str]]

MOODS: Mapping[tuple[bool, bool], Sequence[str]] = {
    ("minor" in name, "lively" in name): moods for name, moods in _WORDS["moods"].items()
}
"""(minor key, lively) -> moods."""

TEMPO_CLASSES = ("slow", "medium", "fast")
TEMPO_WORDS: Phrases = _WORDS["tempi"]
METER_WORDS: Phrases = _WORDS["meters"]
ABSENCES: Phrases = _WORDS["absences"]
_PLAYERS: Phrases = _WORDS["players"]
_TAGS = ("{g}", "{m}", "{t}", "{p}")


def describe(rng: Random, facts: Facts) -> str:
    """Description of some of the facts, as a sentence or as tags."""
    remarks = _remarks(rng, facts)
    if rng.random() < 0.3:
        tags = [tag for tag in _TAGS if rng.random() < 0.75] or ["{g}"]
        rng.shuffle(tags)
        return ", ".join([fill(tag, draw_words(rng, facts, ", ")) for tag in tags] + remarks)
    template = rng.choice(_WORDS["sentences"])
    sentence = fill(template, draw_words(rng, facts, " and "))
    joint = rng.choice((", ", ". ", "; "))
    if joint == ". ":
        remarks = [remark[0].upper() + remark[1:] for remark in remarks]
    text = joint.join([sentence, *remarks])
    if rng.random() < 0.6:
        text = text[0].upper() + text[1:]
    return text + "." if joint == ". " else text


def tempo_class(pulse: int) -> str:
    """Tempo class, of `TEMPO_CLASSES`, of a pulse (felt beats per minute)."""
    return "slow" if pulse < 84 else "medium" if pulse < 120 else "fast"


def draw_words(rng: Random, facts: Facts, joint: str) -> dict[str, str]:
    """Draw wordings of the facts, by the placeholders of templates.

    Args:
        rng: random generator.
        facts: facts of the song.
        joint: text before the last of several players.
    """
    return {
        "g": rng.choice(GENRE_WORDS[facts.genre]),
        "m": facts.mood,
        "t": rng.choice(TEMPO_WORDS[tempo_class(facts.pulse)]),
        "p": _listed(_mentions(rng, facts), joint),
        "o": _leader(rng, facts),
    }


def fill(template: str, words: Mapping[str, str]) -> str:
    """Template with its words, and the articles that they ask for."""
    # The article before a vowel sound is "an": an 80s track, an R&B tune, but a one-drop beat.
    return re.sub(r"\b([Aa]) (?=[aeiouAEIO8]|R&B)(?!one)", r"\1n ", template.format(**words))


def _mentions(rng: Random, facts: Facts) -> list[str]:
    """Phrases for a random subset of the players, at least one, in random order."""
    roles = [role for role in facts.players if rng.random() < 0.65]
    roles = roles or [rng.choice(list(facts.players))]
    rng.shuffle(roles)
    return [_mention(rng, role, facts) for role in roles]


def _leader(rng: Random, facts: Facts) -> str:
    player = next(facts.players[role] for role in _PLAYERS if role in facts.players)
    return rng.choice((player.name, *player.words))


def _mention(rng: Random, role: str, facts: Facts) -> str:
    player = facts.players[role]
    if role == "drums" and facts.drums and rng.random() < 0.5:
        return rng.choice(feels(facts.drums))
    return rng.choice(_PLAYERS[role]).format(i=rng.choice((player.name, *player.words)))


def _listed(items: Sequence[str], joint: str) -> str:
    return joint.join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else items[0]


def _remarks(rng: Random, facts: Facts) -> list[str]:
    """Optional phrases: tempo in numbers, key, metre, and absent roles."""
    remarks = []
    if rng.random() < 0.3:
        remarks.append(rng.choice(_WORDS["bpm"]).format(n=facts.pulse))
    if rng.random() < 0.2:
        remarks.append(f"in {facts.key}")
    if rng.random() < (0.1 if facts.meter == "4/4" else 0.5):
        remarks.append(rng.choice(METER_WORDS[facts.meter]))
    for role, words in ABSENCES.items():
        if role not in facts.players and rng.random() < 0.6:
            remarks.append(rng.choice(words))
    rng.shuffle(remarks)
    return remarks
