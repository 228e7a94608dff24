"""Sketches: facts and descriptions equal to those of composed songs."""

from __future__ import annotations

import re
from random import Random

import pytest

from jasco.band import compose_song
from jasco.band.sketch import (
    ABSENT,
    UNNAMED,
    VALUES,
    WORDS,
    label_description,
    resample_description,
    sketch_song,
)


@pytest.fixture(scope="module")
def songs():
    return [(compose_song(seed, 12.0), sketch_song(seed, 12.0)) for seed in range(60)]


def test_facts_are_those_of_the_song(songs):
    for song, (_, facts) in songs:
        assert facts.keys() == WORDS.keys() == VALUES.keys()
        names = {"genre": "genre", "mood": "mood", "tempo": "tempo_class"}
        assert all(facts[own] == song.facts[name] for own, name in names.items())
        assert facts["meter"] == song.meter
        players = song.facts["instruments"]
        assert all(facts[role] == name for role, name in players.items())
        if "drums" in players:
            assert facts["groove"] == song.facts["patterns"]["drums"]


def test_descriptions_are_those_of_the_songs(songs):
    # Who was planned may have had no time to play, and then is not spoken of.
    same = [song.description == description for song, (description, _) in songs]
    assert sum(same) > 0.9 * len(same)


def spoken(text, facts):
    pairs = zip(facts, label_description(text, facts), strict=True)
    return {name: VALUES[name][number] for name, number in pairs if VALUES[name][number] != UNNAMED}


def test_what_a_text_says():
    facts = {
        "genre": "jazz",
        "mood": "mellow",
        "tempo": "slow",
        "meter": "3/4",
        "groove": "swing",
        "lead": "tenor sax",
        "chords": "Rhodes",
        "pad": ABSENT,
        "bass": "upright bass",
        "drums": ABSENT,
    }
    assert spoken("Mellow cool jazz, downtempo", facts) == {
        "genre": "jazz",
        "mood": "mellow",
        "tempo": "slow",
    }
    assert spoken("saxophone over an electric piano, no drums", facts) == {
        "lead": "tenor sax",
        "chords": "Rhodes",
        "drums": ABSENT,
    }
    assert spoken("happy rock in 4/4", facts) == {}
    assert spoken("in waltz time", facts) == {"meter": "3/4"}


def test_every_value_is_said_somewhere():
    seen = {name: set() for name in VALUES}
    for seed in range(6000):
        text, facts = sketch_song(seed)
        for name, value in spoken(text, facts).items():
            seen[name].add(value)
    for name in ("genre", "mood", "tempo", "meter", "groove"):
        assert seen[name] == set(WORDS[name]), name
    for role in ("lead", "chords", "drums"):
        assert ABSENT in seen[role]
    assert len(seen["lead"]) > 35 and len(seen["bass"]) > 9


def test_a_song_is_retold_truly_and_in_other_words(songs):
    for song, _ in songs:
        fields = song.to_dict()
        told = {resample_description(fields, Random(seed)) for seed in range(20)}
        assert len(told) > 15
        genre = WORDS["genre"][song.facts["genre"]]
        assert any(word.lower() in text.lower() for word in genre for text in told)
        tempi = {int(n) for text in told for n in re.findall(r"(\d+) (?:bpm|BPM|beats)", text)}
        keys = {key for text in told for key in re.findall(r"in ([A-G][#b]? \w+)", text)}
        assert tempi <= {song.facts["pulse"]} and keys <= {song.key}
        assert resample_description(fields, Random(3)) == resample_description(fields, Random(3))


@pytest.mark.parametrize("fields", [{}, {"description": "a song"}, {"instruments": None}])
def test_what_the_band_did_not_play_is_not_retold(fields):
    assert resample_description(fields, Random(0)) is None
