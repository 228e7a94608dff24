"""Request for music, from options, a request file or the recipe of a take.

Each of these gives values by `keys`, from which `Request.build` makes a checked request. Nothing
here imports torch: types, ranges, chords, conflicts and the presence of files are checked first,
and the contents of files are read by `jasco.pipeline.reading` in the turn of the request.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jasco.control_value import MAX_DURATION, ControlValue
from jasco.controls import CONTROLS, control_names
from jasco.errors import JascoError, SettingError, shortened
from jasco.flow import SOLVERS, Guidance, Solver, make_solver
from jasco.io.kinds import kind_of
from jasco.notices import describe
from jasco.pipeline.adapters import ADAPTER_KEYS, AdapterRequest, read_adapters
from jasco.pipeline.charts import CHART_CONTROLS, CHART_KEYS, with_chart
from jasco.pipeline.edits import EDIT_KEYS, EditRequest, with_edit
from jasco.pipeline.extractors import EXTRACTOR_KEYS, named_extractors
from jasco.pipeline.inputs import checked_input, is_written, listed, spelled
from jasco.pipeline.loops import (
    LOOP_KEYS,
    DrumsLoop,
    with_drums_loop,
    with_loop,
    with_pattern,
    with_stream,
)
from jasco.pipeline.timing import SESSION_TYPES, Timing
from jasco.played import PlayedDrums
from jasco.song.loop import Loop
from jasco.song.sections import Section, read_sections
from jasco.text import checked_text

_NUMBER = (int, float)
_SETTINGS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "seed": (int, "a whole number"),
    "samples": (int, "a whole number"),
    "best_of": (int, "a whole number"),
    "duration": (_NUMBER, "seconds"),
    "start": (_NUMBER, "seconds"),
    "crop": (str, 'seconds from the start, first and last, such as "30-40"'),
    "solver": (str, f"one of {', '.join(SOLVERS)}"),
    "steps": (int, "a whole number"),
    "shift": (_NUMBER, "a number"),
    "guidance": ((*_NUMBER, str, Mapping), 'weights such as {"all": 1.5, "text": 3}'),
    "loudness": ((*_NUMBER, str), 'LUFS from -70 to 0, or "none"'),
    "mark": (bool, "true or false"),
    "session": SESSION_TYPES,
    "output": ((str, Path), "the path of a wav, flac, mp3 or ogg file"),
}

MAX_SEED = 2**62
MAX_SAMPLES = 10_000
MAX_BEST_OF = 1_000
MAX_SECONDS = 86_400
"""Latest start in a recording: a day (s)."""


def keys() -> dict[str, tuple[type | tuple[type, ...], str]]:
    """Keys of a request: the types of each, and the same in words."""
    found: dict[str, tuple[type | tuple[type, ...], str]] = {"text": (str, "a text")}
    for name, spec in CONTROLS.items():
        found[name] = spec.types, spec.words
        found |= {key: (option.types, option.words) for key, option in spec.options.items()}
    found |= {f"{name}_from": ((str, Path), "the path of a recording") for name in CONTROLS}
    found |= {key: (str, " or ".join(names)) for key, names in EXTRACTOR_KEYS.items()}
    more = {**CHART_KEYS, **EDIT_KEYS, **LOOP_KEYS, **ADAPTER_KEYS}
    return found | {key: (types, words) for key, (types, words, _) in more.items()} | _SETTINGS


@dataclass(frozen=True, eq=False)
class Request:
    """Checked request.

    Attributes:
        label: file and line of the request, for messages; ``None`` for the command line.
        text: description of the music.
        controls: file to read by control; or its value from ``start`` on, written in the request
            or taken from a recipe; or a drum pattern.
        reading: options for reading its file, by control.
        recordings: recording that a control is extracted from, by control.
        extractors: name of the extractor, by control; a control without one has its default.
        start: start of the clip in all controls (s).
        length: length of the part of the controls that is used (s); ``None`` for the clip's.
        seed: seed of the first take; ``None`` to draw one.
        samples: number of takes.
        best_of: number of candidates for each take, of which the best is kept.
        duration: length of the clip (s); ``None`` for the model's.
        solver, guidance: solver and guidance; ``None`` for the model's.
        steps, shift: steps and timestep shift of the model's solver; ``None`` for its own.
        loudness: loudness of the file (LUFS); ``None`` to leave the level.
        output: file to write; ``None`` if the request names none.
        mark: the file states that it is generated.
        timing: tempo, metre, key and chart of the clip, and its session.
        given: values that the request was built from.
        files: files that are read.
        edit: edit of a take; ``None`` for a take of its own.
        loop: loop; ``None`` for a take that ends.
        drums_loop: repeating of the drums; ``None`` for drums that end.
        sections: texts of parts of the song; ``None`` for one text.
        stream: write the file while it is generated from left to right.
        adapters: adapters, whose updates add up.
    """

    label: str | None
    text: str | None
    controls: Mapping[str, Path | ControlValue | PlayedDrums]
    reading: Mapping[str, Mapping[str, Any]]
    recordings: Mapping[str, Path]
    extractors: Mapping[str, str]
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
    files: tuple[Path, ...]
    edit: EditRequest | None = None
    loop: Loop | None = None
    drums_loop: DrumsLoop | None = None
    sections: tuple[Section, ...] | None = None
    mark: bool = True
    stream: bool = False
    steps: int | None = None
    shift: float | None = None
    timing: Timing = Timing()
    given: Mapping[str, Any] = field(default_factory=dict)
    adapters: tuple[AdapterRequest, ...] = ()

    @classmethod
    def build(cls, values: Mapping[str, Any], label: str | None = None) -> Request:
        """Request of values by `keys`; ``None`` is the same as no value.

        Raises:
            JascoError: a key or value that is not allowed, or a file that is missing or of another
                kind; the message begins with the label.
        """
        with labelled(label):
            values = given_values = {k: value for k, value in values.items() if value is not None}
            options = label is None
            _check_types(values)
            files: list[Path] = []
            charts: list[Any] = []
            values = with_pattern(values)
            values, drums_loop = with_drums_loop(values, options=options)
            values, stream = with_stream(values, options=options)
            values, loop = with_loop(values, options=options)
            values, edit = with_edit(values, files, options=options)
            values = with_chart(values, files, charts, sets_duration=edit is None and loop is None)
            for name in CONTROLS:
                if name in values and f"{name}_from" in values:
                    both = listed((name, f"{name}_from"), options, " and ")
                    raise SettingError(f"{both} are both given: give one")
            names = control_names()
            asked = any(key in values or f"{key}_from" in values for key in names)
            if not asked and edit is None and "sections" not in values:
                raise SettingError(f"nothing is asked for: give {', '.join(names)} or chart")
            start, length = _span(values)
            reading = {name: _options(name, values, options) for name in CONTROLS}
            controls: dict[str, Path | ControlValue | PlayedDrums] = {}
            whole: dict[str, Any] = {}
            for name in CONTROLS:
                if name in values:
                    value, path = _control(name, values[name], reading[name], options)
                    files += [path] if path is not None else []
                    if isinstance(value, PlayedDrums):
                        value = value.on(whole.get("chords"))
                    whole[name] = value
                    if not isinstance(value, Path) and (start, length) != (0.0, None):
                        value = value.excerpt(start, length)
                    controls[name] = value
            recordings = {
                name: checked_input(f"{name}_from", values[f"{name}_from"], options=options)
                for name in CONTROLS
                if f"{name}_from" in values
            }
            samples = _count("samples", values.get("samples", 1), MAX_SAMPLES)
            best_of = _count("best_of", values.get("best_of", 1), MAX_BEST_OF)
            given = [values.get(key) for key in ("solver", "steps", "shift")]
            solver = make_solver(*given)  # checks steps and shift of the model's solver too
            own = given[0] is None
            return cls(
                label=label,
                text=_text(values.get("text")),
                controls=controls,
                reading=reading,
                recordings=recordings,
                extractors=named_extractors(values, options),
                start=start,
                length=length,
                seed=_seed(values.get("seed"), samples * best_of),
                samples=samples,
                best_of=best_of,
                duration=_duration(values.get("duration", length)),
                solver=None if own else solver,
                steps=given[1] if own else None,
                shift=given[2] if own else None,
                guidance=Guidance.of(values["guidance"]) if "guidance" in values else None,
                loudness=_loudness(values.get("loudness", -14.0)),
                output=Path(values["output"]) if "output" in values else None,
                files=(*files, *recordings.values()),
                edit=edit,
                loop=loop,
                drums_loop=drums_loop,
                sections=read_sections(values["sections"]) if "sections" in values else None,
                mark=values.get("mark", True),
                stream=stream,
                given=given_values,
                timing=Timing.of(given_values, charts, start=start, is_edit=edit is not None),
                adapters=read_adapters(values.get("adapter")),
            )

    @property
    def asked(self) -> tuple[str, ...]:
        """Names of the controls that are asked for."""
        text = ("text",) if self.text is not None or self.sections is not None else ()
        given = {*self.controls, *self.recordings}
        return (*text, *(name for name in CONTROLS if name in given))


@contextmanager
def labelled(label: str | None) -> Iterator[None]:
    """Put the place of a request before the message of an error about it."""
    try:
        yield
    except (JascoError, OSError) as error:
        if label is None:
            raise
        raise SettingError(f"{label}: {describe(error)}") from error


def merged(values: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a request file or a recipe, with options going before them.

    An option for a control replaces whatever was said of that control.
    """
    kept = dict(values)
    for name, spec in CONTROLS.items():
        in_chart = "chart" in options and name in CHART_CONTROLS
        if name in options or f"{name}_from" in options or in_chart:
            dropped = (name, f"{name}_from", f"{name}_extractor", *spec.options)
            kept = {key: value for key, value in kept.items() if key not in dropped}
    return kept | dict(options)


