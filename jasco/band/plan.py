"""Plans: the choices that shape a song, drawn before its notes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from jasco.band.accompaniment import LONG_CHORDS
from jasco.band.description import MOODS, Facts
from jasco.band.drums import FREE, families
from jasco.band.genres import GENRES, Genre
from jasco.band.grid import METERS, Clock, Meter
from jasco.band.grooves import SWUNG
from jasco.band.harmony import Key
from jasco.band.instruments import BASSES, KITS, PITCHED, Instrument
from jasco.band.lead import DENSITIES, LeadStyle

LAYERS = ("lead", "harmony", "drums")
"""Layers of a song that may rest in a section."""

FORMS = (
    ("verse", "chorus"),
    ("verse", "verse", "chorus", "verse"),
    ("verse", "verse", "bridge", "verse"),
    ("verse", "break", "chorus"),
    ("intro", "verse", "chorus"),
    ("intro", "verse", "verse"),
    ("intro", "verse", "break", "verse"),
    ("verse",),
)
"""Orders of sections; a long song repeats its order without the intro."""

# Layers of an intro or a break; a break may have none.
_INTROS = (("harmony",), ("harmony",), ("harmony", "drums"), ("lead", "harmony"), ("drums",))
_BREAKS = (("harmony",), ("harmony",), ("harmony",), ("lead", "harmony"), ("drums",), ())

_ABSENT = {"lead": 0.22, "harmony": 0.02, "drums": 0.15}  # share of songs without a layer
_RESTING = {"lead": 0.12, "harmony": 0.0, "drums": 0.06}  # share of sections
_PADS = 0.8  # share of songs with harmony that have a second layer of it
_CROSSOVER = 0.2  # share of songs that borrow from other genres
_FREE_DRUMS = 0.06  # share of songs
_LEAD_LOW = (
    64  # lowest MIDI note of a lead, above the chords, where the range of its instrument allows it
)
_LOW_LEADS = 0.15  # share of leads at the bottom of the range of their instrument
_ENDING = 0.08  # share of songs that end before their duration


class Section(NamedTuple):
    """Section of the form: its label, its length in bars, and the layers that play."""

    label: str
    bars: int
    layers: tuple[str, ...]


class Plan(NamedTuple):
    """Plan of a song.

    Attributes:
        genre: key of `GENRES`.
        key: tonic and mode.
        meter: metre of all bars.
        pulse: felt beats per minute.
        clock: time of quarter notes.
        richness: share of chords with more than three tones.
        mood: a word of `MOODS`.
        sections: sections from the start to the duration or the ending.
        ends: true where the song ends before its duration.
        drums: family of the grooves.
        comping: pattern of the chords.
        pad: pattern of the second layer of chords.
        bass_line: pattern of the bass.
        lead: style of the melody.
        centre: MIDI note around which the chords lie, apart from the lead.
        players: instrument of each role that plays.
    """

    genre: str
    key: Key
    meter: Meter
    pulse: int
    clock: Clock
    richness: float
    mood: str
    sections: tuple[Section, ...]
    ends: bool
    drums: str
    comping: str
    pad: str
    bass_line: str
    lead: LeadStyle
    centre: int
    players: Mapping[str, Instrument]

    def facts(self, players: Mapping[str, Instrument]) -> Facts:
        """Facts for a description in which only these players sound."""
        return Facts(
            genre=self.genre,
            mood=self.mood,
            pulse=self.pulse,
            meter=self.meter.name,
            key=self.key.name,
            drums=self.drums,
            players=players,
        )


def draw_plan(rng: Random, duration: float) -> Plan:
    """Draw the plan of a song of ``duration`` (s)."""
    genre = rng.choice(list(GENRES))
    choose = _Chooser(rng, GENRES[genre], rng.random() < _CROSSOVER)
    meter = METERS[choose("meters")]
    key = Key(rng.randrange(12), choose("modes"))
    pulse = rng.randint(*GENRES[genre].tempo)
    if meter.pulse > 1:  # a pulse of three eighths is slower than one of two
        pulse = max(round(0.65 * pulse), 40)
    drums = FREE if rng.random() < _FREE_DRUMS else choose("drums", families(meter.name))
    layers = _layers(rng)
    players = _players(rng, choose, layers)
    lead = _lead_style(rng, players.get("lead") or rng.choice(list(PITCHED.values())))
    slow = "chords" in players and players["chords"].slow
    ends = rng.random() < _ENDING
    bar = meter.beats / meter.pulse * 60 / pulse
    time = duration - rng.uniform(1.0, 3.0) - bar if ends else duration
    sections = _sections(rng, layers, max(math.ceil(time / bar), 1))
    if ends:
        sections = (*sections, Section("end", 1, layers))
    lively = (pulse / meter.pulse - 100) / 100 + GENRES[genre].energy > 0.5
    return Plan(
        genre=genre,
        key=key,
        meter=meter,
        pulse=pulse,
        clock=_clock(rng, GENRES[genre], drums, meter, pulse),
        richness=GENRES[genre].richness,
        mood=rng.choice(MOODS[key.minor, lively]),
        sections=sections,
        ends=ends,
        drums=drums,
        comping=rng.choice(LONG_CHORDS) if slow else choose("comping"),
        pad=rng.choice(LONG_CHORDS),
        bass_line=choose("bass_lines"),
        lead=lead,
        centre=_centre(lead) if "lead" in players else 62,
        players=players,
    )


class _Chooser:
    """Random choice from a genre; in a crossover every second one from a random other genre."""

    def __init__(self, rng: Random, genre: Genre, crossover: bool) -> None:
        self.rng, self.genre, self.crossover = rng, genre, crossover

    def __call__(self, field: str, allowed: Sequence[str] | None = None) -> str:
        genre = self.genre
        if self.crossover and self.rng.random() < 0.5:
            genre = self.rng.choice(list(GENRES.values()))
        options: Sequence[str] = getattr(genre, field)
        if allowed is not None:
            options = [option for option in options if option in allowed] or allowed
        return self.rng.choice(options)


def _layers(rng: Random) -> tuple[str, ...]:
    layers = tuple(layer for layer in LAYERS if rng.random() >= _ABSENT[layer])
    return layers or ("harmony",)


def _players(rng: Random, choose: _Chooser, layers: Sequence[str]) -> dict[str, Instrument]:
    players = {}
    if "lead" in layers:
        players["lead"] = PITCHED[choose("leads")]
    if "harmony" in layers:
        players["chords"] = PITCHED[choose("harmony")]
        if rng.random() < _PADS:
            players["pad"] = PITCHED[choose("pads")]
        if rng.random() < 0.93:
            players["bass"] = BASSES[choose("basses")]
    if "drums" in layers:
        players["drums"] = KITS[choose("kits")]
    return players


def _clock(rng: Random, genre: Genre, drums: str, meter: Meter, pulse: int) -> Clock:
    tempo = pulse * meter.pulse
    if meter.name == "6/8":
        return Clock(tempo)
    if drums in SWUNG:
        return Clock(tempo, round(rng.uniform(0.6, 0.67), 3))
    least, most, unit = genre.swing
    return Clock(tempo, round(rng.uniform(least, most), 3), unit)


def _lead_style(rng: Random, instrument: Instrument) -> LeadStyle:
    span = min(rng.randint(12, 19), instrument.high - instrument.low)
    top = instrument.high - span
    least = max(instrument.low, min(_LEAD_LOW, top))
    low = rng.choice((least, rng.randint(least, top), top))
    if rng.random() < _LOW_LEADS:
        low = instrument.low
    legato = rng.choice((0.6, 0.85, 0.95, 1.0))
    return LeadStyle(low, low + span, rng.choice(DENSITIES), legato)


def _centre(lead: LeadStyle) -> int:
    """MIDI note below the lead, or above a lead that is too low for that."""
    return min(lead.low, 62) if lead.low >= 58 else lead.high + 5


def _sections(rng: Random, layers: tuple[str, ...], bars: int) -> tuple[Section, ...]:
    """Sections of a random form that fill ``bars``, the last one cropped."""
    form = list(rng.choice(FORMS))
    length = rng.choice((2, 4, 4, 4, 8))
    again = [label for label in form if label != "intro"]
    sections: list[Section] = []
    while bars > 0:
        label = form.pop(0)
        form = form or list(again)
        short = label in ("intro", "break")
        section = Section(
            label,
            min(rng.choice((1, 1, 2, 2, 4)) if short else length, bars),
            _playing(rng, label, layers, first=not sections),
        )
        sections.append(section)
        bars -= section.bars
    return tuple(sections)


def _playing(rng: Random, label: str, layers: tuple[str, ...], first: bool) -> tuple[str, ...]:
    if label == "intro":
        wanted: Sequence[str] = rng.choice(_INTROS)
    elif label == "break":
        wanted = rng.choice(_BREAKS)
    else:
        wanted = [layer for layer in LAYERS if rng.random() >= _RESTING[layer]]
    playing = tuple(layer for layer in layers if layer in wanted)
    return playing if playing or label == "break" else layers
