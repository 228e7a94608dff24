"""Recipes from outside: read as written, or refused by the name of the key."""

from __future__ import annotations

import copy
import json
import time
import tracemalloc
from typing import Any

import pytest
import torch

from jasco import ChordProgression, Conditions, Melody
from jasco.drums import DrumCodes
from jasco.errors import ChordError, ConditionError
from jasco.melody import NUM_NOTES
from jasco.recipe import MAX_FRAMES, Recipe

LATER = ("batch", "threads", "versions")
"""Keys that need not be there."""


def written() -> dict[str, Any]:
    roll = torch.zeros(NUM_NOTES, 500)
    roll[20, 10:60] = 1
    roll[22, 60:90] = 0.5
    recipe = Recipe(
        model="demo",
        revision=None,
        seed=7,
        solver={"name": "euler", "steps": 8},
        guidance={"all": 1.5, "text+chords": 0.5},
        duration=10.0,
        dtype="float32",
        device="cpu",
        conditions=Conditions(
            text="funk",
            chords=ChordProgression.parse("C:0 Am:2.5"),
            drums=DrumCodes(torch.arange(500) % 64),
            melody=Melody.from_array(roll),
        ),
    )
    return json.loads(json.dumps(recipe.to_dict(500, 50.0)))


def test_a_recipe_comes_back() -> None:
    plain = written()
    assert Recipe.from_dict(plain).to_dict(500, 50.0) == plain


# Place in the recipe, value, and what the message says.
WRONG = [
    ("model", 3, "model of the recipe is 3"),
    ("model", "a" * 10_000, "model of the recipe"),
    ("revision", [1], "revision of the recipe"),
    ("seed", -1, "seed of the recipe is -1"),
    ("seed", 2**64, "seed of the recipe"),
    ("seed", "7", "seed of the recipe is '7'"),
    ("seed", True, "seed of the recipe is True"),
    ("solver", "euler", "solver of the recipe is 'euler': give a mapping"),
    ("solver", {"name": ["euler"]}, "solver.name"),
    ("solver", {"name": "stranger"}, "solver.name of the recipe is 'stranger': known are euler"),
    ("solver", {"name": "euler", "rtol": 1e-5}, "solver.rtol .*: euler has no such setting, only"),
    ("solver", {"name": "dopri5", "steps": 8}, "solver.steps .*: dopri5 has no such setting"),
    ("solver", {"name": "euler", "steps": "8"}, "solver.steps of the recipe is '8'"),
    ("solver", {"name": "euler", "steps": 2.5}, "solver of the recipe: euler steps=2.5"),
    ("solver", {"name": "euler", "steps": 0}, "solver of the recipe: euler steps=0"),
    ("solver", {"name": "euler", "steps": 10**30}, "solver.steps"),
    ("solver", {"name": "dopri5", "rtol": -1}, "solver of the recipe: dopri5"),
    ("solver", {"name": "dopri5", "atol": None}, "solver.atol of the recipe is None"),
    ("guidance", {}, "guidance of the recipe"),
    ("guidance", [1.5], "guidance of the recipe"),
    ("guidance", {"all": "1"}, "guidance of the recipe"),
    ("guidance", {"chords": "1@2-1"}, "guidance of the recipe"),
    ("guidance", {"all": float("nan")}, "guidance of the recipe"),
    ("guidance", {"all": 10**400}, "guidance of the recipe"),
    ("duration", 0, "duration of the recipe is 0"),
    ("duration", float("inf"), "duration of the recipe is inf"),
    ("duration", "10", "duration of the recipe is '10'"),
    ("dtype", None, "dtype of the recipe is None"),
    ("device", 0, "device of the recipe is 0"),
    ("conditions", [], "conditions of the recipe"),
    ("conditions.frames", 10**12, f"frames of the recipe is 10+: .* to {MAX_FRAMES:,}"),
    ("conditions.frames", -1, "frames of the recipe is -1"),
    ("conditions.frames", 1e3, "frames of the recipe is 1000.0"),
    ("conditions.text", 3, "text is 3"),
    ("conditions.chords", 3, "int"),
    ("conditions.chords", [["C"]], "pair"),
    ("conditions.chords", [["C", float("inf")]], "inf"),
    ("conditions.chords", [["C", "x"]], "x"),
    ("conditions.bars", 3, "bars of the recipe are 3"),
    ("conditions.bars", ["x"], "bars of the recipe"),
    ("conditions.bars", [0.0, 2.0, 2.0], "bars of the recipe"),
    ("conditions.bars", [-1.0, 2.0], "bars of the recipe"),
    ("song", 3, "song of the recipe is 3"),
    ("song", {"kind": "edit"}, "song of the recipe"),
    ("song", {"source": {"path": 1, "fingerprint": "a", "recipe": None}}, "song of the recipe"),
    ("conditions.drums", [], "drums of the recipe"),
    ("conditions.drums", [1.5], "drums of the recipe"),
    ("conditions.drums", [-1], "drums of the recipe"),
    ("conditions.drums", [10**20], "drums of the recipe"),
    ("conditions.drums", [[1, 2], [3]], "drums of the recipe"),
    ("conditions.drums", {"0": 1}, "drums of the recipe"),
    ("conditions.melody", {"0": 1}, "melody of the recipe"),
    ("conditions.melody", [1], "melody of the recipe has the run 1"),
    ("conditions.melody", [[0, 1, 2]], r"melody of the recipe has the run \[0, 1, 2\]"),
    ("conditions.melody", [[NUM_NOTES, 0, 1, 1]], "melody of the recipe has the run"),
    ("conditions.melody", [[-1, 0, 1, 1]], "melody of the recipe has the run"),
    ("conditions.melody", [[0, 5, 2, 1]], "melody of the recipe has the run"),
    ("conditions.melody", [[0, 0, 501, 1]], "melody of the recipe has the run"),
    ("conditions.melody", [[0, 0, 5, float("nan")]], "melody of the recipe has the run"),
    ("conditions.melody", [[0, 0, 5, -1]], "melody of the recipe has the run"),
    ("conditions.melody", [[0, 0, 5, "1"]], "melody of the recipe has the run"),
    ("conditions.melody", [[0, 0, 500, 1]] * 60, "melody of the recipe has the run"),
]


