"""Shape of a song in a request: sections, a stream, or a loop of bars on a circle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jasco.errors import SettingError
from jasco.pipeline.inputs import listed, spelled, without
from jasco.song.edit import KINDS
from jasco.song.loop import Loop

MAX_STRETCH = 1.5
"""Largest ratio of a loop's new tempo to its own, and the inverse of the smallest."""
STDOUT = "-"
"""Output of a stream that is the standard output."""
LOOP_KEYS: dict[str, tuple[type | tuple[type, ...], str, str]] = {
    "loop": (bool, "true or false", "loop of --bars N at --bpm, without a seam"),
    "drums_loop": (bool, "true or false", "repeat --drums to the end, by bars of --bpm if given"),
    "drums_bpm": (
        (int, float),
        "beats per minute",
        "with --drums-loop: tempo of the drums, which are stretched to --bpm",
    ),
    "sections": (
        list,
        'sections such as [{"bars": "1-8", "text": "sparse verse"}]',
        "text of some bars or seconds, as 1-8=TEXT or 0:16=TEXT; for several repeat the option",
    ),
    "stream": (bool, "true or false", "write a wav while it is generated; -o - for a player"),
}
"""Keys of a request for the shape of a song: types, the same in words, the line of ``--help``."""


@dataclass(frozen=True)
class DrumsLoop:
    """Drums that repeat.

    Attributes:
        bar: length of a bar (s); ``None`` without a tempo.
        own: length of a bar of the drums, which are stretched (s); ``None`` for that of ``bar``.
    """

    bar: float | None
    own: float | None = None


def with_loop(values: Mapping[str, Any], *, options: bool) -> tuple[dict[str, Any], Loop | None]:
    """Values of a request without its loop, and the loop.

    Args:
        values: of the request, by key.
        options: name options as the command line does.

    Raises:
        SettingError: no number of bars or no tempo, or a key that has no meaning for loops.
    """
    kept = dict(values)
    if not kept.pop("loop", False):
        return kept, None
    loop = spelled("loop", options)
    if foreign := [key for key in ("duration", "crop", "sections", *KINDS) if key in kept]:
        names = listed(foreign, options)
        raise SettingError(f"{loop} takes no {names}: leave it out")
    bars, bpm = kept.pop("bars", None), kept.get("bpm")
    if bars is None or bpm is None:
        names = listed(("bars", "bpm"), options, " and ")
        raise SettingError(f"{loop} needs a length and a tempo: give {names}")
    if isinstance(bars, str):
        if not bars.strip().isdecimal() or len(bars) > 9:
            raise SettingError(f"bars is {bars!r:.40}: give the number of bars of the loop")
        bars = int(bars)
    found = Loop.at(bars, bpm, kept.get("time_signature"), kept.get("key"))
    if not isinstance(kept.get("chords"), str) and "chart" not in kept:
        # They are those of the loop alone where no chords are to be read.
        kept = without(kept, "bpm", "time_signature", "key")
    return kept, found


def with_drums_loop(
    values: Mapping[str, Any], *, options: bool
) -> tuple[dict[str, Any], DrumsLoop | None]:
    """Values of a request without the repeating of its drums, and how to repeat them.

    Raises:
        SettingError: no drums are given, or a tempo of drums that cannot be stretched to another.
    """
    kept = dict(values)
    tempo, repeats = kept.pop("drums_bpm", None), kept.pop("drums_loop", False)
    if tempo is not None and not (repeats and "bpm" in kept):
        names = listed(("drums_loop", "bpm"), options, " and ")
        own = spelled("drums_bpm", options)
        raise SettingError(f"{own} is the tempo of a loop that is stretched: give {names} too")
    if not repeats:
        return kept, None
    if not isinstance(kept.get("drums"), str | Path) and "drums_from" not in kept:
        drums, own = spelled("drums", options), spelled("drums_loop", options)
        raise SettingError(f"{own} repeats a drum track: give a file as {drums}")
    bar = own_bar = None
    if "bpm" in kept:
        bar = Loop.at(1, kept["bpm"], kept.get("time_signature")).bar
    if bar is not None and tempo is not None:
        own_bar = Loop.at(1, tempo, kept.get("time_signature")).bar
        if not 1 / MAX_STRETCH <= own_bar / bar <= MAX_STRETCH:
            other = spelled("drums_bpm", options)
            raise SettingError(
                f"drums are stretched to {1 / MAX_STRETCH:.2f} to {MAX_STRETCH:g} of their tempo, "
                f"not to {own_bar / bar:.2f}: give other drums, or {other} in half or double time"
            )
    return _without_tempo(kept), DrumsLoop(bar, own_bar)


def with_pattern(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a request with the drum pattern that ``drums`` names, if it does.

    Raises:
        JascoError: no such pattern, or a tempo out of range.
    """
    from jasco.band.patterns import named_pattern

    kept = dict(values)
    pattern = named_pattern(kept.get("drums"), kept.get("bpm"), kept.get("time_signature"))
    return kept if pattern is None else _without_tempo(kept) | {"drums": pattern}


def _without_tempo(values: dict[str, Any]) -> dict[str, Any]:
    """Values without a tempo that is that of the drums alone, as no chords are to be read."""
    used = isinstance(values.get("chords"), str) or {"chart", "loop", *KINDS} & values.keys()
    return values if used else without(values, "bpm", "time_signature")


def with_stream(values: Mapping[str, Any], *, options: bool) -> tuple[dict[str, Any], bool]:
    """Values of a request without its key for a stream, and its value.

    Raises:
        SettingError: a key that has no meaning for streams, or an output that is no wav.
    """
    kept = dict(values)
    if not kept.pop("stream", False):
        return kept, False
    stream = spelled("stream", options)
    foreign = [key for key in ("loop", "session", *KINDS) if kept.get(key)]
    if kept.get("best_of", 1) != 1:
        foreign.append("best_of")
    if foreign:
        raise SettingError(f"{stream} takes no {listed(foreign, options)}: leave it out")
    output = str(kept.get("output", STDOUT))
    if output != STDOUT and Path(output).suffix.lower() != ".wav":
        raise SettingError(
            f"{stream} writes wav: give a .wav file in place of {output}, or {STDOUT} for stdout"
        )
    return kept, True


def loop_values(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a request that makes the loop of a recipe again."""
    loop = Loop.from_plain(plain)
    values = {"loop": True, "bars": loop.bars, "bpm": loop.bpm}
    return values | {"time_signature": loop.time_signature, "key": loop.key}
