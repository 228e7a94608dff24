from __future__ import annotations

import re
from random import Random

import pytest

from jasco.band.description import GENRE_WORDS, MOODS, TEMPO_CLASSES, Facts, describe, tempo_class
from jasco.band.genres import GENRES
from jasco.band.instruments import BASSES, KITS, PITCHED

PLAYERS = {
    "lead": PITCHED["tenor sax"],
    "chords": PITCHED["Rhodes"],
    "pad": PITCHED["string ensemble"],
    "bass": BASSES["upright bass"],
    "drums": KITS["jazz kit"],
}
FACTS = Facts("jazz", "mellow", 92, "3/4", "F# minor", "swing", PLAYERS)


def texts(facts=FACTS, count=4000):
    rng = Random(0)
    return [describe(rng, facts) for _ in range(count)]


def test_one_song_can_be_described_in_thousands_of_ways():
    assert len(set(texts())) > 3000


def test_words_fit_together():
    for text in texts():
        assert not re.search(r"[{}]|  |\b(\w+) \1\b| [,.;:]|[,.;] *$(?<!\.)", text), text
        assert not re.search(r"\b[Aa] (?=[aeiou])", text), text
    assert any(text[0].isupper() for text in texts()) and any(t[0].islower() for t in texts())


def test_numbers_are_true():
    said = [m for text in texts() for m in re.findall(r"(\d+) (?:bpm|BPM|beats)|tempo (\d+)", text)]
    assert said and {a or b for a, b in said} == {"92"}
    keys = [m for text in texts() for m in re.findall(r"in ([A-G][#b]? \w+)", text)]
    assert keys and set(keys) == {"F# minor"}


@pytest.mark.parametrize("role", ["lead", "chords", "drums"])
def test_who_is_absent_is_not_heard_of(role):
    left = {name: player for name, player in PLAYERS.items() if name != role}
    facts = FACTS._replace(players=left, drums=None if role == "drums" else "swing")
    words = [word.lower() for word in (PLAYERS[role].name, *PLAYERS[role].words)]
    absent = {"lead": "no lead", "chords": "no chords", "drums": "no drums"}[role]
    found = texts(facts, 1500)
    assert any(absent in text.lower() for text in found)
    for text in found:
        said = re.sub(r"(no|without) drums|drumless", "", text.lower())
        assert not any(re.search(rf"\b{word}\b", said) for word in words), text


def test_tempo_words_are_those_of_their_class():
    assert [tempo_class(pulse) for pulse in (83, 84, 119, 120)] == [
        "slow", "medium", "medium", "fast",
    ]  # fmt: skip
    slow = texts(FACTS._replace(pulse=60), 800)
    assert any("slow" in text or "downtempo" in text for text in slow)
    assert not any("fast" in text or "up-tempo" in text or "mid-tempo" in text for text in slow)
    assert len(TEMPO_CLASSES) == 3


def test_every_genre_and_mood_has_words():
    assert set(GENRE_WORDS) == set(GENRES)
    moods = {word for words in MOODS.values() for word in words}
    assert len(moods) >= 25
    # A genre that says a mood or a tempo of its own could contradict the song.
    words = {word for row in GENRE_WORDS.values() for name in row for word in name.split()}
    assert not words & (moods | {"slow", "fast"})
