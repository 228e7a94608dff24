"""Recipe of a generated item: all settings that reproduce it, as plain JSON data."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib.metadata import version
from typing import Any

from jasco.chords.metre import COMMON, Metre
from jasco.conditions import Conditions
from jasco.control_value import MAX_FRAMES
from jasco.controls import CONTROLS
from jasco.errors import ChordError, ConditionError, SettingError
from jasco.flow import SOLVERS
from jasco.flow.curve import Curve
from jasco.io.plain import is_number, is_whole

MAX_COUNT = 4096
"""Largest batch, and largest number of threads, in a recipe."""
_SHORTEST = 1e-9  # s, so that a first bar may begin at 0
_LATER = ("batch", "threads", "song", "adapters")  # fields that version 0.1 did not write


@dataclass(frozen=True)
class Recipe:
    """Settings that reproduce an item.

    Attributes:
        model, revision: Hub id or path of the checkpoint, and its commit.
        seed: seed of the noise; ``None`` for noise given by the caller, which is not kept.
        solver: name and parameters.
        guidance: weight by term, as `jasco.flow.Guidance` takes them.
        duration: length (s).
        dtype, device: precision and kind of device of the generation.
        conditions: conditions, with drums as codes.
        batch, threads: number of items in the batch and of CPU threads, which change the rounding;
            ``None`` in recipes of earlier versions.
        song: plain data of an edit (`jasco.song.edit`), whose conditions are those of its ranges,
            or of a loop (`jasco.song.loop`), sections or a stream; ``None`` for other takes.
        adapters: name, source, revision, hash and scale of each adapter in use; or ``None``.
    """

    model: str | None
    revision: str | None
    seed: int | None
    solver: Mapping[str, Any]
    guidance: Mapping[str, float | str]
    duration: float
    dtype: str
    device: str
    conditions: Conditions
    batch: int | None = None
    threads: int | None = None
    song: Mapping[str, Any] | None = None
    adapters: Sequence[Mapping[str, Any]] | None = None

    def to_dict(self, num_frames: int, frame_rate: float) -> dict[str, Any]:
        """Plain data; see `jasco.control_value.ControlValue.to_plain` of each control."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain["solver"], plain["guidance"] = dict(self.solver), dict(self.guidance)
        plain["conditions"] = plain_conditions(self.conditions, num_frames, frame_rate)
        for name in ("song", "adapters"):
            if not plain[name]:
                del plain[name]
        plain["versions"] = {"jasco": version("jasco"), "torch": version("torch")}
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Recipe:
        """Recipe from plain data of `to_dict`, which may come from an untrusted source.

        Every value is checked before anything of its size is allocated.

        Raises:
            ConditionError: the data is not a recipe.
            ChordError: chords that cannot be read.
        """
        if not isinstance(plain, Mapping):
            raise ConditionError(f"not a recipe of Jasco but a {type(plain).__name__}")
        plain = dict.fromkeys(_LATER) | dict(plain)
        lacking = [name for name in cls.__dataclass_fields__ if name not in plain]
        if lacking:
            raise ConditionError(f"not a recipe of Jasco: it lacks {', '.join(lacking)}")
        values: dict[str, Any] = {name: plain[name] for name in cls.__dataclass_fields__}
        for name, (fits, words) in _KINDS.items():
            if not fits(values[name]):
                raise ConditionError(f"{name} of the recipe is {values[name]!r:.60}: give {words}")
        _check_solver(values["solver"])
        values["conditions"] = conditions_of(values["conditions"])
        return cls(**values)


MAX_SEED = 2**63 - 1


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 4096


def _are_weights(value: object) -> bool:
    if not isinstance(value, Mapping) or not value:
        return False
    return all(isinstance(k, str) and (is_number(v) or _is_curve(v)) for k, v in value.items())


def _is_curve(value: object) -> bool:
    try:
        return _is_text(value) and bool(Curve.parse(str(value)))
    except SettingError:
        return False


def _is_song(value: object) -> bool:
    """Plain data of a loop, or of an edit with its source; their settings are checked elsewhere."""
    if not isinstance(value, Mapping) or value.get("kind") in ("loop", "sections", "stream"):
        return isinstance(value, Mapping)
    source = value.get("source")
    if not isinstance(source, Mapping) or not {"path", "fingerprint", "recipe"} <= source.keys():
        return False
    texts = [source["fingerprint"], *([] if source["path"] is None else [source["path"]])]
    return all(map(_is_text, texts)) and isinstance(source["recipe"], Mapping | None)


def _are_adapters(value: object) -> bool:
    if not isinstance(value, list) or len(value) > MAX_COUNT:
        return value is None
    texts = ("name", "source", "hash")
    return all(
        isinstance(one, Mapping)
        and all(_is_text(one.get(key)) for key in texts)
        and (one.get("revision") is None or _is_text(one["revision"]))
        and is_number(one.get("scale"))
        for one in value
    )


