"""Files of a session: a folder with all formats, a DAWproject, or a REAPER project.

==============  ================================================================================
kind            files
==============  ================================================================================
folder          ``NAME.dawproject``, ``NAME.rpp``, ``NAME.mid``, ``NAME.musicxml``, ``audio/*.wav``,
                ``recipe.json``, ``notes.txt``
.dawproject     one zip file
.rpp            the project, and ``NAME-mix.wav`` (and stems) beside it
==============  ================================================================================
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from jasco.charts import Chart, ChartNote
from jasco.charts.write_midi import midi_of_chart
from jasco.charts.write_musicxml import musicxml_of_chart
from jasco.errors import ChartError, SettingError
from jasco.io.atomic import replace_all, replacing_folder, write_bytes
from jasco.session.dawproject import dawproject_of
from jasco.session.paths import DAWPROJECT, REAPER, beside, check_session, session_kind
from jasco.session.reaper import reaper_of
from jasco.session.session import Session

_LEAD_SHEET = 24  # parts of a quarter note to which the melody of a lead sheet is rounded


def save_session(session: Session, path: str | os.PathLike[str]) -> Path:
    """Write a session as its path says; a folder or file is whole or is not there.

    Raises:
        SettingError: see `check_session`; a full disk.
    """
    place = Path(path)
    check_session(path, session.files)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        kind = session_kind(path)
        if kind == DAWPROJECT:
            write_bytes(place, dawproject_of(session))
        elif kind == REAPER:
            paths = {name: beside(place, name) for name in session.files}
            project = reaper_of(session, {name: path.name for name, path in paths.items()})
            audio = {paths[name]: data for name, data in session.files.items()}
            replace_all({**audio, place: project})
        else:
            with replacing_folder(place) as folder:
                _write_folder(session, folder)
    except OSError as error:
        raise SettingError(f"cannot write the session {path}: {error.strerror}") from error
    return place


def _write_folder(session: Session, folder: Path) -> None:
    (folder / "audio").mkdir()
    for name, data in session.files.items():
        (folder / "audio" / f"{name}.wav").write_bytes(data)
    paths = {name: f"audio/{name}.wav" for name in session.files}
    notes = list(session.notes)
    for suffix, content in (
        (DAWPROJECT, dawproject_of(session)),
        (REAPER, reaper_of(session, paths)),
        (".mid", midi_of_session(session)),
        (".musicxml", _lead_sheet(session.chart, notes)),
    ):
        if content is not None:
            (folder / f"{session.title}{suffix}").write_bytes(content)
    if session.recipe is not None:
        (folder / "recipe.json").write_text(json.dumps(session.recipe) + "\n")
    if notes:
        (folder / "notes.txt").write_text("".join(f"{note}\n" for note in notes), "utf-8")


def midi_of_session(session: Session) -> bytes:
    """MIDI file with tempo and metre map, chords as markers and texts, and all tracks of notes."""
    tracks = [(track.name, track.channel, track.notes) for track in session.tracks]
    return midi_of_chart(session.chart, tracks)


def _lead_sheet(chart: Chart, notes: list[str]) -> bytes | None:
    """MusicXML of a chart, whose melody is rounded to 24ths; ``None`` without chords and melody."""
    if not chart.chords and not chart.melody:
        notes.append("no lead sheet: there are neither chords nor a melody")
        return None
    melody: list[ChartNote] = []
    for note in chart.melody:
        first, last = (
            Fraction(round(time * _LEAD_SHEET), _LEAD_SHEET)
            for time in (note.onset, note.onset + note.length)
        )
        if first < last and (not melody or melody[-1].onset + melody[-1].length <= first):
            melody.append(ChartNote(first, last - first, note.key))
    try:
        return musicxml_of_chart(replace(chart, melody=tuple(melody)))
    except ChartError as error:
        notes.append(f"no lead sheet: {error}")
        return None
