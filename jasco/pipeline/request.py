"""One request for music, whether options, a request file or the recipe in a take spell it out.

All three come down to a mapping with the keys of `KEYS`, from which `Request.build` makes a checked
request. Nothing here imports torch: types, ranges, chords, conflicts and the presence of files are
checked first, and the contents of files are read by `jasco.pipeline.reading` in the request's turn.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jasco.chords import ChordProgression
from jasco.chords.languages import NOTATIONS
from jasco.chords.reading import OPTIONS, is_chord_file, read_chords
from jasco.errors import AudioError, JascoError, SettingError, shortened
from jasco.flow import SOLVERS, Guidance, Solver, make_solver
from jasco.io.files import output_file
from jasco.notices import describe
from jasco.pipeline.inputs import checked_input, kind_of, spelled
from jasco.text import checked_text

if TYPE_CHECKING:
    from jasco.drums import DrumCodes
    from jasco.melody import Melody

_NUMBER = (int, float)
KEYS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "text": (str, "a text"),
    "chords": (
        (str, list),
        "a text, pairs [name, seconds] or the path of a .lab, .jams, .json or .txt file",
    ),
    "bpm": (_NUMBER, "beats per minute"),
    "time_signature": (str, 'a text such as "4/4"'),
    "key": (str, 'a text such as "A minor"'),
    "notation": (str, f"the language of note names, one of {', '.join(NOTATIONS)}"),
    "annotation": ((int, str), "the index or the annotator of an annotation in a JAMS file"),
    "drums": ((str, Path), "the path of an audio file"),
    "melody": ((str, Path), "the path of a MIDI file or a matrix"),
    "melody_track": ((int, str), "number, from 0, or name of a pitched track of the MIDI file"),
    "chords_from": ((str, Path), "the path of a recording"),
    "drums_from": ((str, Path), "the path of a recording"),
    "melody_from": ((str, Path), "the path of a recording"),
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
    "output": ((str, Path), "the path of a wav, flac, mp3 or ogg file"),
}
"""What a request may say: the types of each key, and the same in words."""

MAX_SEED = 2**62
MAX_SAMPLES = 10_000
MAX_BEST_OF = 1_000
MAX_SECONDS = 86_400
"""Longest duration, and latest start in a recording: a day (s)."""
_WISHES = ("text", "chords", "drums", "melody")
RECORDED = ("chords", "drums", "melody")
"""Controls that can be taken from a recording."""
SUFFIXES = (".wav", ".flac", ".mp3", ".ogg")
_READING = {"chords": OPTIONS, "melody": ("melody_track",)}  # keys that say how to read a control


@dataclass(frozen=True, eq=False)
class Request:
    """A checked request.

    Attributes:
        label: the place it was read from, for messages; ``None`` for the command line.
        text: description of the music.
        chords: as written, from ``start`` on.
        drums: an audio file, or the codes of one.
        melody: a file, or the melody of a recipe.
        melody_track: number or name of a track of that file, see `Melody.from_midi`.
        recordings: file that a control is taken from, by control.
        start: where in chords, drums and melody the clip begins (s).
        length: what is used of them (s), ``None`` for all that the clip holds.
        seed: ``None`` to draw one.
        samples: number of takes.
        best_of: seeds to try for each take, of which the best is kept.
        duration: length (s), ``None`` for the model's.
        solver, guidance: ``None`` for the model's.
        loudness: LUFS of the file, ``None`` to leave the level.
        output: file to write, ``None`` if the request does not say.
        files: all that are read for it.
    """

    label: str | None
    text: str | None
    chords: ChordProgression | None
    drums: Path | DrumCodes | None
    melody: Path | Melody | None
    melody_track: int | str | None
    recordings: Mapping[str, Path]
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

    @classmethod
    def build(cls, values: Mapping[str, Any], label: str | None = None) -> Request:
        """A request from values by the keys of `KEYS`; ``None`` is the same as no value.

        Raises:
            JascoError: a key or value that is not allowed, or a file that is not there or of
                another kind; the message begins with the label.
        """
        with labelled(label):
            values = {key: value for key, value in values.items() if value is not None}
            options = label is None
            _check_types(values)
            for name in RECORDED:
                if name in values and f"{name}_from" in values:
                    both = " and ".join(spelled(key, options) for key in (name, f"{name}_from"))
                    raise SettingError(f"{both} are both given: give one")
            if not any(key in values or f"{key}_from" in values for key in _WISHES):
                raise SettingError(f"nothing is asked for: give {', '.join(_WISHES)}")
            start, length = _span(values)
            chords, files = _chords(values, options)
            recordings = {
                name: checked_input(f"{name}_from", values[f"{name}_from"], options=options)
                for name in RECORDED
                if f"{name}_from" in values
            }
            kept: dict[str, Any] = {}
            for name in ("drums", "melody"):
                kept[name] = values.get(name)
                if isinstance(kept[name], str | Path):
                    kept[name] = checked_input(name, kept[name], options=options)
                    files.append(kept[name])
            if kept["drums"] is not None and not isinstance(kept["drums"], Path) and start > 0:
                raise SettingError(
                    "the drums are codes of a whole clip, which cannot begin later: give drums"
                )
            if "melody_track" in values and not isinstance(kept["melody"], Path):
                raise SettingError(
                    f"{spelled('melody_track', options)} chooses a track of a MIDI file: give the "
                    f"file as {spelled('melody', options)}"
                )
            samples = _count("samples", values.get("samples", 1), MAX_SAMPLES)
            best_of = _count("best_of", values.get("best_of", 1), MAX_BEST_OF)
            guidance, output = values.get("guidance"), values.get("output")
            return cls(
                label=label,
                text=_text(values.get("text")),
                chords=None if chords is None else cropped(chords, start, length),
                drums=kept["drums"],
                melody=kept["melody"],
                melody_track=values.get("melody_track"),
                recordings=recordings,
                start=start,
                length=length,
                seed=_seed(values.get("seed"), samples * best_of),
                samples=samples,
                best_of=best_of,
                duration=_duration(values.get("duration", length)),
                solver=_solver(*map(values.get, ("solver", "steps", "shift"))),
                guidance=None if guidance is None else Guidance.of(guidance),
                loudness=_loudness(values.get("loudness", -14.0)),
                output=None if output is None else Path(output),
                files=(*files, *recordings.values()),
            )

    @property
    def asked(self) -> tuple[str, ...]:
        """Names of the controls that are asked for."""
        return tuple(
            name for name in _WISHES if getattr(self, name) is not None or name in self.recordings
        )

    @property
    def audible(self) -> set[str]:
        """Requested controls that can be extracted from a take."""
        asked = {*self.asked} - {"text"}
        codes = self.drums is not None and not isinstance(self.drums, Path)
        return asked - {"drums"} if codes else asked


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
    for name in RECORDED:
        if name in options or f"{name}_from" in options:
            dropped = (name, f"{name}_from", *_READING.get(name, ()))
            kept = {key: value for key, value in kept.items() if key not in dropped}
    return kept | dict(options)


def check_output(path: Path) -> None:
    """Refuse an output that cannot be written for a reason that shows beforehand.

    Raises:
        AudioError: another suffix, or a place that cannot be written to.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise AudioError(
            f"cannot write {path}: the suffix must be one of {', '.join(SUFFIXES)}, "
            f"not {path.suffix!r}"
        )
    output_file(path, AudioError, companions=companions(path))