def _check_types(values: Mapping[str, Any]) -> None:
    known = keys()
    for key, value in values.items():
        if key not in known:
            raise SettingError(
                f"unknown key {shortened(key)}: the allowed ones are {', '.join(known)}"
            )
        if _is_read(value):
            continue
        types, words = known[key]
        if isinstance(value, bool) != (types is bool) or not isinstance(value, types):
            raise SettingError(f"{key} is {shortened(value)}: give {words}")


def _text(value: str | None) -> str | None:
    """The text, unless it is the name of a file that is there."""
    if value is not None and kind_of(value) is not None and Path(value).is_file():
        raise SettingError(
            f"the text {value!r} is the name of a file, {kind_of(value)}: say which control it is "
            "for, such as --drums FILE or --melody-from FILE"
        )
    return checked_text(value)


def _options(name: str, values: Mapping[str, Any], options: bool) -> dict[str, Any]:
    """Options that are given for reading a control, which is to be read."""
    known = CONTROLS[name].options
    given = [key for key in known if key in values]
    if given and (name not in values or _is_read(values[name])):
        verb = "says" if len(given) == 1 else "say"
        written = bool(CONTROLS[name].written)
        noun, absent = (name, "none are written") if written else ("the file", "there is no file")
        raise SettingError(
            f"{listed(given, options)} {verb} how to read {name}, and "
            f"{absent}: give {noun} as {spelled(name, options)}"
        )
    return {known[key].keyword or key: values[key] for key in given}


