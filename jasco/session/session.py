"""`Session`: audio on the grid of a chart, with tracks of notes. Times are quarter notes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from jasco.audio import Audio
from jasco.charts import Chart
from jasco.chords.vocabulary import NO_CHORD, QUALITIES, UNKNOWN_CHORD, parts_of, pitch_class

TICKS = 10_080
"""Parts of a quarter note to which notes are rounded: 32nds, triplets, quintuplets, septuplets."""
DRUMS = 9
"""MIDI channel of drums, counted from 0."""
_NEAR = 1e-6  # s within which a time counts as on the grid
_LOWEST_ROOT = 48  # C3
_CHORD_VELOCITY = 64


class TrackNote(NamedTuple):
    """Note: ``onset`` and ``length`` (quarter notes), MIDI ``key`` and ``velocity``."""

    onset: Fraction
    length: Fraction
    key: int
    velocity: int = 90


@dataclass(frozen=True)
class NoteTrack:
    """Track of notes, in order of their onsets.

    Attributes:
        name: name of the track.
        notes: notes.
        channel: MIDI channel, counted from 0.
    """

    name: str
    notes: tuple[TrackNote, ...]
    channel: int = 0

    @classmethod
    def of_seconds(
        cls,
        name: str,
        notes: Iterable[tuple[int, float, float]],
        chart: Chart,
        channel: int = 0,
        velocity: int = 90,
    ) -> NoteTrack:
        """Track of notes (MIDI key, onset in s, offset in s), rounded to `TICKS` of a quarter."""
        end = chart.end
        found = []
        for key, onset, offset in sorted(notes, key=lambda note: (note[1], note[0])):
            first, last = (
                Fraction(round(quarters(chart, time) * TICKS), TICKS) for time in (onset, offset)
            )
            if first < end:
                length = max(min(last, end) - first, Fraction(1, TICKS))
                found.append(TrackNote(first, length, key, velocity))
        return cls(name, tuple(found), channel)


@dataclass(frozen=True, eq=False)
class Session:
    """Take for a digital audio workstation; its audio begins with the first bar.

    Attributes:
        title: name of the take, and of its files.
        chart: bars, tempo, chords, sections and key, and the melody as asked for.
        audio: name -> audio that begins at 0; the first is the mix.
        files: name -> wav file of the audio.
        tracks: tracks of notes.
        recipe: recipe of the take; ``None`` to leave it out.
        notes: what the session takes for granted or leaves out, one line each.
    """

    title: str
    chart: Chart
    audio: Mapping[str, Audio]
    files: Mapping[str, bytes]
    tracks: tuple[NoteTrack, ...] = ()
    recipe: Mapping[str, object] | None = None
    notes: tuple[str, ...] = ()

    @property
    def all_tracks(self) -> tuple[NoteTrack, ...]:
        """Chords as blocks of notes, the melody, and the other tracks."""
        chords = [note for at in range(len(self.chart.chords)) for note in self.chord_notes(at)]
        melody = tuple(TrackNote(*note) for note in self.chart.melody)
        made = (NoteTrack("chords", tuple(chords), 1), NoteTrack("melody", melody))
        return (*(track for track in made if track.notes), *self.tracks)

    def chord_span(self, at: int) -> tuple[Fraction, Fraction]:
        """Onset and length of a chord by its index."""
        chords = self.chart.chords
        end = chords[at + 1].onset if at + 1 < len(chords) else self.chart.end
        return chords[at].onset, end - chords[at].onset

    def chord_notes(self, at: int) -> list[TrackNote]:
        """Notes of a chord by its index: its bass and its tones from C3 on."""
        name = self.chart.chords[at].name
        onset, length = self.chord_span(at)
        if name in (NO_CHORD, UNKNOWN_CHORD) or not length:
            return []
        root, quality, bass = parts_of(name)
        low = _LOWEST_ROOT + pitch_class(root)
        keys = {low, *(low + step for step in QUALITIES[quality].values())}
        keys |= {_LOWEST_ROOT - 12 + pitch_class(bass)} if bass else set()
        return [TrackNote(onset, length, key, _CHORD_VELOCITY) for key in sorted(keys)]


def quarters(chart: Chart, time: float) -> Fraction:
    """Position (quarter notes) of a time (s), on the grid of `TICKS` where it is near it."""
    starts = [chart.seconds(change.onset) for change in chart.tempo_map]
    change = chart.tempo_map[max(bisect_right(starts, time + _NEAR) - 1, 0)]
    passed = Fraction(time) - Fraction(chart.seconds(change.onset))
    exact = change.onset + passed * change.bpm / 60
    near = Fraction(round(exact * TICKS), TICKS)
    return near if abs(near - exact) * 60 / change.bpm < _NEAR else exact


def steady_bpm(chart: Chart) -> Fraction | None:
    """Tempo (quarter notes a minute) of a chart whose tempo does not change."""
    return chart.tempo_map[0].bpm if len(chart.tempo_map) == 1 else None
