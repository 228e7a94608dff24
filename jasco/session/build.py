"""Session of a take: its recipe says what was asked for."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from jasco.audio import Audio, save_audio
from jasco.audio.credentials import Credential
from jasco.audio.loops import LoopPoints
from jasco.audio.marks import source_type
from jasco.charts import Chart, ChartChord, ChartNote, Section
from jasco.charts.keys import key_name
from jasco.chords import ChordProgression
from jasco.chords.metre import COMMON, Metre
from jasco.controls import CONTROLS
from jasco.errors import SettingError
from jasco.session.paths import MIX
from jasco.session.session import DRUMS, NoteTrack, Session, quarters, steady_bpm
from jasco.session.timeline import USUAL_BPM, bars_of_seconds, extended

Seconds = Iterable[tuple[int, float, float]]
"""Notes (MIDI key, onset in s, offset in s)."""

DRUM_KEY = 38
"""MIDI key of drum onsets of which no more is known: the snare."""
_WHOLE_UNIT = 8  # larger denominators are those of bars that are cut
_UNWRITABLE = re.compile("[^\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def make_session(
    audio: Audio,
    recipe: Mapping[str, Any],
    *,
    title: str = "song",
    chart: Chart | None = None,
    bpm: float | None = None,
    time_signature: str | None = None,
    key: str | None = None,
    chords: ChordProgression | None = None,
    melody: Seconds | None = None,
    drums: Seconds = (),
    extracted: Mapping[str, Seconds] | None = None,
    stems: Mapping[str, Audio] | None = None,
    keep_recipe: bool = True,
    mark: bool = True,
    credential: Credential | None = None,
) -> Session:
    """Session of a take, at the level of its audio.

    Args:
        audio: audio of the take.
        recipe: plain recipe of the take, with its bars, chords, melody and sections.
        title: name of the take.
        chart: chart that the take plays from its beginning on.
        bpm, time_signature, key: tempo in units of the denominator, metre and key, where the chords
            were given with them; by default the bars of the recipe give the tempo, in 4/4.
        chords: chords as asked for, whose last bars the recipe may cut.
        melody: notes of the melody as asked for; by default those of the chart or the recipe.
        drums: strokes of the drums as asked for.
        extracted: name -> notes that were extracted from the audio.
        stems: name -> separated audio.
        keep_recipe: keep the recipe.
        mark: state that the audio is generated.
        credential: certificate that signs the wav files.

    Raises:
        ChordError: a tempo, metre or key that cannot be read.
        SettingError: stems that do not begin with the take, or of the name of another track.
    """
    plain, begin = _innermost(recipe)
    conditions = dict(plain.get("conditions") or {})
    if chords is not None and not chords.loop:
        conditions |= {"bars": chords.bars, "metres": [str(metre) for metre in chords.metres]}
    loop = (plain.get("song") or {}) if (plain.get("song") or {}).get("kind") == "loop" else {}
    notes: list[str] = []
    if begin is not None:
        notes.append("an edit: chords and melody are those of the take that was edited")
    grid = _grid(conditions, audio.duration, chart, bpm, time_signature, loop, begin or 0.0, notes)
    key = key or loop.get("key")
    title = _writable(title).strip() or "song"
    grid = replace(
        grid,
        chords=_chords(conditions, grid, begin or 0.0) if chart is None else chart.chords,
        sections=tuple(
            section._replace(name=_writable(section.name))
            for section in _sections(plain, grid) or grid.sections
        ),
        key=grid.key if key is None else key_name(key),
        title=title,
        notes=(),
    )
    tracks = [NoteTrack.of_seconds("drums", drums, grid, DRUMS)]
    if chart is None:
        found = _melody(plain, begin or 0.0) if melody is None else melody
        tune = NoteTrack.of_seconds("melody", found, grid)
        melody_notes = tuple(ChartNote(note.onset, note.length, note.key) for note in tune.notes)
        grid = replace(grid, melody=melody_notes)
    for name, found in (extracted or {}).items():
        channel = DRUMS if name == "drums" else 0
        tracks.append(NoteTrack.of_seconds(f"{name} (extracted)", found, grid, channel))
    sounds = {MIX: audio, **(stems or {})}
    for name, stem in sounds.items():
        if not name.isidentifier() or round(stem.duration - audio.duration, 2):
            raise SettingError(
                f"stem {name!r:.40} of {stem.duration:.2f} s: give names in letters, and audio as "
                f"long as the take, {audio.duration:.2f} s"
            )
    kept = recipe if keep_recipe else None
    stated = mark and source_type(recipe)
    points = _points(grid, audio.duration, loop=bool(loop))
    files = {
        name: _wav(sound, kept if name == MIX else None, stated, points, credential)
        for name, sound in sounds.items()
    }
    return Session(
        title,
        grid,
        sounds,
        files,
        tuple(track for track in tracks if track.notes),
        kept,
        tuple(notes),
    )


def _writable(text: str) -> str:
    """Text with blanks for the characters that XML and UTF-8 cannot write."""
    return _UNWRITABLE.sub(" ", text)


def _innermost(recipe: Mapping[str, Any]) -> tuple[Mapping[str, Any], float | None]:
    """Recipe of the take that edits began with, and its begin in the result (s)."""
    begin = None
    while source := (recipe.get("song") or {}).get("source"):
        begin = (begin or 0.0) + float((recipe["song"].get("padding") or [0.0])[0])
        recipe = source.get("recipe") or {}
    return recipe, begin


def _grid(
    conditions: Mapping[str, Any],
    duration: float,
    chart: Chart | None,
    bpm: float | None,
    time_signature: str | None,
    loop: Mapping[str, Any],
    begin: float,
    notes: list[str],
) -> Chart:
    """Bars and tempi of the take."""
    if chart is not None and chart.bars and chart.tempo_map:
        return extended(chart, duration)
    onsets: Sequence[float] = [begin + onset for onset in conditions.get("bars") or []]
    written = time_signature or loop.get("time_signature")
    metre = COMMON if written is None else Metre.parse(written)
    metres = [Metre.parse(text) for text in conditions.get("metres") or []]
    if loop and loop["bars"] == 1:
        bpm = 60 * metre.beats / loop["bar"]
    if loop:
        onsets, metres = [loop["bar"] * number for number in range(loop["bars"])], []
    if bpm is None and len(onsets) < 2:
        notes.append(
            f"the request has no tempo: the session counts seconds at {USUAL_BPM} quarter notes a "
            "minute, and its bars are no bars of the music (give bpm)"
        )
        return bars_of_seconds([0.0], [COMMON], duration)
    if not metres and written is None:
        notes.append("no metre is known: the bars are taken as 4/4 (give a time signature)")
    if len(metres) > 1 and metres[-1].unit > _WHOLE_UNIT:  # cut at the end of the clip
        metres[-1] = metres[-2]
    onsets = onsets or [0.0]
    return bars_of_seconds(onsets, metres or [metre] * len(onsets), duration, bpm)


def _chords(conditions: Mapping[str, Any], grid: Chart, begin: float) -> tuple[ChartChord, ...]:
    """Chords of a recipe, those after the end left out."""
    found = [
        ChartChord(quarters(grid, begin + onset), name)
        for name, onset in conditions.get("chords") or []
    ]
    return tuple(chord for chord in found if chord.onset < grid.end)


def _melody(plain: Mapping[str, Any], begin: float) -> list[tuple[int, float, float]]:
    """Notes (MIDI key, onset and offset in s) of the melody of a recipe."""
    conditions = plain.get("conditions") or {}
    if not conditions.get("melody"):
        return []
    frames = conditions["frames"]
    melody: Any = CONTROLS["melody"].value_class.from_plain(conditions["melody"], frames)
    found = replace(melody, frame_rate=frames / plain["duration"]).notes()
    return [(key, begin + onset, begin + offset) for key, onset, offset in found]


def _sections(plain: Mapping[str, Any], grid: Chart) -> tuple[Section, ...]:
    """Sections of a recipe with texts over time."""
    song = plain.get("song") or {}
    if song.get("kind") != "sections":
        return ()
    found = [(quarters(grid, start), text) for start, _, text in song["sections"]]
    return tuple(Section(onset, text) for onset, text in found if onset < grid.end)


def _points(grid: Chart, duration: float, *, loop: bool) -> LoopPoints | None:
    """Tempo and metre for the chunks of a wav file that lasts whole beats of one tempo."""
    bpm = steady_bpm(grid)
    beats = Fraction(0) if bpm is None else quarters(grid, duration)
    if bpm is None or beats.denominator != 1 or not beats:
        return None
    metre = grid.bars[0].metre
    return LoopPoints(int(beats), float(bpm), (metre.beats, metre.unit), is_endless=loop)


def _wav(
    audio: Audio,
    recipe: Mapping[str, Any] | None,
    mark: str | bool,
    points: LoopPoints | None,
    credential: Credential | None,
) -> bytes:
    buffer = io.BytesIO()
    save_audio(
        buffer,
        *audio,
        format="wav",
        loudness=None,
        recipe=recipe,
        mark=mark,
        loop=points,
        credential=credential,
    )
    return buffer.getvalue()
