"""Requests of the page: values for `jasco.pipeline.request.Request`, with ids in place of paths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jasco.chords.metre import Metre, whole_note
from jasco.chords.reading import is_chord_file
from jasco.drums import DrumCodes
from jasco.errors import ChordError, SettingError, shortened
from jasco.io.plain import is_number
from jasco.melody import Melody
from jasco.pipeline.loops import STDOUT
from jasco.studio.uploads import drum_pattern
from jasco.studio.workspace import Workspace

LONGEST = 600.0
"""Longest take of the page (s)."""
MOST_TRIED = 16
"""Largest best-of of the page."""

_COPIED = {"text": str, "seed": int, "steps": int, "best_of": int, "guidance": Mapping}
_EDITS = ("edit", "continue", "vary")
_MAX_NOTES = 10_000


def values_of(
    page: Any, workspace: Workspace, output: Path, adapters: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Values of a request of the page.

    Args:
        page: JSON of the page: ``text``, ``chords`` (in bars), ``bpm``, ``metre``, ``bars``,
            ``drums`` (``{"pattern": NAME}``, ``{"file": ID, "loop": true}`` or
            ``{"codes": [...]}``), ``melody`` (notes in beats), ``seed``, ``steps``, ``best_of``,
            ``guidance``, ``adapter`` (``{"name": NAME, "scale": 0.8}``), ``stream`` and ``edit``
            (``{"kind": ..., "take": ID, "bars": "3-4"}``).
        workspace: files of the ids.
        output: file of the take.
        adapters: folder or Hub id of the adapters that the page may name.

    Raises:
        JascoError: a value of another kind or out of range, or an id that is not known.
    """
    if not isinstance(page, Mapping):
        raise SettingError("a request is a JSON object")
    bpm, time_signature = page.get("bpm", 96), page.get("metre", "4/4")
    metre = Metre.parse(time_signature)
    bar = float(whole_note(bpm, metre) * metre.length)
    edit, kind = page.get("edit") or {}, (page.get("edit") or {}).get("kind")
    bars = page.get("bars", 4)
    if not is_number(bars) or not 0 < bars * bar <= LONGEST:
        raise SettingError(
            f"{shortened(bars)} bars of {bar:.2f} s: a take of the studio lasts up to {LONGEST:g} s"
        )
    values: dict[str, Any] = {"output": output, "duration": bars * bar}
    for key, types in _COPIED.items():
        if page.get(key) not in (None, "", {}):
            if not isinstance(page[key], types) or isinstance(page[key], bool):
                raise SettingError(f"{key} is {shortened(page[key])}: it is of another kind")
            values[key] = page[key]
    if values.get("best_of", 1) > MOST_TRIED:
        raise SettingError(f"best_of is {values['best_of']}: the studio tries up to {MOST_TRIED}")
    tempo = {"bpm": bpm, "time_signature": time_signature}
    if page.get("chords"):
        if not isinstance(page["chords"], str) or is_chord_file(page["chords"]):
            raise ChordError("chords are a text in bars, such as C Am | F G7")
        values |= {"chords": page["chords"], **tempo}
    values |= _drums(page.get("drums"), tempo, workspace)
    if page.get("melody"):
        values["melody"] = _melody(page["melody"], 60 / bpm, bars * bar)
    if page.get("adapter"):
        values["adapter"] = _adapter(page["adapter"], adapters or {})
    if page.get("stream"):
        values |= {"stream": True, "output": Path(STDOUT)}
    if kind == "loop":
        del values["duration"]
        values |= {"loop": True, "bars": round(bars), **tempo}
    elif kind in _EDITS:
        del values["duration"]
        values[kind] = workspace.file(edit.get("take")).path
        if kind == "edit":
            values["bars"] = str(edit.get("bars"))
            values |= tempo
        elif kind == "continue":
            values["duration"] = bars * bar
        elif is_number(edit.get("strength")):
            values["strength"] = edit["strength"]
    elif kind is not None:
        raise SettingError(f"edit is {shortened(kind)}: give loop, {', '.join(_EDITS)}")
    return values


def _drums(drums: Any, tempo: Mapping[str, Any], workspace: Workspace) -> dict[str, Any]:
    if not drums:
        return {}
    if not isinstance(drums, Mapping):
        raise SettingError("drums are a pattern, a file or codes")
    if isinstance(drums.get("pattern"), str):
        return {"drums": drum_pattern(drums["pattern"], **tempo)}
    if drums.get("codes"):
        return {"drums": DrumCodes.from_plain(drums["codes"], 0)}
    values: dict[str, Any] = {"drums": workspace.file(drums.get("file")).path}
    if drums.get("loop"):
        values |= {"drums_loop": True, **tempo}
        if is_number(drums.get("bpm")):
            values["drums_bpm"] = drums["bpm"]
    return values


def _adapter(asked: Any, adapters: Mapping[str, str]) -> list[str]:
    name, scale = (asked.get("name"), asked.get("scale")) if isinstance(asked, Mapping) else (0, 0)
    if not isinstance(name, str) or name not in adapters or not is_number(scale):
        raise SettingError(f"adapter is {shortened(asked)}: choose one that the studio offers")
    return [f"{adapters[name]}:{scale}"]


def _melody(notes: Any, beat: float, duration: float) -> Melody:
    """Melody of notes ``[key, onset, length]`` in beats of a length (s)."""
    fits = isinstance(notes, list) and len(notes) <= _MAX_NOTES
    if not fits or not all(
        isinstance(n, list) and len(n) == 3 and all(map(is_number, n)) for n in notes
    ):
        raise SettingError(f"melody is a list of at most {_MAX_NOTES:,} notes [key, onset, length]")
    inside = [n for n in notes if 0 <= n[1] * beat < duration and n[2] > 0]
    spans = [(int(k), at * beat, min((at + long) * beat, duration)) for k, at, long in inside]
    return Melody.from_notes(spans, duration=duration)