@pytest.mark.parametrize("place, value, message", WRONG, ids=lambda v: f"{v}"[:30])
def test_a_wrong_value_is_named(place: str, value: Any, message: str) -> None:
    plain = copy.deepcopy(written())
    *path, last = place.split(".")
    node = plain
    for key in path:
        node = node[key]
    node[last] = value
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises((ConditionError, ChordError), match=message) as caught:
        Recipe.from_dict(plain)
    assert len(str(caught.value)) < 400
    assert time.process_time() - started < 5
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()


@pytest.mark.parametrize("key", [name for name in written() if name not in LATER])
def test_a_key_that_lacks_is_named(key: str) -> None:
    plain = written()
    del plain[key]
    with pytest.raises(ConditionError, match=f"it lacks {key}"):
        Recipe.from_dict(plain)
    with pytest.raises(ConditionError, match="not a recipe of Jasco but a list"):
        Recipe.from_dict([1])  # type: ignore[arg-type]


def test_a_recipe_of_an_earlier_version_is_read() -> None:
    plain = {key: value for key, value in written().items() if key not in LATER}
    recipe = Recipe.from_dict(plain)
    assert (recipe.batch, recipe.threads) == (None, None)
    plain |= {"batch": 4, "threads": 2}
    assert (Recipe.from_dict(plain).batch, Recipe.from_dict(plain).threads) == (4, 2)
    for wrong in (0, -1, 10**12, 1.5, True, "2"):
        for key in ("batch", "threads"):
            with pytest.raises(ConditionError, match=f"{key} of the recipe is"):
                Recipe.from_dict(plain | {key: wrong})
