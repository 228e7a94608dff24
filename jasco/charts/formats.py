"""Formats of charts, by content and by suffix: a format is a module and a line of `FORMATS`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name

from jasco.charts.chart import Chart
from jasco.errors import ChartError, ChordError
from jasco.io.atomic import write_bytes
from jasco.io.files import output_file, regular_file
from jasco.io.plain import decode, read_bytes

MAX_BYTES = 16 * 2**20
"""Largest file of a chart."""


@dataclass(frozen=True)
class Format:
    """Format of charts.

    Attributes:
        name: name for messages.
        suffixes: usual suffixes of its files.
        reader: function from the text (or bytes) of a file and the wanted song to a `Chart`.
        marks: texts near the beginning of a file, in lower case, of which one shows the format.
        binary: the reader takes bytes.
    """

    name: str
    suffixes: tuple[str, ...]
    reader: str
    marks: tuple[str, ...] = ()
    binary: bool = False


FORMATS = (
    Format(
        "iReal Pro",
        (".html", ".htm", ".irealb"),
        "jasco.charts.ireal.read_ireal",
        ("irealb://", "irealbook://"),
    ),
    Format(
        "Guitar Pro",
        (".gp", ".gpx", ".gp3", ".gp4", ".gp5"),
        "jasco.charts.guitar_pro.read_guitar_pro",
        ("content/score.gpif", "fichier guitar pro", "bcfz", "bcfs"),
        binary=True,
    ),
    Format(
        "MusicXML",
        (".musicxml", ".mxl", ".xml"),
        "jasco.charts.musicxml.read_musicxml",
        ("pk\x03\x04", "<score-partwise", "<score-timewise", "<!doctype score-"),
        binary=True,
    ),
    Format(
        "ChordPro",
        (".cho", ".crd", ".chopro", ".chordpro", ".pro"),
        "jasco.charts.chordpro.read_chordpro",
        ("{title:", "{t:", "{start_of_", "{sog", "{soc"),
    ),
    Format(
        "MIDI",
        (".mid", ".midi", ".kar", ".rmi", ".smf"),
        "jasco.charts.midi.read_midi_chart",
        ("mthd",),
        binary=True,
    ),
    Format(
        "JAMS",
        (".jams", ".json"),
        "jasco.charts.annotations.read_jams_chart",
        ('"annotations"',),
        binary=True,
    ),
    Format("Billboard", (), "jasco.charts.billboard.read_billboard", ("# metre:",)),
    Format("lab", (".lab",), "jasco.charts.annotations.read_lab_chart"),
    Format(
        "ABC", (".abc",), "jasco.charts.abc_music.read_abc", ("%abc", "x:1\n", "x: 1\n", "\nk:")
    ),
)
_SNIFFED = 4096  # bytes
SUFFIXES = tuple(suffix for each in FORMATS for suffix in each.suffixes)
"""Suffixes of charts."""


def is_link(value: object) -> bool:
    """True for a link of iReal Pro, which stands in place of a file."""
    return isinstance(value, str) and value.strip().lower().startswith(
        ("irealb://", "irealbook://")
    )


def is_chart_text(text: str) -> bool:
    """True for the text of a chart, as a format's mark near its beginning shows."""
    start = text[:_SNIFFED].lower()
    return any(mark in start for each in FORMATS for mark in each.marks)


def load_chart(
    path: str | os.PathLike[str], *, bpm: float | None = None, song: int | str | None = None
) -> Chart:
    """Read a chart of any of `FORMATS`, which its content decides, else its suffix.

    Args:
        path: file; or a link of iReal Pro.
        bpm: tempo at the beginning, see `Chart.at_tempo`; by default that of the file.
        song: number from 1, or title, of one of several songs; by default the first. Of a JAMS
            document, the annotator or the index from 0 of an annotation.

    Raises:
        ChartError: the file is missing, of no known format, broken or too large, or holds neither
            chords nor a melody.
        ChordError: a tempo out of range.
    """
    if is_link(path):
        data, label, suffix = str(path).encode(errors="surrogateescape"), "the link", ""
    else:
        place = regular_file(path, ChartError)
        data, label, suffix = read_bytes(place, ChartError, MAX_BYTES), str(path), place.suffix
    found = _format_of(data, suffix.lower(), label)
    read: Callable[..., Chart] = resolve_name(found.reader)
    try:
        chart = read(data if found.binary else _text(data), song)
    except (ChartError, ChordError) as error:
        raise ChartError(f"{label} as {found.name}: {error}") from error
    return chart if bpm is None else chart.at_tempo(bpm)


WRITERS = {
    ".mid": "jasco.charts.write_midi.midi_of_chart",
    ".musicxml": "jasco.charts.write_musicxml.musicxml_of_chart",
}
"""Suffix -> function from a chart to the bytes of a file."""


def save_chart(chart: Chart, path: str | os.PathLike[str]) -> None:
    """Write a chart: ``.musicxml``, ``.mid``, or its chords alone as ``.lab`` or ``.jams``.

    Raises:
        ChartError: another suffix, a file that cannot be written, a chart without bars as MusicXML,
            or without chords or tempo as ``.lab`` or ``.jams``.
    """
    place = output_file(path, ChartError)
    suffix = place.suffix.lower()
    if suffix in WRITERS:
        write_bytes(place, resolve_name(WRITERS[suffix])(chart))
        return
    if suffix not in (".lab", ".jams"):
        known = ", ".join((*WRITERS, ".lab", ".jams"))
        raise ChartError(f"cannot write {path}: the suffix must be one of {known}")
    chords = chart.to_chords()
    if chords is None:
        raise ChartError(f"cannot write {path}: the chart has no chords")
    (chords.to_lab if suffix == ".lab" else chords.to_jams)(place)


def _format_of(data: bytes, suffix: str, label: str) -> Format:
    """Format by content, else by suffix."""
    # The names of a zip archive stand at its end.
    start = (data[:_SNIFFED] + data[-_SNIFFED:] * data.startswith(b"PK")).lower()
    for each in FORMATS:
        if any(mark.encode() in start for mark in each.marks):
            return each
    for each in FORMATS:
        if suffix in each.suffixes:
            return each
    raise ChartError(
        f"{label} is no chart that is known: give {', '.join(each.name for each in FORMATS)}"
    )


def _text(data: bytes) -> str:
    """Text in the encoding of its mark, in UTF-8, or else in Windows-1252."""
    try:
        return decode(data, "the chart", ChartError)
    except ChartError:
        return data.decode("cp1252", errors="replace")
