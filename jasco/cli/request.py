"""One request for music, whether options, a request file or the recipe in a take spell it out.

All three come down to a mapping with the keys of `KEYS`, from which `Request.build` makes a
checked request. Drum audio, the only part that can be large, is read once to check it and again
when its turn comes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jasco.audio import load_audio
from jasco.chords import ChordProgression
from jasco.chords.languages import NOTATIONS
from jasco.chords.reading import OPTIONS, is_chord_file, read_chords
from jasco.cli.errors import describe
from jasco.conditions import Conditions
from jasco.drums import DrumCodes
from jasco.errors import JascoError, SettingError
from jasco.flow import SOLVERS, FixedStep, Guidance, Solver
from jasco.melody import Melody
from jasco.preprocess.chords import extract_chords
from jasco.preprocess.drums import separate_drums
from jasco.preprocess.melody import extract_melody
from jasco.recipe import Recipe

_NUMBER = (int, float)
KEYS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "text": (str, "a text"),
    "chords": (
        (str, list, ChordProgression),
        "a text, pairs [name, seconds] or the path of a .lab, .jams, .json or .txt file",
    ),
    "bpm": (_NUMBER, "beats per minute"),
    "time_signature": (str, 'a text such as "4/4"'),
    "key": (str, 'a text such as "A minor"'),
    "notation": (str, f"the language of note names, one of {', '.join(NOTATIONS)}"),
    "annotation": ((int, str), "the index or the annotator of an annotation in a JAMS file"),
    "drums": ((str, Path, DrumCodes), "the path of an audio file"),
    "melody": ((str, Path, Melody), "the path of a MIDI file or a matrix"),
    "chords_from": ((str, Path), "the path of a recording"),
    "drums_from": ((str, Path), "the path of a recording"),
    "melody_from": ((str, Path), "the path of a recording"),
    "seed": (int, "a whole number"),
    "samples": (int, "a whole number"),
    "best_of": (int, "a whole number"),
    "duration": (_NUMBER, "seconds"),
    "start": (_NUMBER, "seconds"),
    "crop": (str, 'seconds from the start, first and last, such as "30-40"'),
    "solver": ((str, Solver), f"one of {', '.join(SOLVERS)}"),
    "steps": (int, "a whole number"),
    "guidance": ((str, Mapping), 'weights such as {"all": 1.5, "text": 3}'),
    "loudness": ((*_NUMBER, str), 'LUFS from -70 to 0, or "none"'),
    "output": ((str, Path), "the path of a wav, flac, mp3 or ogg file"),
}
"""What a request may say: the types of each key, and the same in words."""

MAX_SEED = 2**62
_WISHES = ("text", "chords", "drums", "melody")
_RECORDED = ("chords", "drums", "melody")
_FILES = ("drums", "melody", "output", *(f"{name}_from" for name in _RECORDED))


@dataclass(frozen=True, eq=False)
class Request:
    """A checked request.

    Attributes:
        label: the place it was read from, for messages; ``None`` for the command line.
        wishes: what is asked for, except drums. Chords and melody of a recording are whole.
        drums: an audio file, or the codes of one.
        mixed: the drums are to be taken out of their file, a song.
        start: where in chords, drums and melody the clip begins (s).
        length: what is used of them (s), ``None`` for all that the clip holds.
        seed: ``None`` to draw one.
        samples: number of takes.
        best_of: seeds to try for each take, of which the best is kept.
        duration: length (s), ``None`` for the model's.
        solver, guidance: ``None`` for the model's.
        loudness: LUFS of the file, ``None`` to leave the level.
        output: file to write, ``None`` if the request does not say.
    """

    label: str | None
    wishes: Conditions
    drums: Path | DrumCodes | None
    mixed: bool
    start: float
    length: float | None
    seed: int | None
    samples: int
    best_of: int
    duration: float | None
    solver: Solver | None
    guidance: Guidance | None
    loudness: float | None
    output: Path | None

    @classmethod
    def build(cls, values: Mapping[str, Any], label: str | None = None) -> Request:
        """A request from values by the keys of `KEYS`; ``None`` is the same as no value.

        Raises:
            JascoError: a key or value that is not allowed, or a file that cannot be read; the
                message begins with the label.
        """
        with located(label):
            values = {key: value for key, value in values.items() if value is not None}
            _check_types(values)
            for name in _RECORDED:
                if name in values and f"{name}_from" in values:
                    raise SettingError(f"{name} and {name}_from are both given: give one")
            if not any(key in values or f"{key}_from" in values for key in _WISHES):
                raise SettingError(f"nothing is asked for: give {', '.join(_WISHES)}")
            start, length = _span(values)
            drums = values.get("drums", values.get("drums_from"))
            melody = values.get("melody")
            if isinstance(drums, DrumCodes) and start > 0:
                raise SettingError(
                    "the drums are codes of a whole clip, which cannot begin later: give drums"
                )
            if drums is not None and not isinstance(drums, DrumCodes):
                drums = Path(drums)
                load_audio(drums, start=start)
            if "melody_from" in values:
                melody = extract_melody(load_audio(values["melody_from"]))
            elif melody is not None and not isinstance(melody, Melody):
                melody = Melody.load(melody)
            if melody is not None and (start, length) != (0.0, None):
                melody = melody.crop(start, length)
            samples = values.get("samples", 1)
            best_of = values.get("best_of", 1)
            for name, number in (("samples", samples), ("best_of", best_of)):
                if number < 1:
                    raise SettingError(f"{name} is {number}: give a whole number of at least 1")
            guidance = values.get("guidance")
            output = values.get("output")
            return cls(
                label=label,
                wishes=Conditions(
                    values.get("text"), _chords(values, start, length), melody=melody
                ),
                drums=drums,
                mixed="drums_from" in values,
                start=start,
                length=length,
                seed=_seed(values.get("seed"), samples * best_of),
                samples=samples,
                best_of=best_of,
                duration=_duration(values.get("duration", length)),
                solver=_solver(values.get("solver"), values.get("steps")),
                guidance=None if guidance is None else _guidance(guidance),
                loudness=_loudness(values.get("loudness", -14.0)),
                output=None if output is None else Path(output),
            )

    @property
    def audible(self) -> set[str]:
        """The controls that are asked for and can be heard in a take."""
        asked = set(self.wishes.without("text").asked)
        return asked | {"drums"} if isinstance(self.drums, Path) else asked

    def clip(self, length: float) -> Conditions:
        """All that is asked for a clip of ``length`` (s), the drum file read."""
        with located(self.label):
            if not isinstance(self.drums, Path):
                return replace(self.wishes, drums=self.drums)
            if not self.mixed:
                drums = load_audio(self.drums, start=self.start, duration=self.length)
                return replace(self.wishes, drums=drums)
            song = load_audio(self.drums, start=self.start, duration=self.length or length)
            return replace(self.wishes, drums=separate_drums(song))


@contextmanager
def located(label: str | None) -> Iterator[None]:
    """Put the place of a request before the message of an error about it."""
    try:
        yield
    except (JascoError, OSError) as error:
        if label is None:
            raise
        raise SettingError(f"{label}: {describe(error)}") from error


def read_requests(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Place and values of each request in a file; its relative paths start from its folder.

    Args:
        path: ``.jsonl`` with one JSON object a line, else JSON: one object or a list of them.

    Raises:
        SettingError: it cannot be read, holds no request, or something else than requests.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise SettingError(f"cannot read {path}: {reason}") from error
    found: list[tuple[str, Any]] = []
    if path.suffix.lower() == ".jsonl":
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                found.append((f"{path} line {number}", _json(line, f"{path} line {number}")))
    else:
        whole = _json(text, str(path))
        entries = whole if isinstance(whole, list) else [whole]
        several = len(entries) > 1
        for number, entry in enumerate(entries, 1):
            found.append((f"{path} entry {number}" if several else str(path), entry))
    if not found:
        raise SettingError(f"{path} holds no request")
    for label, values in found:
        if not isinstance(values, dict):
            raise SettingError(f"{label}: a {type(values).__name__}, not an object of {_allowed()}")
    return [(label, _resolved(values, path.parent)) for label, values in found]


def _json(text: str, label: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise SettingError(f"{label}: not JSON ({error})") from error


def _resolved(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The values with their paths taken from ``folder``."""
    paths = {key: folder / values[key] for key in _FILES if isinstance(values.get(key), str)}
    chords = values.get("chords")
    if isinstance(chords, str) and is_chord_file(chords):
        paths["chords"] = str(folder / chords)
    return {**values, **paths}


