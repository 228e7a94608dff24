"""Descriptions: a template grammar over the facts of a song, with thousands of variants.

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

MOODS: Mapping[tuple[bool, bool], tuple[str, ...]] = {
    (False, False): ("calm", "warm", "tender", "peaceful", "dreamy", "gentle", "relaxed", "mellow"),
    (False, True): ("happy", "upbeat", "joyful", "bright", "uplifting", "sunny", "cheerful", "fun"),
    (True, False): ("sad", "melancholic", "moody", "somber", "wistful", "nostalgic", "mysterious"),
    (True, True): ("dark", "intense", "dramatic", "driving", "tense", "urgent", "brooding"),
}
"""(minor key, lively) -> moods."""

TEMPO_CLASSES = ("slow", "medium", "fast")

TEMPO_WORDS: Mapping[str, tuple[str, ...]] = {
    "slow": ("slow", "slow-tempo", "downtempo", "unhurried"),
    "medium": ("mid-tempo", "medium-tempo", "moderate", "moderately paced"),
    "fast": ("fast", "up-tempo", "quick", "fast-paced"),
}
_BPM = ("{n} bpm", "{n} BPM", "at {n} bpm", "around {n} bpm", "tempo {n}", "{n} beats per minute")
METER_WORDS: Mapping[str, tuple[str, ...]] = {
    "4/4": ("in 4/4", "in common time"),
    "3/4": ("in 3/4", "in waltz time", "three beats to the bar"),
    "6/8": ("in 6/8", "in compound time", "with a rolling 6/8 feel"),
}

# Role -> phrases for its instrument {i}.
_PLAYERS: Mapping[str, tuple[str, ...]] = {
    "lead": ("{i} lead", "{i} melody", "{i} on top", "{i} solo", "lead {i}", "{i}"),
    "chords": ("{i}", "{i} chords", "{i} comping", "{i} accompaniment"),
    "pad": ("{i}", "{i} in the background", "sustained {i}", "{i} underneath"),
    "bass": ("{i}", "{i} line", "{i} underneath"),
    "drums": ("{i}",),
}
ABSENCES: Mapping[str, tuple[str, ...]] = {
    "drums": ("no drums", "without drums", "drumless"),
    "lead": ("no lead", "no melody on top", "just the backing"),
    "chords": ("no chords", "without harmony", "no chord instruments"),
}

# Placeholders: {g} genre, {m} mood, {t} tempo, {p} several players, {o} one player.
_SENTENCES = (
    "{m} {g} with {p}",
    "a {m} {g} track with {p}",
    "a {t} {g} piece with {p}",
    "{t} {g} featuring {p}",
    "a {t}, {m} {g} tune, {p}",
    "{g} built on {p}",
    "{p} in a {m} {g} style",
    "{p} playing {t} {g}",
    "{m}, {t} {g}",
    "a {m} {g} groove: {p}",
    "{t} and {m} {g} with {p}",
    "{g} music, {m} and {t}, with {p}",
    "this is {m} {g} with {p}",
    "{o} over {m} {g}",
    "a {g} song led by {o}, {m} in mood",
)
_TAGS = ("{g}", "{m}", "{t}", "{p}")


def describe(rng: Random, facts: Facts) -> str:
    """Description of some of the facts, as a sentence or as tags."""
    remarks = _remarks(rng, facts)
    if rng.random() < 0.3:
        tags = [tag for tag in _TAGS if rng.random() < 0.75] or ["{g}"]
        rng.shuffle(tags)
        return ", ".join([_fill(rng, tag, facts, joint=", ") for tag in tags] + remarks)
    sentence = _fill(rng, rng.choice(_SENTENCES), facts, joint=" and ")
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


def _fill(rng: Random, template: str, facts: Facts, joint: str) -> str:
    words = {
        "g": rng.choice(GENRE_WORDS[facts.genre]),
        "m": facts.mood,
        "t": rng.choice(TEMPO_WORDS[tempo_class(facts.pulse)]),
        "p": _listed(_mentions(rng, facts), joint),
        "o": _leader(rng, facts),
    }
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
        remarks.append(rng.choice(_BPM).format(n=facts.pulse))
    if rng.random() < 0.2:
        remarks.append(f"in {facts.key}")
    if rng.random() < (0.1 if facts.meter == "4/4" else 0.5):
        remarks.append(rng.choice(METER_WORDS[facts.meter]))
    for role, words in ABSENCES.items():
        if role not in facts.players and rng.random() < 0.6:
            remarks.append(rng.choice(words))
    rng.shuffle(remarks)
    return remarks
