"""Drum strokes of a MIDI file, and their audio by the drum kits of General MIDI.

Roland's TD kits, and with them the files of Groove MIDI and E-GMD, have keys of their own for the
edges of the hi-hat (22, 26) and the rim of the third tom (58): a file with one of the first two is
theirs, and their keys are mapped to those of General MIDI.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from jasco.audio import Audio
from jasco.band.instruments import KITS, Instrument
from jasco.band.render import SAMPLE_RATE, render_song
from jasco.band.song import Note, Part, Room, Song
from jasco.chords import ChordProgression
from jasco.chords.vocabulary import NO_CHORD
from jasco.errors import AudioError, MelodyError
from jasco.melody.midi_file import MidiSequence, MidiTrack, read_midi
from jasco.played import PlayedDrums

ROLAND: Mapping[int, int] = {22: 42, 26: 46, 58: 43}
"""Keys of Roland's kits, and those of General MIDI: closed and open hi-hat, low tom."""

LONGEST = 3600.0
"""Longest pattern (s)."""

_EDGES = {22, 26}
_DECAY = 0.5  # s after the last stroke
_SHORTEST = 0.05  # s of a stroke; kits play samples to their end
_DRY = Room(size=0.2, damping=0.5, width=0.5, reverb=0.0, level=-20.0)


@dataclass(frozen=True)
class MidiDrums(PlayedDrums):
    """Strokes of the drum channels of a MIDI file.

    Attributes:
        label: name for messages.
        kit: drum kit.
        strokes: in the order of their onsets.
    """

    label: str
    kit: Instrument
    strokes: tuple[Note, ...]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> MidiDrums:
        """Strokes of a file, on the kit of their program.

        Raises:
            AudioError: no MIDI file, no drum strokes, or more than an hour.
        """
        label = os.fspath(path)
        try:
            file = read_midi(path)
        except MelodyError as error:
            raise AudioError(str(error)) from error
        sequence = next((s for s in file.sequences if _strokes(s)), None)
        if sequence is None:
            raise AudioError(
                f"{label} has no drum strokes, which stand on channel 10: give a tune as "
                "melody (--melody)"
            )
        found = cls(label, _kit(sequence), tuple(_strokes(sequence)))
        if found.duration > LONGEST:
            raise AudioError(
                f"{label} lasts {found.duration:g} s: at most {LONGEST:g} s are played"
            )
        return found

    @property
    def duration(self) -> float:
        """Length (s), with the decay of the last stroke."""
        return self.strokes[-1].onset + _DECAY

    def excerpt(self, start: float, length: float | None = None) -> MidiDrums:
        """Strokes from ``start`` (s) on.

        Raises:
            AudioError: the last stroke is before.
        """
        later = tuple(
            stroke._replace(onset=stroke.onset - start, offset=stroke.offset - start)
            for stroke in self.strokes
            if stroke.onset >= start
        )
        if not later:
            raise AudioError(
                f"start is {start:g} s, and {self.label} has no stroke after it: begin earlier"
            )
        return replace(self, strokes=later)

    def audio(self, duration: float = math.inf, *, sample_rate: int = SAMPLE_RATE) -> Audio:
        """Audio of the first ``duration`` seconds, or of all."""
        length = min(duration, self.duration)
        return play(self.kit, self.strokes, length, label=self.label, sample_rate=sample_rate)


def drums_of_midi(path: str | os.PathLike[str], *, sample_rate: int = SAMPLE_RATE) -> Audio:
    """Audio of the drum strokes of a MIDI file; see `MidiDrums`.

    Args:
        path: path of the file.
        sample_rate: Hz.

    Raises:
        AudioError: no MIDI file, no drum strokes, or more than an hour.
        MissingPartError: FluidSynth or a soundfont is not installed.
    """
    return MidiDrums.read(path).audio(sample_rate=sample_rate)


def play(
    kit: Instrument,
    strokes: Sequence[Note],
    duration: float,
    *,
    label: str,
    sample_rate: int = SAMPLE_RATE,
) -> Audio:
    """Audio (2, samples) of ``duration`` seconds of strokes on a kit; silence without any.

    Raises:
        AudioError: FluidSynth failed.
        MissingPartError: FluidSynth or a soundfont is not installed.
    """
    played = tuple(stroke for stroke in strokes if stroke.onset < duration)
    if not played:
        return Audio(torch.zeros(2, round(duration * sample_rate)), sample_rate)
    part = Part(kit, played, volume=100, pan=64, reverb=0, chorus=0)
    song = Song(
        seed=label,
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