def recipe_values(recipe: Recipe, loudness: Any) -> dict[str, Any]:
    """The values that make the take of a recipe again.

    Args:
        recipe: the recipe.
        loudness: that of the file, as a request says it.

    Raises:
        SettingError: noise that was given by hand, or a solver that is not ours.
    """
    if recipe.seed is None:
        raise SettingError("its noise was given by hand and is in no recipe: give --seed")
    settings = dict(recipe.solver)
    name = settings.pop("name", None)
    if name not in SOLVERS:
        raise SettingError(f"solver {name!r} is unknown: give {', '.join(SOLVERS)}")
    clip = recipe.conditions
    return {
        "text": clip.text,
        "chords": clip.chords,
        "drums": clip.drums,
        "melody": clip.melody,
        "seed": recipe.seed,
        "duration": recipe.duration,
        "solver": SOLVERS[name](**settings),
        "guidance": dict(recipe.guidance),
        "loudness": loudness,
    }


def _allowed() -> str:
    return ", ".join(KEYS)


def _check_types(values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if key not in KEYS:
            raise SettingError(f"unknown key {key!r}: the allowed ones are {_allowed()}")
        types, words = KEYS[key]
        if isinstance(value, bool) or not isinstance(value, types):
            raise SettingError(f"{key} is {value!r}: give {words}")


def _chords(
    values: Mapping[str, Any], start: float, length: float | None
) -> ChordProgression | None:
    """The progression from ``start`` on, all of it or ``length`` (s).

    Raises:
        ChordError: it cannot be read.
        SettingError: it ends before ``start``.
    """
    chords = _whole_chords(values)
    if chords is None or (start, length) == (0.0, None):
        return chords
    if chords.end is not None and not chords.loop and start >= chords.end:
        raise SettingError(f"start is {start:g} s, and the chords end at {chords.end:g} s")
    return chords.crop(start, None if length is None else start + length)


def _whole_chords(values: Mapping[str, Any]) -> ChordProgression | None:
    """The progression, read with the tempo, metre and key that are given for it."""
    chords = values.get("chords")
    if "chords_from" in values:
        chords = extract_chords(load_audio(values["chords_from"]))
    options = {key: values[key] for key in OPTIONS if key in values}
    if chords is None or isinstance(chords, ChordProgression):
        if options:
            raise SettingError(f"{', '.join(options)} say how to read chords, and none are written")
        return chords
    return read_chords(chords, options)


def _seed(seed: int | None, count: int) -> int | None:
    """The first of ``count`` seeds."""
    if seed is not None and not 0 <= seed <= MAX_SEED - count:
        raise SettingError(f"seed is {seed}: give a whole number from 0 to {MAX_SEED - count}")
    return seed


def _duration(value: float | None) -> float | None:
    if value is not None and not 0 < value < math.inf:
        raise SettingError(f"duration is {value}: give a positive number of seconds")
    return value


def _span(values: Mapping[str, Any]) -> tuple[float, float | None]:
    """Start and length (s) of what is used of chords, drums and melody.

    The length is that of ``crop``, which stands for ``start`` and ``duration``; ``None`` without.
    """
    start, length = float(values.get("start", 0.0)), None
    if "crop" in values:
        if "start" in values or "duration" in values:
            raise SettingError(
                "crop says where the clip begins and ends: leave out start and duration"
            )
        found = re.fullmatch(r"\s*(\d*\.?\d+)\s*-\s*(\d*\.?\d+)\s*", values["crop"])
        start, end = map(float, found.groups()) if found else (0.0, 0.0)
        length = end - start
        if not 0 < length < math.inf:
            raise SettingError(
                f"crop is {values['crop']!r}: give seconds from the start, first and last, such as "
                "30-40"
            )
    if not 0 <= start < math.inf:
        raise SettingError(f"start is {start:g}: give seconds, 0 or more")
    return start, length


def _solver(solver: str | Solver | None, steps: int | None) -> Solver | None:
    """The solver of a name, with a number of steps; steps alone are Euler's."""
    if solver is None and steps is None:
        return None
    if not isinstance(solver, Solver):
        name = solver or "euler"
        if name not in SOLVERS:
            raise SettingError(f"solver {name!r} is unknown: give {', '.join(SOLVERS)}")
        solver = SOLVERS[name]()
    if steps is None:
        return solver
    if not isinstance(solver, FixedStep):
        raise SettingError(f"{solver.name} chooses its steps itself: leave steps out")
    return replace(solver, steps=steps)


def _guidance(weights: str | Mapping[str, float]) -> Guidance:
    """Weights from a mapping, or from a text such as ``all=1.5,text=3``."""
    if isinstance(weights, str):
        pairs = [part.partition("=") for part in weights.split(",")]
        try:
            weights = {name.strip(): float(value) for name, _, value in pairs}
        except ValueError:
            weights = {}
        if len(weights) < len(pairs):
            raise SettingError(
                "guidance is written NAME=WEIGHT,NAME=WEIGHT with each name once, such as "
                "all=1.5,text=3"
            )
    return Guidance(**weights)


def _loudness(value: float | str) -> float | None:
    if value == "none":
        return None
    if isinstance(value, str) or not -70 <= value <= 0:
        raise SettingError(f"loudness is {value}: give LUFS from -70 to 0, or 'none'")
    return float(value)
