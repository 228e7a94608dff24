"""Edit of a request: a take that is changed, continued or varied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jasco.chords.metre import COMMON, Metre, whole_note
from jasco.control_value import MAX_DURATION
from jasco.errors import SettingError
from jasco.pipeline.inputs import checked_input, listed, spelled, without
from jasco.song.edit import CONTINUATION, KINDS, VARIATION, Edit, continuation
from jasco.song.ranges import Ranges, bar_ranges, checked_ranges, parse_bars, parse_seconds

if TYPE_CHECKING:
    from jasco.song.take import Take

_NUMBER = (int, float)
_PATH = (str, Path)
EDIT_KEYS: dict[str, tuple[type | tuple[type, ...], str, str]] = {
    "edit": (_PATH, "the path of a take", "take of which --bars or --seconds are generated anew"),
    "continue": (_PATH, "the path of a take", "take that is continued by --duration"),
    "vary": (_PATH, "the path of a take", "take to vary"),
    "seconds": (str, 'seconds of the take such as "8:16"', "seconds of the take: 8:16,24:32"),
    "before": (bool, "true or false", "with --continue: begin before the take"),
    "keep": (
        str,
        'controls of the take such as "drums,melody", or "none"',
        "controls of the take that stay: drums,melody or none; default: all that are not given",
    ),
    "strength": (_NUMBER, "a number above 0, up to 1", "part that is new; --vary: 0.6, --edit: 1"),
    "crossfade": (_NUMBER, "seconds", "cross-fade beside the range (s); default: 0.05"),
    "jump_n_sample": (int, "a whole number", "times that each run of steps is made; default: 1"),
    "jump_length": (int, "a whole number", "steps of a run; default: 2"),
}
"""Keys of a request about its take: types, the same in words, and the line of ``--help``."""

_SETTINGS = ("strength", "crossfade", "jump_n_sample", "jump_length")
_FOREIGN = {
    "edit": ("before", "duration", "sections"),
    "continue": ("seconds", "strength", "sections"),
    "vary": ("seconds", "before", "duration", "sections"),
}


@dataclass(frozen=True)
class EditRequest:
    """Edit of a take that is not read yet.

    Attributes:
        path: file of the take, or the take where it is read already.
        edit: settings; its ranges and padding are those of `resolved`.
        bars: bars of the take; ``None`` where seconds are given.
        seconds: ranges (s); ``None`` where bars are given, and of other kinds.
        bar: length of a bar by the tempo of the request (s); ``None`` without one.
        duration: length of a continuation (s).
        before: continue before the take.
    """

    path: Path | Take
    edit: Edit
    bars: str | None = None
    seconds: Ranges | None = None
    bar: float | None = None
    duration: float = CONTINUATION
    before: bool = False

    def resolved(self, take: Take) -> Edit:
        """Edit with the ranges of a take.

        Raises:
            SettingError: ranges outside the take, or bars of a take without a tempo.
        """
        length = take.duration
        if self.edit.kind == "vary":
            return replace(self.edit, ranges=((0.0, length),))
        if self.edit.kind == "continue":
            if length + self.duration > MAX_DURATION:
                raise SettingError(
                    f"{self.path} lasts {length:.0f} s: with {self.duration:g} s more it is longer "
                    f"than {MAX_DURATION:,} s"
                )
            ranges, padding = continuation(length, self.duration, self.before)
            return replace(self.edit, ranges=ranges, padding=padding)
        if self.bars is None:
            return replace(self.edit, ranges=checked_ranges(self.seconds, length))
        onsets = take.bars or (() if self.bar is None else (0.0, self.bar))
        return replace(self.edit, ranges=bar_ranges(self.bars, onsets, length))


def with_edit(
    values: Mapping[str, Any], files: list[Path], *, options: bool
) -> tuple[dict[str, Any], EditRequest | None]:
    """Values of a request without its edit, and the edit.

    Chords in bars without a tempo get that of the take.

    Args:
        values: of the request, by key.
        files: receives the file of the take.
        options: name options as the command line does.

    Raises:
        SettingError: several takes, a setting out of range, or one that says nothing here.
    """
    kept = without(values, *EDIT_KEYS)
    own = {key: value for key, value in values.items() if key in EDIT_KEYS}
    kinds = [kind for kind in KINDS if kind in own]
    if not kinds:
        if own:
            names = listed(own, options)
            raise SettingError(f"{names} say how to change a take: give one as {_kinds(options)}")
        return kept, None
    if len(kinds) > 1:
        raise SettingError(f"{_kinds(options)} are several edits: give one of them")
    (kind,) = kinds
    path = checked_input(kind, own[kind], options=options)
    files.append(path)
    foreign = [key for key in _FOREIGN[kind] if key in values]
    if values.get("loudness", "none") != "none":
        foreign.append("loudness")
    if kind != "edit" and "bars" in values and "chart" not in values:
        foreign.append("bars")
    if foreign:
        names = listed(foreign, options)
        raise SettingError(f"{spelled(kind, options)} takes no {names}: leave it out")
    bars = str(kept.pop("bars")) if kind == "edit" and "bars" in kept else None
    if kind == "edit" and (bars is None) == ("seconds" not in own):
        both = listed(("bars", "seconds"), options, " or " if bars is None else " and ")
        if bars is not None:
            raise SettingError(f"{both} both give the range of {path}: leave one out")
        raise SettingError(f"no range of {path} is given to generate anew: give {both}")
    if bars is not None:
        parse_bars(bars)
    bar = _bar(kept)
    if isinstance(kept.get("chords"), str) and "bpm" not in kept and (found := _tempo(path)):
        kept |= found
    elif "chords" not in kept and "chart" not in kept:
        kept = without(kept, "bpm", "time_signature")
    settings = {key: own[key] for key in _SETTINGS if key in own}
    strength = {"strength": VARIATION} if kind == "vary" else {}
    edit = Edit(kind, ((0.0, 1.0),), keep=_keep(own.get("keep")), **{**strength, **settings})
    seconds = parse_seconds(own["seconds"]) if "seconds" in own else None
    duration = kept.get("duration", CONTINUATION)
    return {**kept, "loudness": "none"}, EditRequest(
        path, edit, bars, seconds, bar, duration, own.get("before", False)
    )


def edit_values(edit: Edit, path: Path) -> dict[str, Any]:
    """Values of a request that makes an edit of a recipe again, of the take at ``path``."""
    values: dict[str, Any] = {edit.kind: path, "crossfade": edit.crossfade}
    values |= {"jump_n_sample": edit.jump_n_sample, "jump_length": edit.jump_length}
    if edit.keep is not None:
        values["keep"] = ",".join(edit.keep) or "none"
    if edit.kind == "continue":
        values |= {"duration": sum(edit.padding), "before": edit.padding[0] > 0}
    else:
        values["strength"] = edit.strength
    if edit.kind == "edit":
        values["seconds"] = ",".join(f"{start!r}:{stop!r}" for start, stop in edit.ranges)
    return values


def _kinds(options: bool) -> str:
    return listed(KINDS, options)


def _keep(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    return () if text.strip() == "none" else tuple(name.strip() for name in text.split(","))


def _bar(values: Mapping[str, Any]) -> float | None:
    """Length of a bar (s) by the tempo of a request."""
    if "bpm" not in values:
        return None
    written = values.get("time_signature")
    metre = COMMON if written is None else Metre.parse(written)
    return float(whole_note(values["bpm"], metre) * metre.length)


def _tempo(path: Path) -> dict[str, Any]:
    """Tempo and metre of the last whole bar of a take; empty where it has none."""
    from jasco.song.take import Take

    take = Take.of(path)
    if len(take.bars) < 2:
        return {}
    bar, metre = take.bars[-1] - take.bars[-2], take.metre
    return {"bpm": 60 * metre.beats / bar, "time_signature": str(metre)}