def _is_read(value: Any) -> bool:
    """The value of a recipe, which is no file to be read; its class is not imported here."""
    return type(value).__module__.startswith("jasco.")


def _control(
    name: str, value: Any, reading: Mapping[str, Any], options: bool
) -> tuple[Path | ControlValue | PlayedDrums, Path | None]:
    """Value of a control, or its file where that is read later; and the file."""
    spec = CONTROLS[name]
    if _is_read(value):
        return value, None
    if is_written(name, value):
        return spec.value_class.of(value, **reading), None
    path = checked_input(name, value.strip() if spec.written else value, options=options)
    return (spec.value_class.of(str(path), **reading) if spec.written else path), path


def _count(name: str, number: int, most: int) -> int:
    if not 1 <= number <= most:
        raise SettingError(
            f"{name} is {shortened(number)}: give a whole number of at least 1, at most {most:,}"
        )
    return number


def _seed(seed: int | None, count: int) -> int | None:
    """The first of ``count`` seeds."""
    if seed is not None and not 0 <= seed <= MAX_SEED - count:
        most = MAX_SEED - count
        raise SettingError(f"seed is {shortened(seed)}: give a whole number from 0 to {most}")
    return seed


def _duration(value: float | None) -> float | None:
    if value is not None and not 0 < value <= MAX_DURATION:
        raise SettingError(
            f"duration is {shortened(value)}: give a positive number of seconds, at most "
            f"{MAX_DURATION:,}"
        )
    return value


def _span(values: Mapping[str, Any]) -> tuple[float, float | None]:
    """Start and length (s) of what is used of chords, drums and melody.

    The length is that of ``crop``, which stands for ``start`` and ``duration``; ``None`` without.
    """
    start, length = values.get("start", 0.0), None
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
                f"crop is {shortened(values['crop'])}: give seconds from the start, first and "
                "last, such as 30-40"
            )
    if not 0 <= start <= MAX_SECONDS:
        raise SettingError(
            f"start is {shortened(start)}: give seconds, 0 or more, at most {MAX_SECONDS:,}"
        )
    return float(start), length


def _loudness(value: float | str) -> float | None:
    if value == "none":
        return None
    if isinstance(value, str) or not -70 <= value <= 0:
        raise SettingError(f"loudness is {shortened(value)}: give LUFS from -70 to 0, or 'none'")
    return float(value)
