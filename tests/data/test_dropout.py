"""Dropout of conditions and words: rates and independence."""

from __future__ import annotations

import numpy as np
import pytest

from jasco.data.dropout import ConditionDropout, TextDropout, description
from jasco.errors import SettingError

CONTROLS = ("text", "chords", "drums", "melody")
PUBLISHED = {
    "chords-drums": {"all": 0.3, "chords": 0.3, "drums": 0.3},
    "chords-drums-melody": {"all": 0.2, "chords": 0.5, "drums": 0.5, "melody": 0.5},
}


def draws(probabilities, controls, count=20_000):
    """(count, controls) bools, each row from the generator of its own number."""
    dropout = ConditionDropout(probabilities, controls)
    found = [dropout.draw(np.random.default_rng([7, number])) for number in range(count)]
    return np.array([[name in dropped for name in controls] for dropped in found])


@pytest.mark.parametrize("name", PUBLISHED)
def test_frequencies_over_20000_items(name):
    probabilities = PUBLISHED[name]
    controls = CONTROLS if "melody" in probabilities else CONTROLS[:3]
    dropped = draws(probabilities, controls)
    everything = dropped.all(axis=1)
    chance = np.prod([probabilities.get(c, 0.0) for c in controls])  # each by its own draw
    p = probabilities["all"]
    assert everything.mean() == pytest.approx(p + (1 - p) * chance, abs=0.01)
    by_text = dropped[:, 0]  # text is left out with everything, and never alone
    assert np.array_equal(by_text, everything)
    for k, control in enumerate(controls[1:], 1):
        alone = dropped[~everything][:, k].mean()
        assert alone == pytest.approx(probabilities[control], abs=0.01), control


def test_items_and_controls_are_independent():
    dropped = draws(PUBLISHED["chords-drums-melody"], CONTROLS).astype(float)
    everything = dropped[:, 0]
    limit = 4 / np.sqrt(len(dropped))  # four standard errors of a correlation
    for lag in (1, 2, 3, 16):
        assert abs(np.corrcoef(everything[lag:], everything[:-lag])[0, 1]) < limit
    rest = dropped[everything == 0]
    for k in (1, 2, 3):
        assert abs(np.corrcoef(rest[1:, k], rest[:-1, k])[0, 1]) < limit * 1.2
        for other in range(k + 1, 4):
            assert abs(np.corrcoef(rest[:, k], rest[:, other])[0, 1]) < limit * 1.2


def test_controls_are_left_out_together():
    together = {"all": 0.1, "chords": 0.2, "chords+drums+melody": 0.3}
    dropped = draws(together, CONTROLS)
    text_alone = (dropped == [False, True, True, True]).all(axis=1)
    assert text_alone.mean() == pytest.approx(0.9 * 0.3, abs=0.01)
    others = dropped[~dropped[:, 0] & ~text_alone]
    assert not others[:, 2:].any()  # drums and melody only ever go with the chords
    assert others[:, 1].mean() == pytest.approx(0.2, abs=0.01)  # which also go by themselves


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        ({"flute": 0.5}, "no control 'flute'"),
        ({"melody": 0.5}, "no control 'melody'"),
        ({"chords": 1.5}, "dropout.chords is 1.5"),
        ({"all": "often"}, "dropout.all is 'often'"),
        ({"chords": True}, "dropout.chords is True"),
        ({"chords+flute": 0.5}, "dropout.chords\\+flute: the model has no control 'flute'"),
        ({"chords+drums": 2}, "dropout.chords\\+drums is 2"),
    ],
)
def test_what_is_no_dropout(probabilities, message):
    with pytest.raises(SettingError, match=message):
        ConditionDropout(probabilities, CONTROLS[:3])


FIELDS = {
    "description": "A slow piano piece.",
    "genre": ["jazz", "ballad"],
    "bpm": 72,
    "key": None,
    "moods": "",
    "keywords": {"no": "text"},
    "instrument": True,
    "artist": "somebody",
}


def texts(dropout, fields=FIELDS, count=8_000):
    return [dropout.draw(fields, np.random.default_rng([3, n])) for n in range(count)]


def test_text_is_merged_and_dropped_as_often_as_published():
    found = texts(TextDropout(drop_word=0.0))
    assert set(found) == {
        "A slow piano piece.",
        "A slow piano piece",
        "A slow piano piece. genre: jazz, ballad",
        "A slow piano piece. bpm: 72",
        "A slow piano piece. genre: jazz, ballad. bpm: 72",
        "A slow piano piece. bpm: 72. genre: jazz, ballad",
        "genre: jazz, ballad",
        "bpm: 72",
        "genre: jazz, ballad. bpm: 72",
        "bpm: 72. genre: jazz, ballad",
    }
    merged = np.array([text != "A slow piano piece." for text in found])
    assert merged.mean() == pytest.approx(0.25, abs=0.015)
    other = [text for text in found if "genre" in text or "bpm" in text]
    assert len(other) / merged.sum() == pytest.approx(0.75, abs=0.03)  # two fields, each half
    assert np.mean(["slow" in text for text in other]) == pytest.approx(0.5, abs=0.04)


def test_words_are_dropped_one_by_one():
    text = " ".join(f"w{k}" for k in range(40))
    found = texts(TextDropout(merge=0.0, drop_word=0.3), {"text": text}, count=500)
    kept = [[word in said.split() for word in text.split()] for said in found]
    assert np.mean(kept) == pytest.approx(0.7, abs=0.01)
    assert all(said.split() == [w for w in text.split() if w in said.split()] for said in found)
    assert texts(TextDropout(merge=0.0, drop_word=1.0), {"text": text}, count=3) == [None] * 3


def test_texts_that_are_not_there():
    assert texts(TextDropout(), {}, count=50) == [None] * 50
    assert description({"text": " ", "description": "b"}) == "b"
    assert description({"text": "a", "description": "b"}) == "a"
    assert description({"text": 3}) == "3"
    assert description({"text": None}) is None
    only = texts(TextDropout(merge=1.0, drop_field=0.0, drop_word=0.0), {"genre": "pop"}, 5)
    assert only == ["genre: pop"] * 5


@pytest.mark.parametrize("name", ["merge", "drop_description", "drop_field", "drop_word"])
def test_text_probabilities_are_checked(name):
    with pytest.raises(SettingError, match=f"{name} is -0.1"):
        TextDropout(**{name: -0.1})
