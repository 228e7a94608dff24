"""Songs as symbols: notes, instruments and mix, from which audio and labels are derived."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from jasco.band.instruments import Instrument
from jasco.chords import ChordProgression
from jasco.io.atomic import replacing
from jasco.melody import Melody

if TYPE_CHECKING:
    import pretty_midi

ROLES = ("lead", "chords", "pad", "bass", "drums")
"""Roles of a part."""

_RESOLUTION = 960  # ticks per beat: at 60 beats per minute a tick is about a millisecond
_VOLUME, _PAN, _REVERB, _CHORUS = 7, 10, 91, 93  # controllers of General MIDI


class Note(NamedTuple):
    """Note: MIDI pitch (of drums: the piece), velocity, onset and offset (s)."""

    pitch: int
    velocity: int
    onset: float
    offset: float


@dataclass(frozen=True)
class Part:
    """Notes of one instrument, and its settings in the mix.

    Attributes:
        instrument: General MIDI instrument.
        notes: notes in the order of their onsets.
        volume: 0 to 127.
        pan: 0 (left) to 127 (right).
        reverb: 0 to 127.
        chorus: 0 to 127.
    """

    instrument: Instrument
    notes: tuple[Note, ...]
    volume: int
    pan: int
    reverb: int
    chorus: int


class Room(NamedTuple):
    """Reverberation of a song, each value from 0 to 1, and level of the mix (dBFS, RMS)."""

    size: float
    damping: float
    width: float
    reverb: float
    level: float


@dataclass(frozen=True)
class Song:
    """Song with exact labels.

    Attributes:
        seed: seed of the composition.
        duration: length (s).
        tempo: quarter notes per minute.
        meter: time signature.
        key: name, such as ``"F# minor"``.
        form: labels of the sections.
        chords: progression from 0 to ``duration``, ``N`` where no chord sounds.
        parts: parts by role, of `ROLES`.
        room: reverberation and level of the mix.
        description: text for training.
        facts: further choices as plain data: genre, mood, patterns, ...
    """

    seed: str
    duration: float
    tempo: float
    meter: str
    key: str
    form: tuple[str, ...]
    chords: ChordProgression
    parts: dict[str, Part]
    room: Room
    description: str
    facts: dict[str, Any]

    @property
    def bpm(self) -> float:
        """Tempo in the note value of the time signature, as `ChordProgression.parse` takes it."""
        return self.tempo * int(self.meter.partition("/")[2]) / 4

    @property
    def hits(self) -> tuple[Note, ...]:
        """Number of drum strokes."""
        return self.parts["drums"].notes if "drums" in self.parts else ()

    def melody(self, frame_rate: float = 50.0) -> Melody:
        """Melody of the lead over the whole song, silent where it rests or is absent.

        Args:
            frame_rate: columns per second (Hz).
        """
        lead = self.parts.get("lead")
        if lead is None or not lead.notes:
            silence = torch.full((round(self.duration * frame_rate),), -1)
            return Melody.from_rows(silence, frame_rate)
        notes = [(note.pitch, note.onset, note.offset) for note in lead.notes]
        return Melody.from_notes(notes, frame_rate=frame_rate, duration=self.duration)

    def to_dict(self) -> dict[str, Any]:
        """Description and facts as plain data for manifests, without the notes."""
        return {
            "description": self.description,
            "duration": self.duration,
            "seed": self.seed,
            "bpm": self.bpm,
            "meter": self.meter,
            "key": self.key,
            "form": list(self.form),
            **self.facts,
        }

    def midi(self, roles: Collection[str] = ROLES) -> pretty_midi.PrettyMIDI:
        """MIDI of the song, or of some parts, with all settings of the mix."""
        import pretty_midi  # here, because the import takes a third of a second

        midi = pretty_midi.PrettyMIDI(resolution=_RESOLUTION, initial_tempo=self.tempo)
        count, unit = (int(number) for number in self.meter.split("/"))
        midi.time_signature_changes = [pretty_midi.TimeSignature(count, unit, 0.0)]
        for role, part in self.parts.items():
            if role not in roles:
                continue
            track = pretty_midi.Instrument(part.instrument.program, role == "drums", role)
            settings = (
                (_VOLUME, part.volume),
                (_PAN, part.pan),
                (_REVERB, part.reverb),
                (_CHORUS, part.chorus),
            )
            track.control_changes = [pretty_midi.ControlChange(n, v, 0.0) for n, v in settings]
            track.notes = [
                pretty_midi.Note(note.velocity, note.pitch, note.onset, note.offset)
                for note in part.notes
            ]
            midi.instruments.append(track)
        return midi

    def to_midi(self, path: str | os.PathLike[str]) -> None:
        """Write the song as a MIDI file, whole or not at all."""
        with replacing(Path(path)) as part:
            self.midi().write(str(part))
