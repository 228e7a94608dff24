"""An earlier take made again: its recipe, the request it came from, and where it was computed."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jasco.audio import read_recipe
from jasco.checkpoint import HubOptions, at_hand
from jasco.device import available_devices
from jasco.errors import SettingError
from jasco.flow import SOLVERS
from jasco.notices import tell
from jasco.pipeline.request import located
from jasco.recipe import Recipe


@dataclass(frozen=True)
class Place:
    """Model, and how to compute with it.

    Attributes:
        model, revision: name and commit.
        device, dtype: as `Jasco.from_pretrained` takes them.
        threads: of the CPU; ``None`` for the program's own choice.
    """

    model: str
    revision: str | None
    device: str
    dtype: str
    threads: int | None


def read_take(path: Path) -> tuple[Recipe, dict[str, Any]]:
    """The recipe in a take, and the values of the request it was made from.

    Raises:
        SettingError: the file holds no recipe, or one that makes nothing again.
    """
    plain = read_recipe(path)
    if plain is None:
        raise SettingError(f"{path} holds no recipe: it was made with --no-recipe, or not by Jasco")
    with located(str(path)):
        recipe = Recipe.from_dict(plain)
        values = _values(recipe, plain.get("loudness", -14.0))
    _tell_versions(plain.get("versions"))
    return recipe, values


def place_of(recipe: Recipe, args: argparse.Namespace) -> Place:
    """Where to make a take again: as the options say, else as its recipe does.

    Raises:
        SettingError: no model is named, or one that is not at hand and not agreed to.
    """
    if args.model is None and recipe.model is None:
        raise SettingError(f"the recipe in {args.take} names no model: give --model")
    device = args.device or recipe.device
    if args.device is None and device not in available_devices():
        tell(f"made on {device}, which is not here: the take may differ")
        device = "auto"
    if recipe.batch is not None and recipe.batch > 1:
        tell(
            f"made in a batch of {recipe.batch}, now alone: the take may differ in rounding, which "
            "in bfloat16 can be heard"
        )
    # Sums are split among threads, so that their number changes the rounding.
    threads = args.threads or (recipe.threads if recipe.device == "cpu" else None)
    dtype = args.dtype or recipe.dtype
    if args.model is not None:
        return Place(args.model, None, device, dtype, threads)
    # The commit belongs to the recipe's own model.
    name, revision = str(recipe.model), recipe.revision
    if not args.yes:
        _require_at_hand(args, name, revision)
    return Place(name, revision, device, dtype, threads)


def _values(recipe: Recipe, loudness: Any) -> dict[str, Any]:
    """The values that make the take of a recipe again, at the loudness of its file."""
    if recipe.seed is None:
        raise SettingError("its noise was given by hand and is in no recipe: give --seed")
    clip, solver = recipe.conditions, dict(recipe.solver)
    return {
        "text": clip.text,
        "chords": clip.chords,
        "drums": clip.drums,
        "melody": clip.melody,
        "seed": recipe.seed,
        "duration": recipe.duration,
        "solver": SOLVERS[solver.pop("name")](**solver),
        "guidance": dict(recipe.guidance),
        "loudness": loudness,
    }


def _tell_versions(made_with: Any) -> None:
    """Say which versions are others than those a take was made with."""
    from importlib.metadata import version

    for package, then in made_with.items() if isinstance(made_with, dict) else ():
        now = version(package) if package in ("jasco", "torch") else then
        if now != then:
            tell(f"made with {package} {then}, this is {now}: the take may differ")


def _require_at_hand(args: argparse.Namespace, name: str, revision: str | None) -> None:
    """Refuse to follow a take to a folder or to the Hub: anybody may have written its recipe."""
    if not at_hand(name, HubOptions(args.revision or revision, args.cache_dir)):
        commit = f" at {revision!r}" if revision is not None else ""
        raise SettingError(
            f"{args.take} names the model {name!r}{commit}, which neither comes with Jasco nor is "
            "in the Hub cache: give --yes to load it from there, or --model NAME for another"
        )
