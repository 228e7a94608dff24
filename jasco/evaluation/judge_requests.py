"""Requests of jasco-judge: the controls that audio of any system is compared with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jasco.adherence import Controls, comparison
from jasco.adherence.drums import Rhythm
from jasco.chords import ChordProgression
from jasco.control_value import MAX_DURATION
from jasco.errors import DataError, JascoError, shortened
from jasco.io.assets import asset
from jasco.io.jsonl import read_lines
from jasco.io.plain import is_number
from jasco.melody import Melody

BUNDLED = "band"
"""Name of the 200 requests that ship with Jasco."""
MAX_REQUESTS = 100_000

_ID = re.compile(r"[\w-][\w .-]{0,199}")
_KEY = re.compile(r"([A-G][b#]?) (major|minor)")
_KEYS = ("id", "text", "duration", "chords", "melody", "drums", "tempo", "key", "song")


@dataclass(frozen=True, eq=False)
class JudgeRequest:
    """Request of audio; ``None`` for what it does not ask for.

    Attributes:
        id: name of its audio file without the suffix.
        text: description of the music.
        duration: length of the part of the audio that is judged, from its start (s).
        chords: progression.
        melody: melody.
        drums: (N,) onset times of the drums (s).
        tempo: tempo (beats per minute).
        key: key such as ``"F# minor"``.
    """

    id: str
    text: str | None
    duration: float
    chords: ChordProgression | None
    melody: Melody | None
    drums: np.ndarray | None
    tempo: float | None
    key: str | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> JudgeRequest:
        """Request of plain data.

        Raises:
            JascoError: an unknown key, a value that cannot be read, or nothing that is judged.
        """
        if unknown := sorted(row.keys() - set(_KEYS)):
            raise DataError(f"unknown key {shortened(unknown[0])}: give some of {', '.join(_KEYS)}")
        name, duration, drums = row.get("id"), row.get("duration"), row.get("drums")
        tempo, key, text = row.get("tempo"), row.get("key"), row.get("text")
        fits = {
            "id": (isinstance(name, str) and _ID.fullmatch(name), "the name of a file, bare"),
            "text": (text is None or isinstance(text, str), "a text"),
            "duration": (_between(duration, MAX_DURATION), f"seconds, up to {MAX_DURATION:,}"),
            "drums": (drums is None or _are_times(drums), "a list of onset times in seconds"),
            "tempo": (tempo is None or _between(tempo, 1000), "beats per minute, up to 1,000"),
            "key": (
                key is None or (isinstance(key, str) and _KEY.fullmatch(key)),
                "a key such as 'F# minor'",
            ),
        }
        for field, (fit, words) in fits.items():
            if not fit:
                raise DataError(f"{field} is {shortened(row.get(field))}: give {words}")
        if not any(row.get(field) for field in ("chords", "melody", "drums", "tempo", "key")):
            raise DataError("nothing to judge: give chords, melody, drums, tempo or key")
        chords, melody = row.get("chords"), row.get("melody")
        return cls(
            str(name),
            text,
            float(duration or 0),
            None if chords is None else ChordProgression.of(chords),
            None if melody is None else Melody.from_notes(melody, duration=duration),
            None if drums is None else np.array(drums, dtype=float),
            tempo,
            key,
        )

    def reference(self, duration: float) -> Controls:
        """Requested controls over ``duration`` (s), in the form of extracted ones."""
        found: Controls = {}
        for name, value in (("chords", self.chords), ("melody", self.melody)):
            if value is not None:
                found[name] = comparison(name).requested(value, duration)
        if self.drums is not None:
            found["drums"] = Rhythm(self.drums[self.drums < duration])
        return found


def read_requests(path: str | Path) -> list[JudgeRequest]:
    """Requests of a JSONL file, or the 200 of the band.

    Args:
        path: file, or `BUNDLED`.

    Raises:
        JascoError: it cannot be read, an id comes twice, or there are fewer than 2 requests, which
            the floor pairs; the message names the line.
    """
    file = asset("judge/requests.jsonl") if str(path) == BUNDLED else Path(path)
    found: dict[str, JudgeRequest] = {}
    for label, row in read_lines(file, DataError):
        try:
            request = JudgeRequest.of(row)
            if request.id in found:
                raise DataError(f"id {request.id!r} comes twice")
        except JascoError as error:
            raise DataError(f"{label}: {error}") from error
        found[request.id] = request
    if not 2 <= len(found) <= MAX_REQUESTS:
        raise DataError(
            f"{file} holds {len(found)} requests: give 2 to {MAX_REQUESTS:,}, for the floor pairs "
            "them"
        )
    return list(found.values())


def _between(value: Any, most: float) -> bool:
    return is_number(value) and 0 < value <= most


def _are_times(value: Any) -> bool:
    return isinstance(value, Sequence) and all(is_number(time) and time >= 0 for time in value)
