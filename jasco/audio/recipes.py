"""Recipe in the tags of an audio file, or in a ``.json`` beside it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jasco.audio.decoding import Source
from jasco.audio.marks import KEY
from jasco.audio.tag_search import search_tags
from jasco.audio.tags import Tag
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
    """First JSON object among the texts in a file's tags, without the mark."""
    return search_tags(source, _first_object)


def _first_object(found: Iterable[Tag]) -> dict[str, Any] | None:
    for _, text in found:
        with suppress(AudioError):
            plain = parse_object(text.rstrip("\0"), "the comment", AudioError)
            return {key: value for key, value in plain.items() if key != KEY}
    return None


def _beside(side: Path) -> dict[str, Any] | None:
    with suppress(AudioError):
        return read_object(side, AudioError)
    return None
