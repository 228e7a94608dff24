"""Descriptions of recordings: from names of files, tags, or captions beside them."""

from __future__ import annotations

import filecmp
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from jasco.audio.tags import probed, read_tags
from jasco.data.dropout import DESCRIPTION
from jasco.data.manifest import Recording
from jasco.errors import DataError
from jasco.io.plain import MAX_YAML_BYTES, read_text

FEWEST_MINUTES = 10
"""Minutes of music below which a fine-tune repeats its songs rather than their style."""
_TAGS = (
    ("genre", "tcon", "ignr", "\xa9gen"),
    ("mood", "tmoo"),
    ("title", "tit2", "inam", "\xa9nam"),
)
_NUMBER = re.compile(r"\d+(st|nd|rd|th)?|track|take|mix|master|final|v\d+", re.IGNORECASE)
_SHOWN = 5
_SAME_LENGTH = 0.5  # s, by which a song differs in another format


def of_name(path: Path) -> str:
    """Words of the name of a file, without numbers of tracks and takes."""
    stem = re.sub(r"\[[^]]*\]|\([^)]*\)", " ", path.stem)
    words = re.split(r"[\s_.\-]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", stem))
    return " ".join(word for word in words if word and not _NUMBER.fullmatch(word)).lower()


def of_tags(path: Path) -> str:
    """Genre, mood and title in the tags of a file."""
    try:
        with path.open("rb") as file:
            tags = dict(reversed(read_tags(file)))
    except OSError:
        return ""
    if not any(name in tags for names in _TAGS for name in names):
        tags = dict(reversed(probed(path)))
    found = (next((tags[n].strip() for n in names if tags.get(n)), "") for names in _TAGS)
    return ", ".join(filter(None, found))


def of_caption(path: Path) -> str:
    """Text of the file of the same name with the suffix ``.txt``."""
    side = path.with_suffix(".txt")
    if not side.is_file():
        return ""
    return " ".join(read_text(side, DataError, MAX_YAML_BYTES).split())


SOURCES: dict[str, Callable[[Path], str]] = {
    "filename": of_name,
    "tags": of_tags,
    "caption": of_caption,
}
"""Sources of descriptions, by name."""


def with_descriptions(recordings: Sequence[Recording], source: str) -> list[Recording]:
    """Recordings of which those without a description have that of a source, where it gives one."""

    def described(recording: Recording) -> Recording:
        if any(recording.fields.get(key) for key in DESCRIPTION):
            return recording
        text = SOURCES[source](recording.path)
        return replace(recording, fields=recording.fields | {"text": text}) if text else recording

    return [described(recording) for recording in recordings]


def repeated(recordings: Sequence[Recording]) -> dict[Path, Path]:
    """Recordings that are in the list before, each with that one.

    Files of equal content, or of one name and nearly the same length, as a song in two formats.
    """
    found: dict[Path, Path] = {}
    groups: dict[int | str, list[Recording]] = {}
    for recording in recordings:
        path = recording.path
        size = path.stat().st_size if path.is_file() else 0
        same = groups.get(size, ()) if size else ()
        alike = [one for one in same if filecmp.cmp(one.path, path, shallow=False)]
        length = recording.fields.get("duration") or math.nan
        for one in groups.get(path.stem.lower(), ()):
            if abs(length - (one.fields.get("duration") or math.nan)) < _SAME_LENGTH:
                alike.append(one)
        if alike and alike[0].path != path:
            found[path] = alike[0].path
        for key in (size, path.stem.lower()):
            groups.setdefault(key, []).append(recording)
    return found


def remarks(recordings: Sequence[Recording]) -> list[str]:
    """Lines about recordings without a description, repeated ones, and too little music."""
    lacking = [r.path.name for r in recordings if not any(r.fields.get(k) for k in DESCRIPTION)]
    lines = []
    if lacking:
        more = ", ..." if len(lacking) > _SHOWN else ""
        lines.append(
            f"{len(lacking)} of {len(recordings)} recordings have no description: "
            f"{', '.join(lacking[:_SHOWN])}{more}"
        )
    if twice := repeated(recordings):
        pairs = [f"{path.name} (as {first.name})" for path, first in twice.items()]
        more = ", ..." if len(twice) > _SHOWN else ""
        count = f"{len(twice)} of {len(recordings)} recordings repeat others"
        lines.append(f"{count}: {', '.join(pairs[:_SHOWN])}{more}")
    known = [r.fields["duration"] for r in recordings if r.fields.get("duration")]
    minutes = sum(known) / 60
    if known and minutes < FEWEST_MINUTES:
        lines.append(
            f"{minutes:.1f} minutes of music: a fine-tune of less than {FEWEST_MINUTES} repeats "
            "songs rather than their style"
        )
    return lines