_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "model": (lambda v: v is None or _is_text(v), "a name"),
    "revision": (lambda v: v is None or _is_text(v), "a commit"),
    "seed": (lambda v: v is None or is_whole(v, MAX_SEED), f"a whole number from 0 to {MAX_SEED}"),
    "solver": (lambda v: isinstance(v, Mapping), "a mapping with name"),
    "guidance": (_are_weights, 'weights such as {"all": 1.5, "text": 3}'),
    "duration": (lambda v: is_number(v) and v > 0, "a positive number of seconds"),
    "dtype": (_is_text, "a name"),
    "device": (_is_text, "a name"),
    "batch": (lambda v: v is None or (is_whole(v, MAX_COUNT) and v > 0), "the number of items"),
    "threads": (lambda v: v is None or (is_whole(v, MAX_COUNT) and v > 0), "their number"),
    "conditions": (lambda v: isinstance(v, Mapping), "a mapping"),
    "song": (
        lambda v: v is None or _is_song(v),
        "a loop, a stream, sections, or an edit",
    ),
    "adapters": (_are_adapters, "a list of name, source, hash and scale"),
}


def _check_solver(settings: Mapping[str, Any]) -> None:
    """Refuse settings that no solver can be built from."""
    name = settings.get("name")
    if not isinstance(name, str) or name not in SOLVERS:
        raise ConditionError(
            f"solver.name of the recipe is {name!r:.60}: known are {', '.join(SOLVERS)}"
        )
    known = [field.name for field in fields(SOLVERS[name])]
    for key, value in settings.items():
        if key != "name" and key not in known:
            raise ConditionError(
                f"solver.{key!s:.60} of the recipe: {name} has no such setting, only "
                f"{', '.join(known)}"
            )
        if key != "name" and not is_number(value):
            raise ConditionError(f"solver.{key} of the recipe is {value!r:.60}: give a number")
    try:
        SOLVERS[name](**{key: value for key, value in settings.items() if key != "name"})
    except SettingError as error:
        raise ConditionError(f"solver of the recipe: {error}") from error


def plain_conditions(conditions: Conditions, num_frames: int, frame_rate: float) -> dict[str, Any]:
    """Plain data of conditions for ``num_frames`` at ``frame_rate`` (Hz), without drum audio."""
    plain: dict[str, Any] = {"frames": num_frames}
    if conditions.text is not None:
        plain["text"] = conditions.text
    for name, spec in CONTROLS.items():
        value = getattr(conditions, name)
        if isinstance(value, spec.value_class):  # drum audio without codes is left out
            plain[name] = value.to_plain(num_frames, frame_rate)
    chords = conditions.chords
    if chords is not None and (fitted := chords.fit(num_frames / frame_rate)).bars:
        plain["bars"] = list(fitted.bars)  # windows of a song begin there
        if fitted.metres and all(metre.is_readable for metre in fitted.metres):
            plain["metres"] = [str(metre) for metre in fitted.metres]
    return plain


def conditions_of(plain: Mapping[str, Any]) -> Conditions:
    """Inverse of `plain_conditions`; errors as those of `Recipe.from_dict`."""
    frames = plain.get("frames", 0)
    if not is_whole(frames, MAX_FRAMES):
        raise ConditionError(
            f"frames of the recipe is {frames!r:.60}: give a whole number from 0 to {MAX_FRAMES:,}"
        )
    values: dict[str, Any] = {
        name: spec.value_class.from_plain(plain[name], frames)
        for name, spec in CONTROLS.items()
        if plain.get(name) is not None
    }
    bars = plain.get("bars", [])
    fits = isinstance(bars, list) and len(bars) <= MAX_FRAMES and all(map(is_number, bars))
    if not fits or not all(a < b for a, b in itertools.pairwise([-_SHORTEST, *bars])):
        raise ConditionError(f"bars of the recipe are {bars!r:.60}: give their onsets (s)")
    if bars and "chords" in values:
        metres = _metres(plain.get("metres", []), len(bars))
        values["chords"] = replace(values["chords"], bars=tuple(bars), metres=metres)
    return Conditions(plain.get("text"), **values)


def _metres(plain: Any, count: int) -> tuple[Metre, ...]:
    """Metres of all bars, or of none."""
    try:
        found = tuple(map(Metre.parse, plain)) if isinstance(plain, list) else (COMMON,)
    except ChordError:
        found = (COMMON,)
    if len(found) not in (0, count) or list(map(str, found)) != plain:
        raise ConditionError(f"metres of the recipe are {plain!r:.60}: give one a bar, as '3/4'")
    return found
