"""Recipe in the tags of an audio file, or in a ``.json`` beside it."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import soundfile

from jasco.audio import tags
from jasco.audio.decoding import Source, is_for_ffmpeg, open_source
from jasco.errors import AudioError
from jasco.io.plain import parse_object, read_object


def read_recipe(path: Source) -> dict[str, Any] | None:
    """Recipe in the tags of a file, else in the ``.json`` beside a wav file, else ``None``.

    All names of a comment tag are searched, see `jasco.audio.tags`.

    Args:
        path: path of a regular file, or file object opened for reading bytes.

    Raises:
        AudioError: the file is missing or is no audio.
    """
    recipe = _tag(path)
    if recipe is None and isinstance(path, str | os.PathLike):
        side = Path(path).with_suffix(".json")
        if Path(path).suffix.lower() == ".wav" and side.is_file():
            return _beside(side)
    return recipe


def is_recipe_of(side: Path, path: Path) -> bool:
    """True for a file ``side`` that holds the recipe of the audio file ``path``."""
    with suppress(OSError, AudioError):
        recipe = _beside(side) if side.is_file() else None
        return recipe is not None and recipe == _tag(path)
    return False


def _tag(source: Source) -> dict[str, Any] | None:
    """First JSON object among the texts in a file's tags."""
    with ExitStack() as stack:
        name, path, file = open_source(source, stack)
        unknown: soundfile.SoundFileError | None = None
        try:
            texts = tags.texts(file)
            if not (tags.is_known(file) or is_for_ffmpeg(file)):
                file.seek(0)
                with soundfile.SoundFile(file) as sound:
                    texts.append(sound.comment)
        except soundfile.SoundFileError as error:
            unknown = error
        except OSError as error:
            raise AudioError(f"cannot read {name}: {error.strerror or error}") from error
        found = _first_object(texts)
        if found is None and path is not None:
            found = _first_object(tags.probed(path))
        if found is None and unknown is not None:
            raise AudioError(
                f"{name} is no audio file that can be read: it has no recipe"
            ) from unknown
        return found


def _first_object(texts: list[str]) -> dict[str, Any] | None:
    for text in texts:
        with suppress(AudioError):
            return parse_object(text.rstrip("\0"), "the comment", AudioError)
    return None


def _beside(side: Path) -> dict[str, Any] | None:
    with suppress(AudioError):
        return read_object(side, AudioError)
    return None
