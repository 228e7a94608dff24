from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from jasco import ChordProgression, Conditions
from jasco.band.grid import read_row
from jasco.band.grooves import FAMILIES, PIECES
from jasco.band.patterns import DrumPattern, named_pattern, pattern_names, played_drums
from jasco.chords.metre import COMMON, Metre
from jasco.controls import CONTROLS
from jasco.errors import AudioError, ConditionError

KICK, SNARE, HAT = PIECES["kick"], PIECES["snare"], PIECES["hat"]


def pattern(text: str, bpm: float = 60, metre: str = "4/4") -> DrumPattern:
    found = named_pattern(text, bpm, metre)
    assert found is not None
    return found


def onsets(drums: DrumPattern, duration: float, piece: int) -> list[float]:
    return [round(n.onset, 3) for n in drums.strokes(duration) if n.pitch == piece]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_groove_is_played_as_it_is_written(family: str) -> None:
    for metre, grooves in FAMILIES[family].grooves.items():
        quarters = {"4/4": 4, "3/4": 3, "6/8": 3}[metre]
        bpm = 120 if metre == "6/8" else 60  # a quarter note lasts a second
        for number, groove in enumerate(grooves, 1):
            struck = pattern(f"{family} {number} straight", bpm, metre).strokes(2 * quarters)
            for piece, row in groove.items():
                bar = [stroke.at for stroke in read_row(row, quarters)]
                found = [note.onset for note in struck if note.pitch == PIECES[piece]]
                assert np.allclose(found, [*bar, *(quarters + at for at in bar)])
            assert len(struck) == 2 * sum(len(read_row(row, 1)) for row in groove.values())


def test_the_timekeeper_has_the_note_value_that_is_asked_for() -> None:
    assert onsets(pattern("rock, quarters"), 4, HAT) == [0, 1, 2, 3]
    assert onsets(pattern("rock, 16ths"), 1, HAT) == [0, 0.25, 0.5, 0.75]
    assert onsets(pattern("march 8ths"), 1, HAT) == [0, 0.5]
    velocities = [n.velocity for n in pattern("rock 8ths").strokes(1) if n.pitch == HAT]
    assert velocities[0] > velocities[1]
    assert onsets(pattern("swing"), 2, PIECES["ride"]) == [0, 1, 1.667]
    assert onsets(pattern("Swing, straight"), 2, PIECES["ride"]) == [0, 1, 1.5]
    assert onsets(pattern("rock swing"), 2, HAT) == [0, 0.667, 1, 1.667]


@pytest.mark.parametrize(
    "metre, quarters, kick, snare",
    [
        ("2/4", 2, [0], [1]),
        ("5/4", 5, [0, 2, 2.5, 4], [1, 3]),
        ("7/8", 3.5, [0, 2, 2.5], [1, 3]),
        ("12/8", 6, [0, 2.5, 3, 5.5], [1.5, 4.5]),
    ],
)
def test_metres_without_a_groove_have_the_nearest(
    metre: str, quarters: float, kick: list[float], snare: list[float]
) -> None:
    drums = pattern("rock", 60 * int(metre.split("/")[1]) / 4, metre)
    assert (onsets(drums, quarters, KICK), onsets(drums, quarters, SNARE)) == (kick, snare)


def test_a_groove_of_quarters_has_swung_eighths_in_a_compound_metre() -> None:
    drums = pattern("disco", 120, "12/8")
    assert onsets(drums, 6, KICK) == [0, 1.5, 3, 4.5]
    assert onsets(drums, 3, PIECES["open"]) == [1, 2.5]


