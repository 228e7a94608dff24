from __future__ import annotations

import re
from random import Random

import pytest

from jasco.band.description import GENRE_WORDS, MOODS, TEMPO_WORDS, Facts, tempo_class
from jasco.band.drums import feels
from jasco.band.everyday import PROMPTS, SCENES, describe_everyday, draw_everyday, split_scenes
from jasco.band.genres import GENRES
from jasco.band.grooves import FAMILIES
from jasco.band.instruments import BASSES, KITS, PITCHED
from jasco.band.sketch import sketch_facts, sketch_song

PLAYERS = {"lead": PITCHED["flute"], "bass": BASSES["upright bass"]}
FACTS = Facts("jazz", "mellow", 92, "3/4", "F# minor", "swing", PLAYERS)
PHRASES = [phrase for phrases in SCENES.values() for phrase in phrases]


def words_of_descriptions():
    """Words of the grammar that an encoder of descriptions reads already."""
    yield from (word for words in GENRE_WORDS.values() for word in words)
    yield from GENRES
    yield from (word for words in MOODS.values() for word in words)
    yield from (word for words in TEMPO_WORDS.values() for word in words)
    yield from (word for name in FAMILIES for word in feels(name))
    for players in (PITCHED, BASSES, KITS):
        yield from (word for player in players.values() for word in (player.name, *player.words))


def test_each_genre_has_scenes_of_its_own():
    assert SCENES.keys() == GENRES.keys()
    assert all(len(phrases) >= 25 for phrases in SCENES.values())
    assert len({phrase.lower() for phrase in PHRASES}) == len(PHRASES)
    assert all(isinstance(phrase, str) and 1 <= len(phrase.split()) <= 5 for phrase in PHRASES)


def test_no_scene_says_what_a_description_says():
    """Named facts would lose their meaning: the vector of the genre alone is learnt for a scene."""
    known = "|".join(re.escape(word.lower()) for word in words_of_descriptions())
    found = [p for p in PHRASES if re.search(rf"\b(?:{known})\b", p.lower())]
    assert not found


def test_a_prompt_names_no_genre_and_true_facts_alone():
    genre = re.compile(rf"\b(?:{'|'.join(map(re.escape, GENRE_WORDS['jazz']))})\b")
    told = [draw_everyday(Random(seed), FACTS) for seed in range(600)]
    for prompt, description in told:
        assert not re.search(r"[{}]|  |\b(\w+) \1\b", prompt), prompt
        assert not re.search(r"\b[Aa] (?=[aeiou])", prompt), prompt
        assert any(scene.lower() in prompt.lower() for scene in SCENES["jazz"]), prompt
        assert not genre.search(prompt) and genre.search(description), (prompt, description)
        for word in ("mellow", *TEMPO_WORDS[tempo_class(92)], "flute", "upright bass"):
            assert (word in prompt.lower()) == (word in description), (prompt, description)
    assert len({prompt for prompt, _ in told}) > 400
    assert {"mellow" in description for _, description in told} == {True, False}


@pytest.mark.parametrize("genre", GENRES)
def test_scenes_are_those_of_the_genre(genre):
    others = {p for name, phrases in SCENES.items() if name != genre for p in phrases}
    for seed in range(20):
        prompt = describe_everyday(Random(seed), FACTS._replace(genre=genre))
        assert any(scene.lower() in prompt.lower() for scene in SCENES[genre])
        assert prompt not in others


def test_the_same_seed_gives_the_same_prompt():
    first, again = (
        [describe_everyday(Random(seed), FACTS) for seed in range(50)] for _ in range(2)
    )
    assert first == again and len(set(first)) > 40


def test_held_out_scenes_are_of_every_genre_and_not_in_training():
    known, held_out = split_scenes()
    for genre, phrases in SCENES.items():
        assert len(held_out[genre]) >= 3 and not set(held_out[genre]) & set(known[genre])
        assert sorted([*known[genre], *held_out[genre]]) == sorted(phrases)
    for seed in range(50):
        prompt, _ = draw_everyday(Random(seed), FACTS, held_out)
        assert any(scene.lower() in prompt.lower() for scene in held_out["jazz"])


def test_templates_use_known_placeholders():
    assert all("{s}" in template for template in PROMPTS)
    assert {p for t in PROMPTS for p in re.findall(r"{(\w+)}", t)} == {"s", "a", "m", "t", "p"}


def test_facts_are_those_of_the_sketch():
    for seed in range(20):
        facts, told = sketch_facts(seed), sketch_song(seed).facts
        assert (facts.genre, facts.mood) == (told["genre"], told["mood"])
        assert tempo_class(facts.pulse) == told["tempo"] and facts.drums == told["groove"]
