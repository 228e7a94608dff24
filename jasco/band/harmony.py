"""Chord progressions from functional harmony, over all chords of the models' vocabulary.

The tables of ``assets/band/harmony.yaml`` are in the Roman numerals of `jasco.chords`: a number
after the slash is the bass as a degree of the key, so ``V7/7`` of C is G7/B and ``IV/5`` is F/G.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import cycle
from random import Random
from typing import NamedTuple

from jasco.band.grid import Meter
from jasco.chords import ChordProgression
from jasco.chords.vocabulary import QUALITIES, ROOTS, SPELLINGS, UNKNOWN_CHORD
from jasco.errors import DataError
from jasco.io.assets import asset
from jasco.io.plain import read_yaml

MODES: Mapping[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
"""Mode -> semitones of its scale above the tonic."""


class Chord(NamedTuple):
    """Chord with its pitch classes.

    Attributes:
        name: name in the vocabulary.
        root: pitch class.
        tones: pitch classes from the root up, without a bass that is not a chord tone.
        bass: pitch class.
    """

    name: str
    root: int
    tones: tuple[int, ...]
    bass: int


class Span(NamedTuple):
    """Time span (beats) of a chord; ``None`` for a rest of the harmony."""

    start: float
    end: float
    chord: Chord | None


def _spell(root: int, quality: str, bass: int) -> Chord:
    """Chord of a root, a quality and a bass (semitones above the root)."""
    root %= 12
    tones = (root, *((root + step) % 12 for step in QUALITIES[quality].values()))
    return Chord(SPELLINGS[root, quality, bass], root, tones, (root + bass) % 12)


CHORDS = {name: _spell(*meaning) for meaning, name in SPELLINGS.items()}
"""Chords of the vocabulary: 192 names."""

_MEANINGS = {name: meaning for meaning, name in SPELLINGS.items()}

# Chords that no name of the vocabulary describes: fourths, a cluster, whole tones (semitones above
# the lowest note). Their label is UNK, X in annotations, so that training data covers it.
_UNNAMED = ((0, 5, 10, 3), (0, 1, 2, 4), (0, 2, 4, 6, 8))
_UNNAMED_SHARE = 0.05  # of the sections

_TABLES = read_yaml(asset("band/harmony.yaml"), DataError)
_FUNCTIONS: Mapping[str, Mapping[str, Sequence[str]]] = _TABLES["functions"]
"""Mode -> function -> numerals, as triads and with more tones."""
LOOPS: Mapping[str, Sequence[str]] = _TABLES["loops"]
"""Common progressions, by mode."""

_NEXT = {"T": "TSSSD", "S": "SDDDT", "D": "TTTTSD"}

# Chords that lead to a chord: semitones from its root up to theirs, their quality, their bass.
_LEADING = (
    (7, "7", 0),
    (7, "7", 0),
    (7, "7", 4),
    (7, "", 10),
    (7, "aug", 0),
    (11, "dim", 0),
    (11, "m7b5", 0),
    (1, "7", 0),
    (2, "m7b5", 10),
    (5, "", 2),
)

LANGUAGES: Mapping[str, float] = {
    "loop": 0.3,
    "functional": 0.4,
    "near": 0.1,
    "free": 0.15,
    "pedal": 0.05,
}
"""Method of composing the chords of a section -> its weight: a common loop; functional harmony;
chords that share tones with the previous one; random chords; a single chord."""

HARMONIC_RHYTHMS: Mapping[str, float] = {
    "two bars": 0.08,
    "bar": 0.58,
    "half bar": 0.18,
    "mixed": 0.1,
    "pulse": 0.06,
}
"""Duration of a chord -> its weight."""

_SHORTEST = 0.45  # s; neither people nor Chordino recognise chords that change faster


class Key(NamedTuple):
    """Key: a tonic (pitch class) and a mode of `MODES`."""

    tonic: int
    mode: str

    @property
    def name(self) -> str:
        """Name, such as ``"F# minor"``."""
        return f"{ROOTS[self.tonic]} {self.mode}"

    @property
    def minor(self) -> bool:
        """True where the third of the scale is minor."""
        return MODES[self.mode][2] == 3

    @property
    def scale(self) -> frozenset[int]:
        """Pitch classes of the scale."""
        return frozenset((self.tonic + step) % 12 for step in MODES[self.mode])

    def chord(self, numeral: str) -> Chord:
        """Chord of a numeral."""
        return _read_numeral(numeral, f"{ROOTS[self.tonic]} {'minor' if self.minor else 'major'}")


@lru_cache(maxsize=4096)
def _read_numeral(numeral: str, key: str) -> Chord:
    return CHORDS[ChordProgression.from_pairs([(numeral, 0.0)], key=key).names[0]]


def audible_rhythms(meter: Meter, tempo: float) -> Mapping[str, float]:
    """Rhythms of `HARMONIC_RHYTHMS` whose chords are recognisable at a tempo (quarters/min)."""
    least = _SHORTEST * tempo / 60
    table = HARMONIC_RHYTHMS.items()
    return {name: share for name, share in table if min(_lengths(name, meter)) >= least}


def compose_harmony(
    rng: Random, key: Key, meter: Meter, bars: int, language: str, rhythm: str, richness: float
) -> tuple[Span, ...]:
    """Chords of a section, from beat 0 to its end.

    Args:
        rng: random generator.
        key: key of the song.
        meter: metre of the song.
        bars: length of the section.
        language: one of `LANGUAGES`.
        rhythm: one of `HARMONIC_RHYTHMS`.
        richness: share of chords with more than three tones, 0 to 1.
    """
    lengths, end = cycle(_lengths(rhythm, meter)), bars * meter.beats
    starts = [0.0]
    while starts[-1] < end:
        starts.append(starts[-1] + next(lengths))
    starts[-1] = end
    chords = _chords(rng, key, language, richness, len(starts) - 1)
    if len(chords) > 1 and rng.random() < _UNNAMED_SHARE:
        chords[rng.randrange(1, len(chords))] = _unnamed(rng)
    return tuple(map(Span, starts, starts[1:], chords))


def _lengths(rhythm: str, meter: Meter) -> tuple[float, ...]:
    """Durations (beats) of the chords in one cycle of a rhythm."""
    bar = meter.beats
    halves = (2.0, 1.0) if meter.name == "3/4" else (bar / 2, bar / 2)
    return {
        "two bars": (2 * bar,),
        "bar": (bar,),
        "half bar": halves,
        "mixed": (bar, *halves),
        "pulse": (meter.pulse,),
    }[rhythm]


def _chords(rng: Random, key: Key, language: str, richness: float, count: int) -> list[Chord]:
    if language == "loop":
        loop = cycle(rng.choice(LOOPS[key.mode]).split())
        return [key.chord(next(loop)) for _ in range(count)]
    if language == "functional":
        return _embellish(rng, _functional(rng, key, richness, count))
    if language == "near":
        chords = [rng.choice(list(CHORDS.values()))]
        while len(chords) < count:
            chords.append(rng.choice(_near(chords[-1])))
        return chords
    if language == "pedal":
        return [rng.choice(list(CHORDS.values()))] * count
    return [rng.choice(list(CHORDS.values())) for _ in range(count)]


def _functional(rng: Random, key: Key, richness: float, count: int) -> list[Chord]:
    """Walk through tonic, subdominant and dominant, which mostly starts on the tonic."""
    chords, function = [], rng.choice("TTTSD")
    for _ in range(count):
        numerals = _FUNCTIONS[key.mode][function][rng.random() < richness]
        chords.append(key.chord(rng.choice(numerals.split())))
        function = rng.choice(_NEXT[function])
    return chords


def _embellish(rng: Random, chords: list[Chord]) -> list[Chord]:
    """Replace some chords by ones that lead to the next, and some basses by steps."""
    for index in reversed(
        range(1, len(chords))
    ):  # backwards, so that the target of a leading chord is final
        if index + 1 < len(chords) and rng.random() < 0.2:
            step, quality, bass = rng.choice(_LEADING)
            chords[index] = _spell(chords[index + 1].root + step, quality, bass)
        elif rng.random() < 0.3:
            inversions, before = _inversions(chords[index]), chords[index - 1].bass
            smooth = [c for c in inversions if (c.bass - before) % 12 in (1, 2, 10, 11)]
            chords[index] = rng.choice(smooth or inversions)
    return chords


@lru_cache(maxsize=256)
def _inversions(chord: Chord) -> tuple[Chord, ...]:
    root, quality, _ = _MEANINGS[chord.name]
    return tuple(_spell(*meaning) for meaning in SPELLINGS if meaning[:2] == (root, quality))


@lru_cache(maxsize=256)
def _near(chord: Chord) -> tuple[Chord, ...]:
    """Other chords that share two tones or more."""
    tones = set(chord.tones)
    return tuple(
        other
        for other in CHORDS.values()
        if other != chord and len(tones.intersection(other.tones)) >= 2
    )


def _unnamed(rng: Random) -> Chord:
    root, steps = rng.randrange(12), rng.choice(_UNNAMED)
    return Chord(UNKNOWN_CHORD, root, tuple((root + step) % 12 for step in steps), root)
