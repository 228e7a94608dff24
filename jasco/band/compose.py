"""Composition: from a seed to a song, section by section."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from random import Random
from typing import Any

from jasco.band.accompaniment import play_bass, play_chords
from jasco.band.description import describe, tempo_class
from jasco.band.drums import draw_grooves, play_drums
from jasco.band.grid import Clock, Event
from jasco.band.harmony import LANGUAGES, Span, audible_rhythms, compose_harmony
from jasco.band.lead import play_lead
from jasco.band.plan import Plan, Section, draw_plan
from jasco.band.song import ROLES, Note, Part, Room, Song
from jasco.chords import ChordProgression
from jasco.chords.vocabulary import NO_CHORD
from jasco.errors import SettingError

_LATE = 0.02  # s before the end of the song, within which no note starts


def compose_song(seed: int | str, duration: float = 20.0) -> Song:
    """Compose a song; the same seed gives the same song.

    Args:
        seed: number or text; each gives another song.
        duration: length of the song (s).

    Raises:
        SettingError: the duration is not positive.
    """
    if not 0 < duration < math.inf:
        raise SettingError(f"a song of {duration} s cannot be composed: give a positive duration")
    plan = draw_plan(Random(f"{seed} plan"), duration)
    writer = _Writer(plan, str(seed))
    for section in plan.sections:
        writer.write(section)
    rng = Random(f"{seed} mix")
    parts = {
        role: _part(rng, plan, role, writer.score[role], duration)
        for role in ROLES
        if role in plan.players
    }
    parts = {role: part for role, part in parts.items() if part.notes}
    facts = plan.facts({role: part.instrument for role, part in parts.items()})
    return Song(
        seed=str(seed),
        duration=duration,
        tempo=plan.clock.tempo,
        meter=plan.meter.name,
        key=plan.key.name,
        form=tuple(section.label for section in plan.sections),
        chords=_progression(writer.spans, plan.clock, duration),
        parts=parts,
        room=_room(rng),
        description=describe(Random(f"{seed} words"), facts),
        facts=_facts(plan, parts, writer.choices),
    )


class _Writer:
    """Writer of sections, which repeats the material of a label wherever the label recurs.

    Attributes:
        score: events written so far, by role.
        spans: harmony written so far.
        choices: method of composing the harmony, by label.
    """

    def __init__(self, plan: Plan, seed: str) -> None:
        self.plan, self.seed = plan, seed
        self.score: dict[str, list[Event]] = {role: [] for role in ROLES}
        self.spans: list[Span] = []
        self.choices: dict[str, tuple[str, str]] = {}
        self._beat = 0.0
        self._grooves = draw_grooves(self._rng("grooves"), plan.drums, plan.meter)
        self._harmonies: dict[str, tuple[Span, ...]] = {}

    def write(self, section: Section) -> None:
        """Append a section to the song."""
        plan, label = self.plan, section.label
        end = label == "end"
        beats = section.bars * plan.meter.beats
        spans = self._harmony(label, beats)
        if "harmony" in section.layers:
            rng = self._rng(f"chords {label}")
            alone = "bass" not in plan.players
            for role, style, centre in (
                ("chords", plan.comping, plan.centre),
                ("pad", plan.pad, plan.centre - 2),
            ):
                self._add(
                    role,
                    play_chords(
                        rng,
                        spans,
                        plan.meter,
                        "held" if end else style,
                        centre,
                        low_bass=alone and role == "chords",
                    ),
                )
            line = "held" if end else plan.bass_line
            self._add("bass", play_bass(rng, spans, plan.meter, line))
        if "lead" in section.layers:
            rng = self._rng(f"lead {label}")
            self._add("lead", play_lead(rng, spans, plan.key, plan.meter, section.bars, plan.lead))
        if "drums" in section.layers:
            self._add("drums", self._drums(section))
        sounding = spans if "harmony" in section.layers else (Span(0.0, beats, None),)
        self.spans += [Span(s + self._beat, e + self._beat, chord) for s, e, chord in sounding]
        self._beat += beats

    def _rng(self, purpose: str) -> Random:
        """Random generator of one purpose; changes of one part leave the others unchanged."""
        return Random(f"{self.seed} {purpose}")

    def _add(self, role: str, events: Iterable[Event]) -> None:
        self.score[role] += [event.later(self._beat) for event in events]

    def _harmony(self, label: str, beats: float) -> tuple[Span, ...]:
        """Chords of a label, composed for its longest section and cropped to ``beats``."""
        plan = self.plan
        if label == "end":
            tonic = plan.key.chord("i" if plan.key.minor else "I")
            return (Span(0.0, beats, tonic),)
        if label not in self._harmonies:
            rng = self._rng(f"harmony {label}")
            language, rhythm = (
                rng.choices(list(table), list(table.values()))[0]
                for table in (LANGUAGES, audible_rhythms(plan.meter, plan.clock.tempo))
            )
            longest = max(section.bars for section in plan.sections if section.label == label)
            self.choices[label] = language, rhythm
            self._harmonies[label] = compose_harmony(
                rng, plan.key, plan.meter, longest, language, rhythm, plan.richness
            )
        spans = self._harmonies[label]
        return tuple(Span(s, min(e, beats), chord) for s, e, chord in spans if s < beats)

    def _drums(self, section: Section) -> list[Event]:
        rng, first = self._rng(f"drums {section.label} {self._beat}"), self._beat == 0
        if section.label == "end":
            return play_drums(rng, {"kick": "X."}, self.plan.meter, 1, crash=True, end="plain")
        return play_drums(
            rng,
            self._grooves[section.label in ("chorus", "bridge")],
            self.plan.meter,
            section.bars,
            crash=not first and rng.random() < 0.6,
            end=rng.choices(("fill", "break", "plain"), (5, 1, 4))[0],
        )


def _progression(spans: Sequence[Span], clock: Clock, duration: float) -> ChordProgression:
    """Chords with their onsets (s); ``N`` where none sounds, and after the end."""
    changes = [
        (clock.seconds(span.start), span.chord.name if span.chord else NO_CHORD) for span in spans
    ]
    changes.append((clock.seconds(spans[-1].end), NO_CHORD))
    names, onsets = [], []
    for name, group in groupby(changes, key=lambda change: change[1]):
        onset = next(group)[0]
        if onset < duration:
            names.append(name)
            onsets.append(onset)
    return ChordProgression(tuple(names), tuple(onsets), duration)


_MIX: Mapping[str, tuple[tuple[int, int], tuple[int, int], tuple[int, int], float]] = {
    "lead": ((-30, -27), (44, 84), (10, 50), 0.008),
    "chords": ((-42, -37), (24, 104), (10, 90), 0.008),
    "pad": ((-45, -40), (40, 88), (30, 110), 0.008),
    "bass": ((-41, -36), (58, 70), (0, 40), 0.006),
    "drums": ((-37, -31), (58, 70), (5, 80), 0.004),
}
"""Role -> range of the level (dB, of a note), of pan and reverb, and spread of its timing (s). The
lead is clearly louder, because a chord has several notes at once."""


def _part(rng: Random, plan: Plan, role: str, events: Iterable[Event], duration: float) -> Part:
    level, pan, reverb, loosest = _MIX[role]
    looseness = rng.uniform(0.0, loosest)
    notes = []
    for pitch, velocity, at, length in events:
        onset = max(plan.clock.seconds(at) + rng.uniform(-looseness, looseness), 0.0)
        offset = min(plan.clock.seconds(at + length), duration)
        if onset < duration - _LATE and offset > onset:
            notes.append(Note(pitch, max(1, min(velocity, 127)), onset, offset))
    return Part(
        plan.players[role],
        _separated(sorted(notes, key=lambda note: (note.onset, note.pitch)), role == "lead"),
        _volume(rng.uniform(*level) - plan.players[role].level),
        rng.randint(*pan),
        rng.randint(*reverb),
        rng.randint(0, 50),
    )


def _volume(gain: float) -> int:
    """MIDI volume of a ``gain`` (dB), by the curve of General MIDI; 127 is 0 dB."""
    return max(1, min(round(127 * 10 ** (gain / 40)), 127))


def _separated(notes: Sequence[Note], one_voice: bool) -> tuple[Note, ...]:
    """Notes, each ended at the next onset of its key, or in a single voice of any note."""
    following: dict[int, float] = {}
    separated = []
    for note in reversed(notes):
        key = 0 if one_voice else note.pitch
        offset = min(note.offset, following.get(key, math.inf))
        if offset > note.onset:
            separated.append(Note(note.pitch, note.velocity, note.onset, offset))
            following[key] = note.onset
    return tuple(reversed(separated))


def _room(rng: Random) -> Room:
    return Room(
        size=round(rng.uniform(0.1, 0.9), 3),
        damping=round(rng.uniform(0.0, 0.8), 3),
        width=round(rng.uniform(0.2, 1.0), 3),
        reverb=round(rng.uniform(0.2, 0.9), 3),
        level=round(rng.uniform(-26.0, -14.0), 2),
    )


def _facts(
    plan: Plan, parts: Mapping[str, Part], choices: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    """Choices that shaped a song, as plain data."""
    facts: dict[str, Any] = {
        "genre": plan.genre,
        "mood": plan.mood,
        "pulse": plan.pulse,
        "tempo_class": tempo_class(plan.pulse),
        "swing": plan.clock.swing,
        "mode": plan.key.mode,
        "ends": plan.ends,
        "harmony": {label: list(found) for label, found in choices.items()},
        "instruments": {role: part.instrument.name for role, part in parts.items()},
        "families": {role: part.instrument.family for role, part in parts.items()},
    }
    patterns = {
        "drums": plan.drums,
        "chords": plan.comping,
        "pad": plan.pad,
        "bass": plan.bass_line,
        "lead": plan.lead.density,
    }
    facts["patterns"] = {role: name for role, name in patterns.items() if role in parts}
    return facts
