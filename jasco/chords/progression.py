"""`ChordProgression`: chords in time, each one of the 194 names of the published models."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from jasco.chords.bars import no_tempo
from jasco.chords.files import read_file, write_jams, write_lab
from jasco.chords.languages import NOTATIONS
from jasco.chords.metre import Metre, cropped_bars
from jasco.chords.naming import name_chord
from jasco.chords.notation import read_notation
from jasco.chords.numerals import Key
from jasco.chords.pairs import read_pairs
from jasco.chords.score import Score, as_text, check_count, seconds, shown
from jasco.chords.storage import StoredChords
from jasco.chords.vocabulary import CHORD_INDEX, NO_CHORD, to_harte
from jasco.errors import ChordError, SettingError

if TYPE_CHECKING:  # chords are read without loading torch
    import torch

_ROUNDING = 1e-6  # tolerance (frames) for binary rounding of an onset


@dataclass(frozen=True)
class ChordProgression(StoredChords):
    """Chords in time.

    Attributes:
        names: names of the vocabulary (`CHORD_NAMES`).
        onsets: onsets (s), ascending; a chord sounds until the next one begins.
        end: end of the last chord (s), where the notation gives one (bars, ``.lab``, JAMS).
        loop: repeat the chords from ``end`` to the end of the clip; else the last one is held.
        notices: changes made while reading, one line each, such as ``"Csus4 -> C (dropped:
            sus4)"``; ignored by equality.
        bars: onset of each bar but a pick-up (s), where the notation has bars; ignored by equality.
        metres: metre of each of these, where they are known, that of a bar that is cut its length;
            ignored by equality.

    Raises:
        ChordError: names outside the vocabulary, onsets that do not ascend, an end before the last
            onset, a loop without length, or more than `MAX_CHORDS` chords.
    """

    names: tuple[str, ...]
    onsets: tuple[float, ...]
    end: float | None = None
    loop: bool = field(default=False, kw_only=True)
    notices: tuple[str, ...] = field(default=(), compare=False)
    bars: tuple[float, ...] = field(default=(), compare=False, kw_only=True)
    metres: tuple[Metre, ...] = field(default=(), compare=False, kw_only=True)

    def __post_init__(self) -> None:
        names, onsets = tuple(self.names), tuple(self.onsets)
        check_count(len(names))
        if not names or len(names) != len(onsets):
            raise ChordError(
                f"{len(names)} names and {len(onsets)} onsets: give one onset for each chord, and "
                "at least one chord",
                position=0,
            )
        for index, name in enumerate(names):
            try:
                to_harte(name)
            except ChordError as error:
                error.position = index
                raise
        times = tuple(
            seconds(onset, name, index, f"entry {index}")
            for index, (name, onset) in enumerate(zip(names, onsets, strict=True))
        )
        for index in range(1, len(times)):
            if times[index] < times[index - 1]:
                raise ChordError(
                    f"{names[index]} at entry {index} begins before the chord ahead of it: sort "
                    "them, or use ChordProgression.from_pairs",
                    position=index,
                    token=names[index],
                )
        end = self.end
        if end is not None:
            last = len(names) - 1
            end = seconds(end, names[last], last, "its end")
            if end < times[last]:
                raise ChordError(
                    f"the end, {end:g} s, is before the last chord at {times[last]:g} s",
                    position=last,
                    token=names[last],
                )
        if self.loop and not end:
            raise ChordError("a loop needs an end after 0 s: give end= in seconds", position=0)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "onsets", times)
        object.__setattr__(self, "bars", tuple(self.bars))
        object.__setattr__(self, "metres", tuple(self.metres))
        object.__setattr__(self, "end", end)
        object.__setattr__(self, "notices", tuple(self.notices))

    @classmethod
    def parse(
        cls,
        text: str | Iterable[tuple[str, float]],
        *,
        bpm: float | None = None,
        time_signature: str | None = None,
        key: str | None = None,
        notation: str = "english",
    ) -> ChordProgression:
        """Read a progression in any notation.

        - bars: ``C Am | F G7 | %`` or ``C G,G:7 E:min`` (space = bar, comma within), with bpm;
        - a list of chords: ``C Am F G``, a bar each, repeated to the end of the clip, with bpm;
        - timed: ``C:0 Am:2.5``, in s;
        - pairs: ``(C, 0.0), (Am, 2.5)``, JSON, or a list of ``(name, onset)``.

        Symbols are those of lead sheets, Harte's, and with ``key`` Roman numerals and Nashville
        numbers. `jasco.chords.notation`, `bars`, `brackets`, `separators`, `timed`, `quality` and
        `numerals` define the notations.

        Args:
            text: the progression.
            bpm: tempo of bars, 20 to 600, in units of the time signature's denominator (quarters in
                4/4, eighths in 6/8).
            time_signature: metre of bars: ``"4/4"``, ``"3/4"``, ``"6/8"``, ``"7/8"``, ...; 4/4
                where the chart gives none either.
            key: key of numerals: ``"C"``, ``"A minor"``, ``"F# major"``, ``"Bbm"``.
            notation: language of note names: ``"english"``, ``"german"`` (H, B, Fis, Es; a root in
                lower case is minor) or ``"latin"`` (Do, Re, Mi).

        Raises:
            ChordError: with the position (index into the text, or of the list's entry) and token
                that cannot be read, and the nearest readable spelling; also for bars without
                ``bpm`` and numerals without ``key``.
        """
        tonality = _tonality(key, notation)
        if not isinstance(text, str):
            return cls._from_score(read_pairs(text), tonality, notation)
        score = read_notation(
            text, bpm=bpm, time_signature=time_signature, key=tonality, notation=notation
        )
        return cls._from_score(score, tonality, notation)

    @classmethod
    def from_pairs(
        cls,
        pairs: Iterable[tuple[str, float]],
        *,
        end: float | None = None,
        key: str | None = None,
        notation: str = "english",
    ) -> ChordProgression:
        """Progression of ``(name, onset in s)`` in any order, with names in any spelling.

        Raises:
            ChordError: an entry that is no pair, a name that cannot be read, an onset that is
                negative or not finite; ``position`` is the index of the entry.
        """
        score = read_pairs(pairs)
        tonality = _tonality(key, notation)
        return cls._from_score(Score(score.entries, end, score.notices), tonality, notation)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        bpm: float | None = None,
        time_signature: str | None = None,
        key: str | None = None,
        notation: str = "english",
        annotation: int | str | None = None,
    ) -> ChordProgression:
        """Read a file: ``.lab``, ``.jams``, ``.json`` (pairs) or ``.txt`` (as `parse` reads).

        Args:
            path: path of the file; its suffix decides the format.
            bpm: tempo of bars in a ``.txt`` and of the JAMS document of a score, whose times are
                measures and beats.
            time_signature: metre of the same files; by default their own, else 4/4.
            key: key of numerals.
            notation: language of note names; see `parse`.
            annotation: index or annotator of a JAMS document's chord annotation; by default the
                first that holds chords.

        Raises:
            ChordError: the file is missing, of another kind, or cannot be read.
        """
        tonality = _tonality(key, notation)
        score = read_file(
            path,
            bpm=bpm,
            time_signature=time_signature,
            key=tonality,
            notation=notation,
            annotation=annotation,
        )
        return cls._from_score(score, tonality, notation)

    @classmethod
    def _from_score(cls, score: Score, key: Key | None, notation: str) -> ChordProgression:
        chords: list[tuple[float, str]] = []
        notices = list(score.notices)
        for entry in score.entries:
            name, change = name_chord(
                entry.token,
                key if entry.key is None else _tonality(entry.key, notation),
                notation,
                position=entry.position,
                where=entry.where,
            )
            chords.append((entry.onset, name))
            notices += [change] if change else []
        if score.lacks_tempo:
            raise no_tempo(score.entries[0])
        ordered = sorted(chords, key=lambda chord: chord[0])
        if ordered != chords:
            notices.append("sorted by onset")
        for (onset, name), (after, other) in zip(ordered, ordered[1:], strict=False):
            if onset == after and name != other:
                notices.append(f"{name} and {other} both begin at {onset:g} s: {other} sounds")
        return cls(
            names=tuple(name for _, name in ordered),
            onsets=tuple(onset for onset, _ in ordered),
            end=score.end,
            loop=score.loop,
            notices=tuple(dict.fromkeys(notices)),
            bars=score.bars,
            metres=score.metres,
        )

    def pairs(self) -> list[tuple[str, float]]:
        """``(name, onset in s)`` of every chord, as `from_pairs` takes them."""
        return list(zip(self.names, self.onsets, strict=True))

    def crop(self, start: float, end: float | None = None) -> ChordProgression:
        """Chords between two times, with onsets relative to ``start``.

        Args:
            start: start (s).
            end: end (s); by default the progression's own, and a loop continues from ``start``.

        Raises:
            SettingError: ``start`` is negative, or ``end`` not after it.
        """
        if not 0 <= start < (math.inf if end is None else end) or end == math.inf:
            raise SettingError(f"cannot crop from {start} to {end} s: give 0 <= start < end")
        if self.loop and self.end is not None and end is not None:
            return self.fit(end).crop(start, end)
        if self.loop and self.end is not None:
            start %= self.end
            return replace(self.crop(start, start + self.end), loop=True)
        before = [name for name, onset in self.pairs() if onset <= start][-1:]
        until = math.inf if end is None else end
        inside = [(name, onset - start) for name, onset in self.pairs() if start < onset < until]
        first = [(name, 0.0) for name in before]
        if self.end is not None and self.end <= start:
            first = []
        chords = first + inside or [(NO_CHORD, 0.0)]
        length = min(until, math.inf if self.end is None else self.end)
        bars, metres = cropped_bars(self.bars, self.metres, self.end, start, until)
        return ChordProgression(
            names=tuple(name for name, _ in chords),
            onsets=tuple(onset for _, onset in chords),
            end=None if length == math.inf else max(length - start, chords[-1][1]),
            notices=self.notices,
            bars=bars,
            metres=metres,
        )

    def fit(self, duration: float) -> ChordProgression:
        """Chords of a clip of ``duration`` (s): a loop is repeated, later chords are dropped.

        Raises:
            ChordError: the clip is so long that the loop has more than `MAX_CHORDS` chords.
        """
        if not self.loop or self.end is None:
            whole = self
        else:
            times = max(1, math.ceil(duration / self.end - _ROUNDING))
            check_count(times * len(self.names))
            starts = [index * self.end for index in range(times)]
            whole = ChordProgression(
                names=self.names * times,
                onsets=tuple(start + onset for start in starts for onset in self.onsets),
                end=times * self.end,
                notices=self.notices,
                bars=tuple(start + bar for start in starts for bar in self.bars),
                metres=self.metres * times,
            )
        longer = whole.onsets[-1] >= duration or (whole.end or 0.0) > duration
        return whole.crop(0.0, duration) if longer else whole

    def notice(self, num_frames: int, frame_rate: float) -> str | None:
        """Notice where `frames` repeats, cuts or holds chords; ``None`` if the length fits."""
        length = num_frames / frame_rate
        given = "" if self.end is None else f"{self.end:.2f} s given, "
        shorter = self.end is not None and self.end <= length - (1 - _ROUNDING) / frame_rate
        if shorter and self.loop:
            return f"{given}repeated to {length:.2f} s"
        kept = sum(onset * frame_rate < num_frames - 2 * _ROUNDING for onset in self.onsets)
        if 0 < kept < len(self.names):  # without any chord, `frames` raises
            used = f"the first {length:.2f} s used, {kept} of {len(self.names)} chords"
            return f"{given}{used}: raise bpm, drop bars, or begin later in the chart"
        if shorter:
            return f"{given}{self.names[-1]} held to {length:.2f} s"
        return None

    def frames(self, num_frames: int, frame_rate: float) -> torch.Tensor:
        """Index of the chord that sounds at each frame.

        Frame i, at the time i / ``frame_rate``, takes the last chord whose onset is not later
        (within a millionth of a frame, so that 0.1 s at 50 Hz is frame 5); before the first onset
        there is no chord (``N``, index 0). The last chord is held to the end of the clip, or a
        loop repeated; later chords are dropped, see `notice`.

        Args:
            num_frames: length of the clip (frames).
            frame_rate: Hz.

        Returns:
            (num_frames,) int64, indices into `CHORD_NAMES`.

        Raises:
            ChordError: no chord begins before the end of the clip.
            SettingError: ``num_frames`` or ``frame_rate`` is not positive.
        """
        if num_frames <= 0 or not 0 < frame_rate < math.inf:
            raise SettingError(
                f"cannot make {num_frames} frames at {frame_rate} Hz: both must be positive"
            )
        if self.onsets[0] * frame_rate >= num_frames - _ROUNDING:
            raise ChordError(
                f"{self.names[0]}, the first chord, begins at {self.onsets[0]:g} s, but the clip "
                f"is {num_frames / frame_rate:g} s long: crop the progression",
                position=0,
                token=self.names[0],
            )
        import torch

        frames = torch.full((num_frames,), CHORD_INDEX[NO_CHORD], dtype=torch.long)
        for name, onset in self.fit(num_frames / frame_rate).pairs():
            start = onset * frame_rate - _ROUNDING
            if start < num_frames:
                frames[max(0, math.ceil(start)) :] = CHORD_INDEX[name]
        return frames

    def to_lab(self, path: str | os.PathLike[str], end: float | None = None) -> None:
        """Write a ``.lab`` file: start, end (s) and Harte's spelling on each line.

        Args:
            path: path of the file, which is replaced atomically.
            end: end of the last chord (s), required where the progression has none.

        Raises:
            ChordError: the end is unknown, or before the last onset.
        """
        write_lab(path, self._segments(end))

    def to_jams(self, path: str | os.PathLike[str], end: float | None = None) -> None:
        """Write a JAMS file with one ``chord`` annotation in Harte's spelling; see `to_lab`.

        Raises:
            ChordError: the end is unknown, or before the last onset.
        """
        write_jams(path, self._segments(end))

    def _segments(self, end: float | None) -> list[tuple[float, float, str]]:
        last = self.end if end is None else end
        if last is None or not self.onsets[-1] <= last < math.inf:
            raise ChordError(
                f"{shown(self.names[-1])}, the last chord, begins at {self.onsets[-1]:g} s and its "
                f"end is {'unknown' if last is None else f'{last:g} s'}: give end= in seconds",
                position=len(self.names) - 1,
                token=self.names[-1],
            )
        ends = (*self.onsets[1:], last)
        harte = map(to_harte, self.names)
        return list(zip(self.onsets, ends, harte, strict=True))


def _tonality(key: str | None, notation: str) -> Key | None:
    """Parsed key, ``None`` without one.

    Raises:
        ChordError: an unknown key or notation.
    """
    if notation not in NOTATIONS:
        raise ChordError(
            f"notation is {shown(notation)}: give {', '.join(NOTATIONS)}",
            position=0,
            token=as_text(notation),
            suggestion="german",
        )
    return None if key is None else Key.parse(key, notation)
