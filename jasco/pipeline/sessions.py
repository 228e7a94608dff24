"""Session of a take: what its request asks for, and what its check extracted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch

from jasco.audio.credentials import Credential
from jasco.band.midi_drums import MidiDrums
from jasco.band.patterns import DrumPattern
from jasco.charts.keys import key_name
from jasco.chords.metre import COMMON, Metre, whole_note
from jasco.conditions import Conditions
from jasco.io.kinds import MIDI, kind_of
from jasco.melody.notes import notes_of_rows
from jasco.melody.roll import LOWEST_NOTE
from jasco.pipeline.events import Candidate, Kept, Note
from jasco.pipeline.plan import Take
from jasco.pipeline.request import Request
from jasco.session.build import DRUM_KEY, Seconds, make_session
from jasco.session.save import save_session
from jasco.session.session import steady_bpm

_STROKE = 0.05  # s
_OCTAVE = 60  # MIDI key of pitch class C where the octave is not known


def write_session(
    take: Take,
    chosen: Candidate,
    given: Conditions,
    *,
    keep_recipe: bool,
    credential: Credential | None = None,
) -> Iterator[Note | Kept]:
    """Write the session of a take, and tell what it takes for granted."""
    if take.session is None:
        return
    request, duration = take.request, chosen.audio.duration
    if request.edit is not None:  # what is given begins with a range of the take
        given = Conditions()
    melody = given.melody
    session = make_session(
        chosen.audio,
        chosen.recipe,
        title=take.session.stem,
        chart=request.timing.chart,
        chords=given.chords,
        melody=None if melody is None or melody.frame_rate is None else melody.notes(),
        drums=_drums(request, duration),
        extracted={} if chosen.report is None else dict(_extracted(chosen.report.extracted)),
        keep_recipe=keep_recipe,
        mark=request.mark,
        credential=credential,
        **request.timing.tempo,
    )
    save_session(session, take.session)
    for line in session.notes:
        yield Note(f"session: {line}", request.label)
    yield Kept(take.session)


def tempo_tags(request: Request) -> dict[str, str]:
    """Tags of tempo (quarter notes a minute) and key for flac, mp3 and ogg, if known."""
    chart, tempo = request.timing.chart, request.timing.tempo
    bpm, key = None, tempo.get("key")
    if chart is not None and chart.tempo_map:
        bpm, key = steady_bpm(chart), key or chart.key
    elif "bpm" in tempo:
        written = tempo.get("time_signature")
        bpm = 240 / whole_note(tempo["bpm"], COMMON if written is None else Metre.parse(written))
    found = {} if bpm is None else {"BPM": f"{float(bpm):.6g}"}
    name = None if key is None else key_name(key)
    return found if name is None else {**found, "INITIALKEY": name, "KEY": name}


def _drums(request: Request, duration: float) -> Seconds:
    """Strokes (MIDI key, onset and offset in s) of a MIDI file or a pattern."""
    value = None if request.edit is not None else request.controls.get("drums")
    if isinstance(value, Path) and kind_of(value) == MIDI:
        strokes = MidiDrums.read(value).excerpt(request.start).strokes
    elif isinstance(value, DrumPattern):
        strokes = tuple(value.strokes(duration))
    else:
        return []
    return [(note.pitch, note.onset, note.offset) for note in strokes if note.onset < duration]


def _extracted(controls: Mapping[str, object]) -> Iterator[tuple[str, Seconds]]:
    """Name of a track -> notes, of the controls that are notes."""
    # The extractors import packages that a take without a session does not need.
    from jasco.adherence.drums import Rhythm
    from jasco.adherence.melody import MELODY_RATE, Tune

    tune, rhythm = controls.get("melody"), controls.get("drums")
    if isinstance(tune, Tune):
        rows, name = tune.rows, "melody"
        if rows is None:  # of a chroma
            name, rows = "melody pitch classes", tune.pitch_classes.copy()
            rows[rows >= 0] += _OCTAVE - LOWEST_NOTE
        yield name, notes_of_rows(torch.from_numpy(rows), (), MELODY_RATE)
    if isinstance(rhythm, Rhythm):
        onsets = rhythm.onsets if rhythm.stem_onsets is None else rhythm.stem_onsets
        yield "drums", [(DRUM_KEY, float(onset), float(onset) + _STROKE) for onset in onsets]
