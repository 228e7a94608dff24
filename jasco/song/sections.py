"""Sections of a song, each with a text of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jasco.errors import ConditionError, SettingError, shortened
from jasco.io.plain import is_number
from jasco.song.bars import bars_of
from jasco.song.ranges import bar_ranges, checked_ranges, parse_bars, parse_seconds
from jasco.text import checked_text

MAX_SECTIONS = 100
_KEYS = ("bars", "seconds", "text")


@dataclass(frozen=True)
class Section:
    """Text of a part of a song.

    Attributes:
        text: description.
        bars: bars such as ``"1-8"``; ``None`` where seconds are given.
        seconds: start and end (s); ``None`` where bars are given.
    """

    text: str
    bars: str | None = None
    seconds: tuple[float, float] | None = None

    @classmethod
    def of(cls, value: Any) -> Section:
        """Section of ``{"bars": "1-8", "text": "..."}`` or ``"1-8=..."``, or with seconds.

        Raises:
            SettingError: another form, or several ranges.
        """
        if isinstance(value, Section):
            return value
        if isinstance(value, str) and "=" in value:
            place, _, text = value.partition("=")
            value = {"seconds" if ":" in place else "bars": place, "text": text}
        known = isinstance(value, Mapping) and set(value) <= {*_KEYS} and len(value) == 2
        if not known or not isinstance(value.get("text"), str):
            raise SettingError(
                f"a section is {shortened(value)}: give "
                '{"bars": "1-8", "text": "sparse verse"}, with seconds ("8:16") in place of bars, '
                'or "1-8=sparse verse"'
            )
        text = checked_text(value["text"]) or ""
        if not text.strip():
            raise SettingError(
                f"the section {value.get('bars', value.get('seconds'))} has no text: give one, or "
                "leave it out"
            )
        if "bars" in value:
            bars = str(value["bars"])
            if len(parse_bars(bars)) > 1:
                raise SettingError(f"the section {bars} has several ranges: give one section each")
            return cls(text, bars=bars)
        seconds = value["seconds"]
        ranges = parse_seconds(seconds) if isinstance(seconds, str) else checked_ranges([seconds])
        if len(ranges) > 1:
            raise SettingError(f"the section {seconds} has several ranges: give one section each")
        return cls(text, seconds=ranges[0])

    def span(self, bars: Sequence[float], length: float) -> tuple[float, float]:
        """Start and end (s) in a song of ``length`` (s) with onsets of ``bars`` (s)."""
        if self.seconds is not None:
            return self.seconds
        return bar_ranges(self.bars or "", bars, length, "song")[0]


def read_sections(values: Any) -> tuple[Section, ...]:
    """Sections of a list.

    Raises:
        SettingError: no list, or one of another form; sections in seconds that overlap.
    """
    if not isinstance(values, list | tuple) or not 1 <= len(values) <= MAX_SECTIONS:
        raise SettingError(
            f"sections are {shortened(values)}: give a list of 1 to {MAX_SECTIONS} sections"
        )
    sections = tuple(map(Section.of, values))
    if spans := [one.seconds for one in sections if one.seconds is not None]:
        checked_ranges(spans)
    return sections


def spans_of(values: Any, clip: Any, length: float) -> list[tuple[float, float, str]]:
    """Start, end (s) and text of each section, ascending; none without sections.

    Args:
        values: sections as `read_sections` takes them, or ``None``.
        clip: conditions of the song, whose chords may have bars.
        length: length of the song (s).

    Raises:
        SettingError: sections that overlap or end after the song, or bars without a tempo.
    """
    if values is None:
        return []
    bars = bars_of(clip, length)
    found = sorted((*one.span(bars, length), one.text) for one in read_sections(values))
    checked_ranges([pair[:2] for pair in found], length, "song")
    return found


def plain_sections(found: Sequence[tuple[float, float, str]]) -> dict[str, Any]:
    """Plain data of resolved sections for a recipe."""
    return {"kind": "sections", "sections": [list(one) for one in found]}


def sections_of(plain: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Sections of a request, from the plain data in a recipe.

    Raises:
        ConditionError: other data.
    """
    entries = plain.get("sections")
    right = isinstance(entries, list) and all(
        isinstance(one, list) and len(one) == 3 and all(map(is_number, one[:2])) for one in entries
    )
    if not right:
        raise ConditionError(f"song of the recipe has sections {shortened(entries)}")
    return [{"seconds": one[:2], "text": one[2]} for one in entries or []]
