"""Search in the tags of a file: by `jasco.audio.tags`, else by libsndfile, else by ``ffprobe``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TypeVar

import soundfile

from jasco.audio import tags
from jasco.audio.decoding import Source, is_for_ffmpeg, open_source
from jasco.errors import AudioError

Found = TypeVar("Found")


def search_tags(source: Source, find: Callable[[Iterable[tags.Tag]], Found | None]) -> Found | None:
    """First result of ``find``, a function of tags (comments first) that gives ``None`` for none.

    Raises:
        AudioError: the file is missing or is no audio.
    """
    with ExitStack() as stack:
        name, path, file = open_source(source, stack)
        unknown: soundfile.SoundFileError | None = None
        listed: list[tags.Tag] = []
        try:
            listed = tags.read_tags(file)
            if not (tags.is_known(file) or is_for_ffmpeg(file)):
                file.seek(0)
                with soundfile.SoundFile(file) as sound:
                    listed.append(("comment", sound.comment))
        except soundfile.SoundFileError as error:
            unknown = error
        except OSError as error:
            raise AudioError(f"cannot read {name}: {error.strerror or error}") from error
        found = find(listed)
        if found is None and path is not None:
            found = find(tags.probed(path))
        if found is None and unknown is not None:
            raise AudioError(
                f"{name} is no audio file that can be read: it has no tags"
            ) from unknown
        return found
