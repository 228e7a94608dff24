"""Files that a request reads: each is there, and of the kind that its option takes.

Only names and places are looked at here, so that this costs no import of torch; contents are read
when the turn of the request comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jasco.band.patterns import is_pattern
from jasco.charts.formats import is_link
from jasco.controls import CONTROLS
from jasco.errors import AudioError, JascoError, SettingError
from jasco.io.files import SAMPLE, regular_file
from jasco.io.kinds import CHART, CHORDS, MIDI, RECORDING, REQUESTS, kind_of
from jasco.song.edit import KINDS

_OPTIONS = {"take": "--from", "request": "--request"}


def _taken() -> dict[str, tuple[str, ...]]:
    """Kinds of file that each option takes."""
    return {
        **{name: spec.files for name, spec in CONTROLS.items()},
        **{f"{name}_from": (RECORDING,) for name in CONTROLS},
        "request": (REQUESTS,),
        "chart": (CHART, CHORDS, MIDI),
        **dict.fromkeys(("take", "edit", "continue", "vary"), (RECORDING,)),
    }


def _error(key: str) -> type[JascoError]:
    """Error of a file that an option cannot read."""
    if key in ("request", "take", "edit", "continue", "vary"):
        return SettingError
    return CONTROLS[key].error if key in CONTROLS else AudioError


def is_written(name: str, value: object) -> bool:
    """The value of a control is a text of its own, and no file."""
    spec = CONTROLS[name]
    if not spec.written or not isinstance(value, str):
        return bool(spec.written) and isinstance(value, list)
    return not value.strip().lower().endswith(spec.written) and kind_of(value) is None


def file_keys() -> tuple[str, ...]:
    """Keys of a request whose value may be a file."""
    return (*CONTROLS, *(f"{name}_from" for name in CONTROLS), "chart", *KINDS)


def is_path(key: str, value: object) -> bool:
    """True for a path of a file, which is neither spelled out nor the name of a sample."""
    if key not in file_keys() or not isinstance(value, str | Path):
        return False
    if isinstance(value, Path):
        return True
    if value.startswith(SAMPLE) or (key == "chart" and is_link(value)):
        return False
    if key in CONTROLS and is_written(key, value):
        return False
    return key != "drums" or kind_of(value) is not None or not is_pattern(value)


def checked_input(key: str, path: str | Path, *, options: bool) -> Path:
    """Path of a regular file that the option of ``key`` may read.

    Args:
        key: name of the option, as in a request file; ``take`` for ``--from``.
        path: given by the user.
        options: name options as the command line does, not as request files do.

    Raises:
        JascoError: a file of another kind, with the option that takes it; or one that is missing,
            no regular file, or unreadable.
    """
    error = _error(key)
    kind = kind_of(path)
    if kind is not None and kind not in _taken()[key]:
        raise error(
            f"{spelled(key, options)} does not read {path}, {kind}: {_remedy(key, kind, options)}"
        )
    return regular_file(path, error)


def _remedy(key: str, kind: str, options: bool) -> str:
    """The option for a file of this kind, given where ``key`` cannot read it."""
    control = key.removesuffix("_from")
    if kind == RECORDING:
        if control in CONTROLS and not CONTROLS[control].is_audio:
            return f"give it as {spelled(f'{control}_from', options)}"
        return f"give it as {spelled('take', options)} if it is a take, or as {_all(kind, options)}"
    return f"give it as {_all(kind, options)}"


def _all(kind: str, options: bool) -> str:
    fitting = [key for key, kinds in _taken().items() if kind in kinds and key != "take"]
    return listed(fitting, options, " or ")


def listed(keys: Iterable[str], options: bool, joint: str = ", ") -> str:
    """Names of options as the command line spells them, or of keys of a request file."""
    return joint.join(spelled(key, options) for key in keys)


def without(values: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Values of a request but those of some keys."""
    return {key: value for key, value in values.items() if key not in keys}


def spelled(key: str, options: bool) -> str:
    """An option as the command line spells it, or the key of a request file."""
    if options or key in _OPTIONS:
        return _OPTIONS.get(key, f"--{key.replace('_', '-')}")
    return key
