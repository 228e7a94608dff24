"""Songs of a text file, and the choice of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from jasco.errors import ChartError, shortened

_SHOWN = 8
_Song = TypeVar("_Song")


@dataclass
class SongText:
    """Lines of a song, and its title."""

    title: str = ""
    lines: list[str] = field(default_factory=list)


def chosen(
    songs: Sequence[_Song], titles: Sequence[str], wanted: int | str | None
) -> tuple[_Song, list[str]]:
    """A song by its number from 1 or its title, by default the first; and a note about the others.

    Raises:
        ChartError: no such song.
    """
    listed = ", ".join(f"{n} {title[:40]!r}" for n, title in enumerate(titles[:_SHOWN], 1))
    listed += f" and {len(titles) - _SHOWN} more" if len(titles) > _SHOWN else ""
    if wanted is None:
        several = f"of {len(songs)} songs the first is taken; song chooses of {listed}"
        return songs[0], [several] if len(songs) > 1 else []
    name = str(wanted).strip().casefold()
    found = [n for n, title in enumerate(titles) if title.strip().casefold() == name]
    if not found and name.isdecimal() and len(name) < 9 and 1 <= int(name) <= len(songs):
        found = [int(name) - 1]
    if not found:
        raise ChartError(f"song is {shortened(wanted)}: give the number or the title of {listed}")
    return songs[found[0]], []
