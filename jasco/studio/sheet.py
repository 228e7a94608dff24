"""Chords, notes and onsets as the page holds them: times in beats of a tempo and one metre."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from jasco.charts import Chart
from jasco.chords import CHORD_NAMES, ChordProgression
from jasco.chords.metre import COMMON, Metre
from jasco.chords.vocabulary import NO_CHORD, QUALITIES, SPELLINGS
from jasco.recipe import Recipe

TEMPO = 96.0
"""Tempo of a new page (beats per minute): four bars of 4/4 last 10 s."""
MAX_BARS = 256
"""Most bars of the grid."""

_GRID = 12  # parts of a beat to which onsets are rounded
_BASS, _MIDDLE = 36, 48  # MIDI keys of C


def sheet_of_text(
    text: str, bpm: float, time_signature: str, key: str | None = None
) -> dict[str, Any]:
    """Sheet of chords in any notation of `ChordProgression.parse`.

    Raises:
        ChordError: the chords, the tempo or the metre cannot be read.
    """
    chords = ChordProgression.parse(text, bpm=bpm, time_signature=time_signature, key=key or None)
    return sheet_of_chords(chords, bpm, Metre.parse(time_signature))


def sheet_of_chords(chords: ChordProgression, bpm: float, metre: Metre) -> dict[str, Any]:
    """Sheet of a progression.

    Args:
        chords: chords; their bars, where they have some, go before tempo and metre.
        bpm: tempo in units of the metre's denominator.
        metre: metre.
    """
    notices = list(chords.notices)
    if chords.metres:
        metre = chords.metres[0]
        if len(set(chords.metres)) > 1:
            notices.append(f"the metre changes: its bars are laid on a grid of {metre}")
    if len(chords.bars) > 1:
        bpm = round(metre.beats * 60 / (chords.bars[1] - chords.bars[0]), 3)
    beat = 60 / bpm
    onsets = [(_rounded(onset / beat), name) for name, onset in chords.pairs()]
    last = onsets[-1][0] + 0.01  # the last chord sounds
    end = last if chords.end is None else chords.end / beat
    return _sheet(bpm, metre, onsets, max(end, last), notices=notices)


def sheet_of_chart(chart: Chart) -> dict[str, Any]:
    """Sheet of a chart, with its melody and title; the tempo is that of its beginning."""
    metre = chart.metre_at(Fraction(0))
    unit = Fraction(metre.unit, 4)  # beats in a quarter note
    bpm = float(chart.tempo_map[0].bpm * unit) if chart.tempo_map else TEMPO
    notes = list(chart.notes)
    if len({change.bpm for change in chart.tempo_map}) > 1:
        notes.append("the tempo changes: that of the beginning is used")
    if len({bar.sounding for bar in chart.bars}) > 1:
        notes.append(f"the metre changes: its bars are laid on a grid of {metre}")
    onsets = [(_rounded(float(c.onset * unit)), c.name) for c in chart.chords]
    melody = [[n.key, float(n.onset * unit), float(n.length * unit)] for n in chart.melody]
    sheet = _sheet(bpm, metre, onsets, float(chart.end * unit), notices=notes)
    return sheet | {"title": chart.title, "melody": melody}


def sheet_of_recipe(recipe: Recipe) -> dict[str, Any]:
    """Sheet of the chords and the melody of a take, as long as the take."""
    clip = recipe.conditions
    bpm, metre = TEMPO, COMMON
    sheet: dict[str, Any]
    if clip.chords is not None:
        sheet = sheet_of_chords(clip.chords, bpm, metre)
        bpm, metre = sheet["bpm"], Metre.parse(sheet["metre"])
    else:
        sheet = _sheet(bpm, metre, [], recipe.duration * bpm / 60)
    bars = max(round(recipe.duration * bpm / 60 / metre.beats), 1)
    sheet["bars"] = min(bars, MAX_BARS)
    if clip.melody is not None:
        frames = clip.melody.roll.shape[1]
        rate = clip.melody.frame_rate or frames / recipe.duration
        sheet["melody"] = notes_in_beats(type(clip.melody)(clip.melody.roll, rate).notes(), bpm)
    return sheet


def notes_in_beats(notes: Iterable[Sequence[float]], bpm: float) -> list[list[float]]:
    """Notes ``[key, onset, length]`` in beats of notes (key, onset in s, offset in s)."""
    beat = 60 / bpm
    return [
        [int(key), round(start / beat, 4), round((end - start) / beat, 4)]
        for key, start, end in notes
    ]


def voicings() -> Mapping[str, list[int]]:
    """MIDI keys of every chord name: its bass, and a close voicing around middle C."""
    found: dict[str, list[int]] = {NO_CHORD: []}
    for (root, quality, bass), name in SPELLINGS.items():
        tones = [0, *QUALITIES[quality].values()]
        upper = sorted(_MIDDLE + 7 + (root + tone - 7) % 12 for tone in tones)
        found[name] = [_BASS + (root + bass) % 12, *upper]
    return {name: found.get(name, []) for name in CHORD_NAMES}


def _sheet(
    bpm: float,
    metre: Metre,
    onsets: Sequence[tuple[float, str]],
    end: float,
    *,
    notices: Sequence[str] = (),
) -> dict[str, Any]:
    bars = min(max(math.ceil(end / metre.beats - 1e-6), 1), MAX_BARS)
    within = [[at, name] for at, name in onsets if at < bars * metre.beats]
    if len(within) < len(onsets) or end > bars * metre.beats + 1e-6:
        notices = [*notices, f"the first {bars} bars are used"]
    return {
        "bpm": round(bpm, 3),
        "metre": str(metre),
        "bars": bars,
        "chords": within,
        "notices": list(notices),
    }


def _rounded(beats: float) -> float:
    return round(round(beats * _GRID) / _GRID, 4)