def test_bars_of_chords_carry_their_metre_and_tempo() -> None:
    chords = ChordProgression.parse("C | [3/4] F | [tempo 120] G", bpm=60)
    drums = pattern("pop 1").on(chords)
    assert drums.bars == (0, 4, 7) and drums.end == 8.5
    assert onsets(drums, 10, SNARE) == [1, 3, 5, 6, 7.5, 8, 9, 9.5]  # the last bar repeats
    bars = {"bars": (1.0, 5.0), "metres": (COMMON, COMMON)}
    after_pick_up = ChordProgression(("C",), (0.0,), 9.0, **bars)
    assert onsets(pattern("rock").on(after_pick_up), 5, SNARE) == [0, 2, 4]
    endless = ChordProgression(("C",), (0.0,), **bars)
    assert pattern("rock").on(endless).end == 9
    one = ChordProgression(("C",), (0.0,), 0.0, bars=(0.0,), metres=(COMMON,))
    assert pattern("rock").on(one).end == 4
    looped = ChordProgression.parse("C [3/4] F", bpm=60)
    assert looped.loop
    assert onsets(pattern("rock").on(looped), 14, SNARE) == [1, 3, 5, 8, 10, 12]
    cut = ChordProgression.parse("C | F | G", bpm=60).crop(2.0, 9.0)
    assert onsets(pattern("rock").on(cut), 7, SNARE) == [1, 3, 5]


@pytest.mark.parametrize("start", [0.0, 1.5, 9.25])
def test_an_excerpt_is_the_later_part(start: float) -> None:
    whole, later = pattern("funk"), pattern("funk").excerpt(start)
    expected = [n.onset - start for n in whole.strokes(start + 6) if n.onset >= start]
    assert np.allclose([n.onset for n in later.strokes(6)], expected)


def test_strokes_are_in_order_and_within_the_clip() -> None:
    for text, bpm in itertools.product(("latin 3, swing", "trap 2"), (47.3, 600)):
        times = [note.onset for note in pattern(text, bpm).strokes(9.99)]
        assert times == sorted(times) and 0 <= times[0] <= times[-1] < 9.99


def test_conditions_name_a_pattern() -> None:
    clip = Conditions(drums="bossa, 16ths", bpm=120)
    assert isinstance(clip.drums, DrumPattern) and clip.drums.end == 2
    assert clip.notes(500, 50.0) == ("drums: pattern bossa 1, 16ths in 4/4, bars of 2.00 s",)
    bars = Conditions(chords="C | F", drums="rock", bpm=60)
    assert isinstance(bars.drums, DrumPattern) and bars.drums.bars == (0, 4)
    own = Conditions(chords=[("C", 0.0)], drums="rock", bpm=60)
    assert isinstance(own.drums, DrumPattern) and own.drums.end == 4
    with pytest.raises(AudioError, match="needs a tempo"):
        Conditions(drums="rock")
    with pytest.raises(ConditionError, match="key say how to read chords, and none"):
        Conditions(drums="rock", bpm=60, key="C")


def test_codes_and_the_comparison_have_the_audio_of_the_clip(soundfont: Path) -> None:
    from jasco.adherence.drums import DrumAdherence

    drums = pattern("house", 120)
    audio = drums.audio(3.0)
    assert audio.samples.shape == (2, 96_000) and float(audio.samples.abs().max()) > 0.1
    assert len(DrumAdherence().requested(drums, 3.0).onsets) == 12
    assert float(pattern("reggae", 20).excerpt(0.1).audio(0.5).samples.abs().max()) == 0
    assert played_drums("away.wav") is None and CONTROLS["drums"].player


def test_names_are_families() -> None:
    with pytest.raises(AudioError, match="patterns are rock, pop, .*, hand percussion"):
        named_pattern("nothing", 100)


def test_the_docs_name_every_pattern() -> None:
    from blocks import PAGES

    text = " ".join(PAGES["docs/generation.md"].split())
    assert f"The patterns: {pattern_names()}." in text


@pytest.mark.parametrize(
    "text, metre, told",
    [
        ("rock 3", "4/4", "rock 3 in 4/4, bars"),
        ("rock 3", "6/8", "rock 3 in 6/8 (as groove 2 of 6/8), bars"),
        ("waltz", "4/4", "waltz 1 in 4/4 (as groove 1 of 3/4), bars"),
        ("house", "7/8", "house 1 in 7/8 (as groove 1 of 4/4), bars"),
    ],
)
def test_the_line_names_the_groove_that_a_metre_takes(text: str, metre: str, told: str) -> None:
    assert told in DrumPattern.parse(text, Metre.parse(metre), 2.0).line
