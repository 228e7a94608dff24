"""Recipe of an earlier take, as a request, a model and a device that make it again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from jasco.audio import read_recipe
from jasco.checkpoint import HubOptions, at_hand
from jasco.controls import CONTROLS
from jasco.device import available_devices
from jasco.errors import SettingError
from jasco.flow import SOLVERS
from jasco.pipeline.adapters import adapters_of
from jasco.pipeline.edits import edit_values
from jasco.pipeline.events import Note
from jasco.pipeline.loops import loop_values
from jasco.pipeline.request import labelled
from jasco.recipe import Recipe
from jasco.song.edit import KINDS, edit_of
from jasco.song.sections import sections_of
from jasco.song.take import Take


@dataclass(frozen=True)
class Place:
    """Model, and the device that computes; ``None`` for what is not asked for.

    Attributes:
        model, revision: name and commit.
        device, dtype: arguments of `Jasco.from_pretrained`.
        threads: threads of the CPU; ``None`` for the default.
    """

    model: str | None = None
    revision: str | None = None
    device: str | None = None
    dtype: str | None = None
    threads: int | None = None


@dataclass(frozen=True, eq=False)
class EarlierTake:
    """Recipe of a take.

    Attributes:
        path: file of the take.
        recipe: recipe in it.
        values: values of the request that makes it again.
        notes: versions of packages that differ from those it was made with.
    """

    path: Path
    recipe: Recipe
    values: dict[str, Any]
    notes: list[Note]


def read_take(path: Path, options: Iterable[str] = ()) -> EarlierTake:
    """Read the recipe of a take.

    Args:
        path: file of the take.
        options: keys that go before the recipe; with one of `jasco.song.edit.KINDS` the source of
            an edit is not looked for.

    Raises:
        SettingError: the file holds no recipe, or one that makes nothing again; or an edit of a
            file that is missing or has changed; or one of `KINDS` for a take that is no edit.
    """
    plain = read_recipe(path)
    if plain is None:
        raise SettingError(f"{path} holds no recipe: it was made with --no-recipe, or not by Jasco")
    with labelled(str(path)):
        recipe = Recipe.from_dict(plain)
        values = _values(recipe, plain.get("loudness", -14.0))
        kind = None if recipe.song is None else recipe.song.get("kind")
        if kind not in KINDS and (given := [key for key in KINDS if key in options]):
            raise SettingError(f"it is no edit to make again: give --{given[0]} without --from")
        if recipe.song is not None and kind in ("sections", "stream"):
            values |= {"sections": sections_of(recipe.song) or None, "duration": recipe.duration}
            values["stream"] = kind == "stream"
        elif recipe.song is not None and kind == "loop":
            values |= loop_values(recipe.song)
        elif recipe.song is not None:
            values |= edit_values(
                edit_of(recipe.song), _source(path, recipe.song["source"], options)
            )
    return EarlierTake(path, recipe, values, [*_changed_versions(plain.get("versions"))])


def place_of(
    take: EarlierTake, asked: Place, hub: HubOptions, *, trusted: bool
) -> tuple[Place, list[Note]]:
    """Model and device that make a take again: as asked, else as its recipe says.

    Args:
        take: take.
        asked: model and device in place of those of the recipe.
        hub: revision and cache of the model of the recipe.
        trusted: load the model of the recipe from wherever it is.

    Returns:
        The place, and notes about its differences from that of the take.

    Raises:
        SettingError: no model is named, or one that is not at hand and not trusted.
    """
    recipe, notes, device = take.recipe, [], asked.device or take.recipe.device
    if asked.model is None and recipe.model is None:
        raise SettingError(f"the recipe in {take.path} names no model: give --model")
    if asked.device is None and device not in available_devices():
        notes.append(Note(f"made on {device}, which is not here: the take may differ"))
        device = "auto"
    if recipe.batch is not None and recipe.batch > 1:
        line = f"made in a batch of {recipe.batch}, now alone: the take may differ in rounding, "
        notes.append(Note(line + "which in bfloat16 can be audible"))
    place = Place(
        # The commit belongs to the recipe's own model.
        recipe.model if asked.model is None else asked.model,
        recipe.revision if asked.model is None else None,
        device,
        asked.dtype or recipe.dtype,
        # The number of threads changes how sums are split, and so the rounding.
        asked.threads or (recipe.threads if recipe.device == "cpu" else None),
    )
    if asked.model is None and not trusted:
        _require_at_hand(take.path, str(recipe.model), recipe.revision, hub)
    return place, notes


def _values(recipe: Recipe, loudness: Any) -> dict[str, Any]:
    """Values of a request that makes the take of a recipe again, at the loudness of its file."""
    if recipe.seed is None:
        raise SettingError("its noise was given by hand and is in no recipe: give --seed")
    clip, solver = recipe.conditions, dict(recipe.solver)
    return {
        "text": clip.text,
        **{name: getattr(clip, name) for name in CONTROLS},
        "seed": recipe.seed,
        **({} if recipe.song is not None else {"duration": recipe.duration}),
        "solver": SOLVERS[solver.pop("name")](**solver),
        "guidance": dict(recipe.guidance),
        **({"adapter": list(adapters_of(recipe))} if recipe.adapters else {}),
        "loudness": loudness,
    }


def with_settings(options: Mapping[str, Any], recipe: Recipe) -> tuple[dict[str, Any], list[Note]]:
    """Options whose solver, if they name one, has the settings of the recipe that it takes.

    Returns:
        The options, and a note about settings of the recipe that the solver does not take.
    """
    if "solver" not in options:
        return dict(options), []
    solver = SOLVERS[options["solver"]]
    taken = {field.name for field in fields(solver)}
    settings = {key: value for key, value in recipe.solver.items() if key != "name"}
    kept = {key: value for key, value in settings.items() if key in taken}
    left = ", ".join(f"{key}={settings[key]:g}" for key in settings if key not in taken)
    notes = [Note(f"{solver.name} does not take {left} of the recipe")] if left else []
    return {**options, "solver": solver(**kept)}, notes


def _source(path: Path, source: Mapping[str, Any], options: Iterable[str]) -> Path:
    """Source of an edit, at its path or beside the edited file."""
    named = Path(source["path"] or "")
    if not {*KINDS}.isdisjoint(options):
        return named
    for place in (named, path.parent / named.name):
        if place.is_file() and Take.of(place).fingerprint == source["fingerprint"]:
            return place
    raise SettingError(
        f"it is an edit of {source['path'] or 'audio in memory'}, which is missing or has changed: "
        f"give the take with the samples {source['fingerprint']} as --edit, --continue or --vary"
    )


def _changed_versions(made_with: Any) -> Iterator[Note]:
    """Versions other than those that a take was made with."""
    from importlib.metadata import version

    for package, then in made_with.items() if isinstance(made_with, dict) else ():
        now = version(package) if package in ("jasco", "torch") else then
        if now != then:
            yield Note(f"made with {package} {then}, this is {now}: the take may differ")


def _require_at_hand(path: Path, name: str, revision: str | None, hub: HubOptions) -> None:
    """Refuse to load a model from a folder or the Hub that an untrusted recipe names."""
    if not at_hand(name, replace(hub, revision=hub.revision or revision)):
        commit = f" at {revision!r}" if revision is not None else ""
        raise SettingError(
            f"{path} names the model {name!r}{commit}, which neither comes with Jasco nor is "
            "in the Hub cache: give --yes to load it from there, or --model NAME for another"
        )