def companions(path: Path) -> list[Path]:
    """Files that may be written beside a take: its picture, and the recipe of a wav."""
    recipe = [path.with_suffix(".json")] if path.suffix.lower() == ".wav" else []
    return [picture_of(path), *recipe]


def picture_of(path: Path) -> Path:
    """Picture of the adherence report of a take: ``song.check.png`` for ``song.flac``."""
    return path.with_suffix(".check.png")


def _check_types(values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if key not in KEYS:
            raise SettingError(
                f"unknown key {shortened(key)}: the allowed ones are {', '.join(KEYS)}"
            )
        if type(value).__module__.startswith("jasco."):
            continue  # of a recipe that was read
        types, words = KEYS[key]
        if isinstance(value, bool) or not isinstance(value, types):
            raise SettingError(f"{key} is {shortened(value)}: give {words}")


def _text(value: str | None) -> str | None:
    """The text, unless it is the name of a file that is there."""
    if value is not None and kind_of(value) is not None and Path(value).is_file():
        raise SettingError(
            f"the text {value!r} is the name of a file, {kind_of(value)}: say which control it is "
            "for, such as --drums FILE or --melody-from FILE"
        )
    return checked_text(value)


def _chords(values: Mapping[str, Any], options: bool) -> tuple[ChordProgression | None, list[Path]]:
    """The progression, read with the tempo, metre and key given for it; and the file it is from."""
    chords = values.get("chords")
    given = {key: values[key] for key in OPTIONS if key in values}
    if chords is None or isinstance(chords, ChordProgression):
        if given:
            raise SettingError(f"{', '.join(given)} say how to read chords, and none are written")
        return chords, []
    if isinstance(chords, str) and (is_chord_file(chords) or kind_of(chords) is not None):
        path = checked_input("chords", chords.strip(), options=options)
        return read_chords(str(path), given), [path]
    return read_chords(chords, given), []


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
    if value is not None and not 0 < value <= MAX_SECONDS:
        raise SettingError(
            f"duration is {shortened(value)}: give a positive number of seconds, at most "
            f"{MAX_SECONDS:,}"
        )
    return value


def cropped(chords: ChordProgression, start: float, length: float | None) -> ChordProgression:
    """The progression from ``start`` on, all of it or ``length`` (s).

    Raises:
        SettingError: it ends before ``start``.
    """
    if (start, length) == (0.0, None):
        return chords
    if chords.end is not None and not chords.loop and start >= chords.end:
        raise SettingError(f"start is {start:g} s, and the chords end at {chords.end:g} s")
    return chords.crop(start, None if length is None else start + length)


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


def _solver(*given: Any) -> Solver | None:
    return None if given == (None, None, None) else make_solver(*given)


def _loudness(value: float | str) -> float | None:
    if value == "none":
        return None
    if isinstance(value, str) or not -70 <= value <= 0:
        raise SettingError(f"loudness is {shortened(value)}: give LUFS from -70 to 0, or 'none'")
    return float(value)
