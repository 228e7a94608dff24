"""Drum patterns by name: a groove of the band in every bar of a clip.

A text names a family of ``assets/band/grooves.yaml``, and after commas or spaces the number of one
of its grooves, a note value for an even hi-hat, or whatever else keeps time (``quarters``,
``8ths``, ``16ths``), and ``straight`` or ``swing``: ``"bossa, 16ths"``, ``"funk 2"``. In a metre
that a family does not have, its nearest groove repeats or is cut within each bar.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jasco.band.drums import LOUDNESS
from jasco.band.grid import METERS, Clock, read_row
from jasco.band.grooves import FAMILIES, PIECES, SWUNG, Groove
from jasco.band.instruments import KITS
from jasco.chords.metre import COMMON, Metre, whole_note
from jasco.errors import AudioError, shortened
from jasco.io.kinds import MIDI, kind_of
from jasco.played import PlayedDrums

if TYPE_CHECKING:  # names are read before torch is imported
    from jasco.audio import Audio
    from jasco.band.song import Note
    from jasco.chords import ChordProgression

_TIMEKEEPERS = "hat ride bell pedal maracas cabasa tambourine open".split()
_VALUES = {"quarters": 4, "8ths": 8, "16ths": 16}
_SWINGS = {"straight": 0.5, "swing": 2 / 3}
_TEXT = re.compile(r"[\w\s,-]{1,80}")
_SHORTEST = 0.05  # s of a stroke; kits play samples to their end
_KIT = KITS["acoustic kit"]


def pattern_names() -> str:
    """Names of the families, parted by commas."""
    return ", ".join(FAMILIES)


def is_pattern(value: Any) -> bool:
    """True for a text that no file has as its name, and that looks like no path."""
    return isinstance(value, str) and bool(_TEXT.fullmatch(value)) and not Path(value).exists()


def played_drums(
    value: Any, bpm: float | None = None, time_signature: str | None = None
) -> PlayedDrums | None:
    """Drums of a MIDI file or of a named pattern; ``None`` for anything else.

    Raises:
        AudioError: no such pattern, or a MIDI file that cannot be read.
        ChordError: a tempo or metre out of range.
    """
    if kind_of(str(value)) == MIDI:
        from jasco.band.midi_drums import MidiDrums

        return MidiDrums.read(value)
    return named_pattern(value, bpm, time_signature)


def named_pattern(
    value: Any, bpm: float | None = None, time_signature: str | None = None
) -> DrumPattern | None:
    """Pattern of that name; ``None`` where the value is no text, or looks like a path.

    Raises:
        AudioError, ChordError: see `played_drums`.
    """
    if not is_pattern(value):
        return None
    metre = COMMON if time_signature is None else Metre.parse(time_signature)
    bar = None if bpm is None else float(whole_note(bpm, metre) * metre.length)
    return DrumPattern.parse(value, metre, bar)


@dataclass(frozen=True)
class DrumPattern(PlayedDrums):
    """Groove that is played in every bar.

    Attributes:
        family: family of the groove.
        number: number of the groove from 1.
        value: note value of the timekeeper: quarters, 8ths or 16ths; empty for that of the groove.
        swing: see `jasco.band.grid.Clock`.
        bars: onset (s) of each bar; empty without a tempo.
        metres: metre of each.
        end: end (s) of the last bar.
        loops: all bars repeat, not the last one.
    """

    family: str
    number: int
    value: str
    swing: float
    bars: tuple[float, ...] = ()
    metres: tuple[Metre, ...] = ()
    end: float = 0.0
    loops: bool = False

    @classmethod
    def parse(cls, text: str, metre: Metre = COMMON, bar: float | None = None) -> DrumPattern:
        """Pattern of a text, in bars of a length (s).

        Raises:
            AudioError: no such name.
        """
        words = " ".join(re.split(r"[\s,]+", text.strip().casefold()))
        family = next((name for name in FAMILIES if f"{words} ".startswith(f"{name} ")), None)
        if family is None:
            near = get_close_matches(words, FAMILIES, 1)
            raise AudioError(
                f"drums are {shortened(text)}: no such file, and no pattern"
                + (f" (did you mean {near[0]}?)" if near else "")
                + f": patterns are {pattern_names()}; after a comma 2, 16ths or swing"
            )
        number, value, swing = 1, "", _SWINGS["swing" if family in SWUNG else "straight"]
        most = max(map(len, FAMILIES[family].grooves.values()))
        for word in words.removeprefix(family).split():
            if word.isdecimal() and len(word) < 3 and 1 <= int(word) <= most:
                number = int(word)
            elif word in _VALUES:
                value = word
            elif word in _SWINGS:
                swing = _SWINGS[word]
            else:
                raise AudioError(
                    f"drums are {shortened(text)}: after {family} give a number from 1 to {most}, "
                    "quarters, 8ths, 16ths, straight or swing"
                )
        bars = () if bar is None else (0.0,)
        return cls(family, number, value, swing, bars, (metre,) * len(bars), bar or 0.0)

    @property
    def duration(self) -> float:
        """Infinite: the pattern repeats."""
        return math.inf

    @property
    def line(self) -> str:
        """Pattern, metres with the grooves that they take, and lengths of the bars."""
        value = f", {self.value}" if self.value else ""
        metres = ", ".join(dict.fromkeys(map(self._told, self.metres)))
        lengths = [b - a for a, b in itertools.pairwise((*self.bars, self.end))]
        low, high = f"{min(lengths):.2f}", f"{max(lengths):.2f}"
        bars = low if low == high else f"{low} to {high}"
        return f"pattern {self.family} {self.number}{value} in {metres}, bars of {bars} s"

    def _told(self, metre: Metre) -> str:
        """Metre, with the groove that it takes where that is another one."""
        name, _ = self._groove(metre)
        number = min(self.number, len(FAMILIES[self.family].grooves[name]))
        other = (name, number) != (str(metre), self.number)
        return f"{metre} (as groove {number} of {name})" if other else str(metre)

    def on(self, chords: ChordProgression | None) -> DrumPattern:
        """Pattern on the bars of chords, where these have bars.

        Raises:
            AudioError: there is no tempo.
        """
        if chords is not None and chords.metres:
            bars, metres, end = chords.bars, chords.metres, chords.end or 0.0
            if end <= bars[-1] and len(bars) > 1:  # the end of the bars is not known
                share = float(metres[-1].length / metres[-2].length)
                end = bars[-1] + share * (bars[-1] - bars[-2])
            if end > bars[-1]:
                return replace(self, bars=bars, metres=metres, end=end, loops=chords.loop)
        if not self.bars:
            raise AudioError(f"the drum pattern {self.family} needs a tempo: give bpm")
        return self

    def excerpt(self, start: float, length: float | None = None) -> DrumPattern:
        """Pattern whose bars begin ``start`` (s) earlier."""
        bars = tuple(bar - start for bar in self.bars)
        return replace(self, bars=bars, end=self.end - start)

    def audio(self, duration: float) -> Audio:
        """Audio of the pattern, exactly ``duration`` seconds; see `PlayedDrums.audio`."""
        from jasco.band.midi_drums import play

        return play(_KIT, self.strokes(duration), duration, label=self.family)

    def strokes(self, duration: float) -> list[Note]:
        """Strokes from 0 to ``duration`` (s), in the order of their onsets."""
        from jasco.band.song import Note

        found = []
        for start, stop, metre in self._spans(duration):
            length = 4 * float(metre.length)
            for at, key, velocity in self._bar(metre):
                onset = start + at / length * (stop - start)
                if 0 <= onset < duration:
                    found.append(Note(key, velocity, onset, onset + _SHORTEST))
        return sorted(found, key=lambda note: (note.onset, note.pitch))

    def _spans(self, duration: float) -> Iterator[tuple[float, float, Metre]]:
        """Start and end (s), and metre of each bar that sounds before ``duration`` (s)."""
        written = list(zip(self.bars, (*self.bars[1:], self.end), self.metres, strict=True))
        before, after = written[:1], written[-1:]
        if self.loops:
            before = after = written
        yield from written
        for bars, is_after in ((before, False), (after, True)):
            origin, length = bars[0][0], bars[-1][1] - bars[0][0]
            first, last = math.floor(-origin / length), math.ceil((duration - origin) / length)
            for turn in range(max(first, 1), last) if is_after else range(first, 0):
                shift = turn * length
                yield from ((start + shift, stop + shift, m) for start, stop, m in bars)

    def _bar(self, metre: Metre) -> list[tuple[float, int, int]]:
        """Onset (quarter notes), key and velocity of the strokes of a whole bar."""
        name, groove = self._groove(metre)
        meter, length = METERS[name], 4 * float(metre.length)
        # A groove of 4/4 in a compound metre has dotted beats, with its eighths swung.
        stretch = 1.5 if metre.compound and name != "6/8" else 1.0
        swing = 2 / 3 if stretch > 1 else self.swing
        clock = Clock(60.0, swing)
        found = []
        for turn in range(math.ceil(length / stretch / meter.beats)):
            for piece, row in groove.items():
                for stroke in read_row(row, meter.beats):
                    at = stretch * clock.seconds(turn * meter.beats + stroke.at)
                    if at < length:
                        found.append((at, PIECES[piece], LOUDNESS[stroke.mark]))
        return found

    def _groove(self, metre: Metre) -> tuple[str, Groove]:
        """Metre of the family that is nearest to a metre, and its groove."""
        known = FAMILIES[self.family].grooves
        wanted = (str(metre), "6/8" if metre.compound else "4/4", "4/4", "3/4", "6/8")
        name = next(name for name in wanted if name in known)
        groove = known[name][min(self.number, len(known[name])) - 1]
        if not self.value:
            return name, groove
        meter = METERS[name]
        piece = next((piece for piece in _TIMEKEEPERS if piece in groove), "hat")
        steps = round(meter.beats * _VALUES[self.value] / 4)
        pulse = steps / meter.beats * meter.pulse
        row = "".join("x" if step % pulse == 0 else "o" for step in range(steps))
        return name, {**groove, piece: row}
