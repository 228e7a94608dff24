"""Audio of the drum strokes of a MIDI file, played by the drum kits of General MIDI.

Roland's TD kits, and with them the files of Groove MIDI and E-GMD, have keys of their own for the
edges of the hi-hat (22, 26) and the rim of the third tom (58): a file with one of the first two is
theirs, and their keys are mapped to those of General MIDI.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from jasco.audio import Audio
from jasco.band.instruments import KITS, Instrument
from jasco.band.render import SAMPLE_RATE, render_song
from jasco.band.song import Note, Part, Room, Song
from jasco.chords import ChordProgression
from jasco.chords.vocabulary import NO_CHORD
from jasco.errors import AudioError, MelodyError
from jasco.melody.midi_file import MidiSequence, MidiTrack, read_midi

ROLAND: Mapping[int, int] = {22: 42, 26: 46, 58: 43}
"""Keys of Roland's kits, and those of General MIDI: closed and open hi-hat, low tom."""

LONGEST = 3600.0
"""Longest pattern (s)."""

_EDGES = {22, 26}
_DECAY = 0.5  # s after the last stroke
_SHORTEST = 0.05  # s of a stroke; kits play samples to their end
_DRY = Room(size=0.2, damping=0.5, width=0.5, reverb=0.0, level=-20.0)


def drums_of_midi(path: str | os.PathLike[str], *, sample_rate: int = SAMPLE_RATE) -> Audio:
    """Drums of a MIDI file: the strokes of its drum channels, on the kit of their program.

    Args:
        path: path of the file.
        sample_rate: Hz.

    Raises:
        AudioError: no MIDI file, no drum strokes, or more than an hour.
        MissingPartError: FluidSynth or a soundfont is not installed.
    """
    try:
        file = read_midi(path)
    except MelodyError as error:
        raise AudioError(str(error)) from error
    for sequence in file.sequences:
        strokes = _strokes(sequence)
        if strokes:
            break
    else:
        raise AudioError(
            f"{os.fspath(path)} has no drum strokes, which stand on channel 10: give a tune as "
            "melody (--melody)"
        )
    duration = strokes[-1].onset + _DECAY
    if duration > LONGEST:
        raise AudioError(
            f"{os.fspath(path)} lasts {duration:g} s: at most {LONGEST:g} s are played"
        )
    part = Part(_kit(sequence), tuple(strokes), volume=100, pan=64, reverb=0, chorus=0)
    song = Song(
        seed=os.fspath(path) if isinstance(path, str) else str(path),
        duration=duration,
        tempo=120.0,
        meter="4/4",
        key="C",
        form=(),
        chords=ChordProgression((NO_CHORD,), (0.0,), duration),
        parts={"drums": part},
        room=_DRY,
        description="",
        facts={},
    )
    return render_song(song, sample_rate=sample_rate).drums


def _drum_tracks(sequence: MidiSequence) -> list[MidiTrack]:
    return [track for track in sequence.tracks if track.drum_channels]


def _strokes(sequence: MidiSequence) -> list[Note]:
    """Strokes in the order of their onsets, in keys of General MIDI."""
    played = [
        note
        for track in _drum_tracks(sequence)
        for note in track.notes
        if note.channel in track.drum_channels
    ]
    keys = ROLAND if _EDGES & {note.key for note in played} else {}
    notes = [
        Note(
            keys.get(note.key, note.key),
            note.velocity,
            note.onset,
            max(note.offset, note.onset + _SHORTEST),
        )
        for note in played
    ]
    return sorted(notes, key=lambda note: (note.onset, note.pitch))


def _kit(sequence: MidiSequence) -> Instrument:
    """Kit of the first program that names one."""
    programs = [
        track.programs[channel]
        for track in _drum_tracks(sequence)
        for channel in sorted(track.drum_channels)
        if channel in track.programs
    ]
    kits = {kit.program: kit for kit in KITS.values()}
    return next((kits[program] for program in programs if program in kits), kits[0])
