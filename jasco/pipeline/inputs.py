"""Files that a request reads: each is there, and of the kind that its option takes.

Only names and places are looked at here, so that this costs no import of torch; contents are read
when the turn of the request comes.
"""

from __future__ import annotations

from pathlib import Path

from jasco.controls import CONTROLS
from jasco.controls.spec import RECORDING
from jasco.errors import AudioError, JascoError, SettingError
from jasco.io.files import regular_file

_RECORDINGS = (
    *(".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au", ".caf", ".w64"),
    *(".m4a", ".mp4", ".aac", ".wma", ".webm", ".mkv", ".mov"),
)
_MIDI = (".mid", ".midi", ".kar", ".rmi", ".smf")
_MATRICES = (".npy", ".npz", ".th", ".pt")
_KINDS = {
    **dict.fromkeys(_RECORDINGS, RECORDING),
    **dict.fromkeys(_MIDI, "a MIDI file"),
    **dict.fromkeys(_MATRICES, "a matrix of numbers"),
    **dict.fromkeys((".lab", ".jams"), "a file of chords"),
    ".jsonl": "a file of requests",
}
"""Kinds of file by suffix; ``.json`` and ``.txt`` may be several."""

_OPTIONS = {"take": "--from", "request": "--request"}


def _taken() -> dict[str, tuple[str, ...]]:
    """Kinds of file that each option takes."""
    return {
        **{name: spec.files for name, spec in CONTROLS.items()},
        **{f"{name}_from": (RECORDING,) for name in CONTROLS},
        "request": ("a file of requests",),
        "take": (RECORDING,),
    }


def _error(key: str) -> type[JascoError]:
    """Error of a file that an option cannot read."""
    if key in ("request", "take"):
        return SettingError
    return CONTROLS[key].error if key in CONTROLS else AudioError


def is_written(name: str, value: object) -> bool:
    """The value of a control is a text of its own, and no file."""
    spec = CONTROLS[name]
    if not spec.written or not isinstance(value, str):
        return bool(spec.written) and isinstance(value, list)
    return not value.strip().lower().endswith(spec.written) and kind_of(value) is None


def kind_of(name: str) -> str | None:
    """Kind of a file by its suffix, ``None`` where the suffix does not say."""
    return _KINDS.get(Path(name).suffix.lower())


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
    kind = kind_of(str(path))
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
    if kind == "a MIDI file" and control in CONTROLS and CONTROLS[control].is_audio:
        return f"render it to audio first, or give it as {spelled('melody', options)}"
    return f"give it as {_all(kind, options)}"


def _all(kind: str, options: bool) -> str:
    fitting = [key for key, kinds in _taken().items() if kind in kinds and key != "take"]
    return " or ".join(spelled(key, options) for key in fitting)


def spelled(key: str, options: bool) -> str:
    """An option as the command line spells it, or the key of a request file."""
    if options or key in _OPTIONS:
        return _OPTIONS.get(key, f"--{key.replace('_', '-')}")
    return key
