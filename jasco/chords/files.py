"""Progressions on disk: ``.lab`` (start, end, label), JAMS, JSON pairs and plain text.

``.lab`` is the format of the Isophonics annotations and of mir_eval: a segment a line, times in s.
JAMS is JSON (Humphrey et al., "JAMS: a JSON annotated music specification", ISMIR 2014).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from jasco.atomic import write_text
from jasco.chords.notation import read_notation
from jasco.chords.pairs import read_pairs
from jasco.chords.score import Entry, Score, as_text, seconds, shown
from jasco.chords.vocabulary import NO_CHORD
from jasco.errors import ChordError

Segments = Sequence[tuple[float, float, str]]
"""(start, end, label), in s."""

_GAP = 1e-3  # s between two segments that rounding explains
_JAMS_NAMESPACES = ("chord", "chord_harte")


def read_file(
    path: str | os.PathLike[str], *, bpm: float | None = None, time_signature: str = "4/4"
) -> Score:
    """Read a file by its ending.

    Raises:
        ChordError: it is missing, no text, of another kind, or cannot be read.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".lab", ".jams", ".json", ".txt"):
        raise ChordError(
            f"cannot read chords from {path.name!r}: give a .lab, .jams, .json or .txt file"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ChordError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ChordError(f"cannot read {path}: it is not a text in UTF-8", position=0) from None
    if kind == ".txt":
        return read_notation(text, bpm=bpm, time_signature=time_signature)
    return read_lab(text) if kind == ".lab" else read_json(text)


def read_lab(text: str) -> Score:
    """Read ``start end label`` lines; empty lines and those that begin with ``#`` are skipped.

    Raises:
        ChordError: a line of another form; ``position`` is the index of its first character.
    """
    segments, at = [], 0
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        position, at = at, at + len(line)
        where = f"line {number}"
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        if len(fields) != 3:
            raise ChordError(
                f"{shown(line.strip())} at {where} is not a segment: write start, end and chord",
                position=position,
                token=line.strip(),
                suggestion="0.0 2.0 C:maj",
            )
        start, end = (seconds(field, fields[2], position, where) for field in fields[:2])
        segments.append((end, Entry(fields[2], start, position, where)))
    return _score(segments)


def read_json(text: str) -> Score:
    """Read JSON: pairs of name and onset, or a JAMS document.

    Raises:
        ChordError: it is neither, or not JSON at all.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        position = error.pos if isinstance(error, json.JSONDecodeError) else 0
        raise ChordError(f"this is not JSON: {error}", position=position) from None
    if isinstance(document, dict) and "annotations" in document:
        return _read_jams(document["annotations"])
    return read_pairs(document)


def _read_jams(annotations: object) -> Score:
    """The first chord annotation; ``position`` of an error is the index of the observation."""
    found = [
        annotation["data"]
        for annotation in (annotations if isinstance(annotations, list) else [])
        if isinstance(annotation, dict)
        and annotation.get("namespace") in _JAMS_NAMESPACES
        and isinstance(annotation.get("data"), list)
    ]
    if not found:
        raise ChordError(
            "this JAMS document has no chord annotation: it needs one in the namespace 'chord'",
            position=0,
        )
    segments = []
    for index, observation in enumerate(found[0]):
        where = f"observation {index}"
        value = observation.get("value") if isinstance(observation, dict) else None
        if not isinstance(value, str):
            raise ChordError(
                f"{where} of the chord annotation has no chord: it needs time, duration and value",
                position=index,
                token=as_text(observation),
            )
        start = seconds(observation.get("time"), value, index, where)
        duration = seconds(observation.get("duration"), value, index, where)
        segments.append((start + duration, Entry(value, start, index, where)))
    more = len(found) - 1
    notices = (f"{more} more chord annotations are not read",) if more else ()
    return _score(segments, notices)


def _score(segments: list[tuple[float, Entry]], notices: tuple[str, ...] = ()) -> Score:
    """Segments as a score; where none is annotated there is no chord."""
    if not segments:
        raise ChordError("no chord: the file holds no segment", position=0)
    entries: list[Entry] = []
    told = list(notices)
    reached = None
    for end, entry in sorted(segments, key=lambda segment: segment[1].onset):
        if end < entry.onset:
            raise ChordError(
                f"{shown(entry.token)} at {entry.where} ends at {end:g} s, before it begins at "
                f"{entry.onset:g} s",
                position=entry.position,
                token=entry.token,
            )
        if reached is not None and entry.onset > reached + _GAP:
            entries.append(Entry(NO_CHORD, reached, entry.position, entry.where))
            told.append(f"no chord between {reached:g} and {entry.onset:g} s: N")
        elif reached is not None and entry.onset < reached - _GAP:
            told.append(f"{entry.token} at {entry.where} begins before the chord ahead of it ends")
        entries.append(entry)
        reached = max(end, reached or 0.0)
    return Score(entries, reached, tuple(told))


def write_lab(path: str | os.PathLike[str], segments: Segments) -> None:
    """Write segments as ``.lab``, with every digit, so that reading them back gives the same."""
    write_text(
        Path(path), "".join(f"{start!r}\t{end!r}\t{label}\n" for start, end, label in segments)
    )


def write_jams(path: str | os.PathLike[str], segments: Segments) -> None:
    """Write segments as a JAMS document with one annotation in the namespace ``chord``."""
    end = segments[-1][1]
    annotation = {
        "namespace": "chord",
        "time": 0.0,
        "duration": end,
        "annotation_metadata": {"annotation_tools": "jasco", "data_source": "program"},
        "data": [
            {"time": start, "duration": stop - start, "value": label, "confidence": None}
            for start, stop, label in segments
        ],
        "sandbox": {},
    }
    document = {
        "file_metadata": {"duration": end, "identifiers": {}, "jams_version": "0.3.4"},
        "annotations": [annotation],
        "sandbox": {},
    }
    write_text(Path(path), json.dumps(document, indent=1) + "\n")
