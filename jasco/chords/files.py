"""Progressions on disk: ``.lab`` (start, end, label), JAMS, JSON pairs and plain text.

``.lab`` is the format of the Isophonics annotations and of mir_eval: a segment a line, times in s.
JAMS is JSON (Humphrey et al., "JAMS: a JSON annotated music specification", ISMIR 2014).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from jasco.chords.jams import read_jams
from jasco.chords.lab import read_lab
from jasco.chords.notation import UNUSED_TEMPO, read_notation
from jasco.chords.numerals import Key
from jasco.chords.pairs import read_pairs
from jasco.chords.score import MAX_TEXT, Score
from jasco.errors import ChordError
from jasco.io.atomic import write_text
from jasco.io.files import output_file
from jasco.io.plain import MAX_JSON_BYTES, encoding_of, parse_json, read_bytes

Segments = Sequence[tuple[float, float, str]]
"""(start, end, label), in s."""

CHORD_FILES = (".lab", ".jams", ".json", ".txt")
"""Endings of files that hold chords."""

UNUSED_ANNOTATION = "annotation is not used: the file is no JAMS document"
_MAX_LAB_BYTES = 16 * 2**20
_CONTROL = re.compile("[\x00-\x08\x0e-\x19\x1b-\x1f]")


def read_file(
    path: str | os.PathLike[str],
    *,
    bpm: float | None = None,
    time_signature: str | None = None,
    key: Key | None = None,
    notation: str = "english",
    annotation: int | str | None = None,
) -> Score:
    """Read a file by its ending; see `jasco.chords.ChordProgression.load` for the rest.

    Raises:
        ChordError: the file is missing, no text, too large, of another kind, or cannot be read.
    """
    kind = Path(path).suffix.lower()
    if kind not in CHORD_FILES:
        raise ChordError(
            f"cannot read chords from {Path(path).name!r}: give a .lab, .jams, .json or .txt file"
        )
    if kind in (".jams", ".json"):
        return read_json(path, bpm=bpm, time_signature=time_signature, annotation=annotation)
    limit = 4 * MAX_TEXT if kind == ".txt" else _MAX_LAB_BYTES
    text, notices = _decode(read_bytes(path, ChordError, limit), str(path))
    if annotation is not None:
        notices = (*notices, UNUSED_ANNOTATION)
    if kind == ".txt":
        score = read_notation(
            text, bpm=bpm, time_signature=time_signature, key=key, notation=notation
        )
        return replace(score, notices=notices + score.notices)
    return read_lab(text, notices if bpm is None else (*notices, UNUSED_TEMPO))


def _decode(data: bytes, label: str) -> tuple[str, tuple[str, ...]]:
    """Text of a file in UTF-8, UTF-16 or Latin-1, and notices about its encoding.

    Raises:
        ChordError: the bytes are no text.
    """
    encoding, mark = encoding_of(data[:4])
    even, odd = data[:4096:2].count(0), data[1:4096:2].count(0)
    if not mark and max(even, odd) > len(data[:4096]) // 6 and min(even, odd) == 0:
        encoding = "utf-16-le" if odd else "utf-16-be"
    notices = () if encoding == "utf-8" else (f"the file is in {encoding.upper()}",)
    try:
        text = data[mark:].decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            reason = f"cannot read {label}: it is not a text in {encoding.upper()}"
            raise ChordError(reason, position=error.start) from None
        text = data.decode("cp1252", errors="replace")
        notices = ("the file is in Latin-1, not in UTF-8",)
    if found := _CONTROL.search(text):
        raise ChordError(
            f"cannot read {label}: it is not a text (control character at {found.start()})",
            position=found.start(),
        )
    return text, notices


def read_json(
    path: str | os.PathLike[str],
    *,
    bpm: float | None = None,
    time_signature: str | None = None,
    annotation: int | str | None = None,
) -> Score:
    """Read a JSON file: pairs of name and onset, or a JAMS document.

    Raises:
        ChordError: the file is neither, or not JSON at all.
    """
    data = read_bytes(path, ChordError, MAX_JSON_BYTES)
    try:
        document = parse_json(data, str(path), ChordError)
    except ChordError as error:
        cause = error.__cause__
        error.position = cause.pos if isinstance(cause, json.JSONDecodeError) else 0
        raise
    if isinstance(document, dict) and "annotations" in document:
        return read_jams(document, bpm=bpm, time_signature=time_signature, annotation=annotation)
    score = read_pairs(document)
    unused: tuple[str, ...] = () if bpm is None else (UNUSED_TEMPO,)
    unused += () if annotation is None else (UNUSED_ANNOTATION,)
    return replace(score, notices=score.notices + unused)


def write_lab(path: str | os.PathLike[str], segments: Segments) -> None:
    """Write segments as ``.lab`` with all digits: reading restores the same times."""
    write_text(
        output_file(path, ChordError),
        "".join(f"{start!r}\t{end!r}\t{label}\n" for start, end, label in segments),
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
    write_text(output_file(path, ChordError), json.dumps(document, indent=1) + "\n")
