"""ABC: chords and melody of the first voice, parts and repeats played.

Bars last as long as their notes. Of several chords at one place (``"Am;C"``) the first is read,
and ``"(Am)"`` as Am; texts that begin with one of ``^_<>@`` are annotations. Accidentals count to
the end of the bar, in all octaves. ``Q:120`` is 120 quarter notes a minute whatever ``L:`` says.
Grace notes, overlays (``&``) and lyrics are left out. Source: the standard, version 2.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from fractions import Fraction

from jasco.charts.abc_fields import (
    SHIFTS,
    default_length,
    read_key,
    read_length,
    read_metre,
    read_tempo,
)
from jasco.charts.chart import MAX_BARS, MAX_NOTES, Chart
from jasco.charts.songs import SongText, chosen
from jasco.charts.written import Draft, WrittenBar, checked_time
from jasco.chords.metre import COMMON
from jasco.errors import ChartError

_FIELD = re.compile(r"([A-Za-z+]):(?![|:])\s*(.*)")
_TOKEN = re.compile(
    r"""
      "(?P<text>[^"]{0,500})"
    | \[(?P<field>[A-Za-z]):(?P<value>[^\]]{0,500})\]
    | (?P<line>:*\.?\[?\|[|\]]*:*(?!\|)|::+|\[(?=\d)|\[(?="[^"]{0,99}"\s{0,9}$))
      (?P<ending>\s?\d[\d,-]*)?
    | \{(?P<grace>[^}]{0,500})\}
    | !(?P<mark>[^!\n]{0,99})! | \+(?P<old>[A-Za-z0-9.<>]{1,99})\+
    | \((?P<tuplet>\d)(?::(?P<time>\d?))?(?::(?P<count>\d?))?
    | (?P<chord>\[)
    | (?P<close>\])(?P<factor>\d*/*\d*)
    | (?P<note>(?P<sign>\^\^|\^|__|_|=)?(?P<letter>[A-Ga-gzxZX])(?P<octave>[,']*)
        (?P<length>\d*/*\d*))
    | (?P<tie>-) | (?P<broken>>+|<+) | (?P<overlay>&+)
    | (?P<sign_before>[SO])
    | (?P<other>[\s\S])
    """,
    re.VERBOSE,
)
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_TIMES = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
_LONGEST = 10_000  # quarter notes of a note


def read_abc(text: str, song: int | str | None) -> Chart:
    """Chart of a tune.

    Raises:
        ChartError: no such tune, neither chords nor notes, or parts that cannot be played.
    """
    tunes = [*_tunes(text)]
    if not tunes:
        raise ChartError("no tune of ABC: one begins with X: and has K:")
    tune, note = chosen(tunes, [each.title for each in tunes], song)
    reader = _Reader()
    reader.draft.title = tune.title
    reader.draft.notes += note
    for line in tune.lines:
        reader.line(line)
    reader.close("")
    draft = reader.draft
    if len(reader.voices) > 1:
        draft.notes.append(
            f"voice {next(iter(reader.voices))!r:.20} of {len(reader.voices)} is read"
        )
    if reader.order:
        draft.bars = [*_in_parts(draft.bars, reader.order)]
    return draft.chart()


def _tunes(text: str) -> Iterator[SongText]:
    tune: SongText | None = None
    for line in text.splitlines():
        if re.match(r"X:(?!\|)", line) or (tune is None and re.match(r"[TMLQK]:", line)):
            if tune is not None:
                yield tune
            tune = SongText()
        if tune is None:
            continue
        if line.startswith("T:") and not tune.title:
            tune.title = line[2:].strip()
        if not line.startswith("%"):
            tune.lines.append(re.sub(r"(?<!\\)%.*", "", line).rstrip().removesuffix("\\"))
    if tune is not None:
        yield tune


class _Reader:
    """Bars of a tune while they are read."""

    def __init__(self) -> None:
        self.draft = Draft()
        self.count = 0  # of notes and rests
        self.order = ""
        self.voices: dict[str, None] = {}
        self.voice: str | None = None
        self.in_body = False
        self.metre, self.free = COMMON, False
        self.unit: Fraction | None = None
        self.signature: dict[str, int] = {}
        self.bar = WrittenBar(COMMON)
        self._begin()
        self.overlaid = False
        self.endings: frozenset[int] = frozenset()
        self.tied: dict[int, tuple[WrittenBar, int]] = {}
        self.last: list[tuple[WrittenBar, int]] = []  # notes that a tie or a dot follows
        self.stretch = Fraction(1)  # of the next note, by a broken rhythm
        self.tuplet: tuple[Fraction, int] = (Fraction(1), 0)  # factor, and notes to come
        self.chord: list[tuple[int, Fraction]] | None = None  # keys between brackets, and lengths
        self.ties: set[int] = set()  # keys of these that are tied

    def _begin(self) -> None:
        self.bar = WrittenBar(self.metre)
        self.at = Fraction(0)
        self.accidentals: dict[str, int] = {}

    @property
    def where(self) -> str:
        return f"bar {len(self.draft.bars) + 1}"

    def line(self, line: str) -> None:
        """Read a line: a field or music."""
        found = _FIELD.match(line)
        if found:
            self._field(found[1], found[2].strip())
        elif self.in_body:
            self._music(line)

    def _field(self, name: str, value: str) -> None:
        if self.is_other_voice and name != "V":
            return
        match name:
            case "K":
                key, self.signature = read_key(value)
                self.draft.key = self.draft.key or key
                self.unit = self.length_unit  # a later metre does not change it
                self.in_body = True
            case "M":
                metre = read_metre(value)
                self.free = metre is None
                self.metre = metre or self.metre
                if not self.bar.notes and not self.bar.chords:
                    self.bar.metre = self.metre
            case "L":
                self.unit = read_length(value) or self.unit
            case "Q":
                self._tempo(value)
            case "P" if self.in_body:
                self.bar.section = value
            case "P":
                self.order = value
            case "V":
                name = value.split()[0] if value.split() else ""
                if self.in_body:
                    self.voices[name] = None
                    self.voice = name

    @property
    def is_other_voice(self) -> bool:
        """True within another voice than the first."""
        return bool(self.voices) and self.voice != next(iter(self.voices))

    def _tempo(self, value: str) -> None:
        bpm, is_bare = read_tempo(value, self.length_unit)
        tempo = self.draft.tempo(bpm, self.where) if bpm else None
        if tempo:
            self.bar.tempi.append((self.at, tempo))
            if is_bare:
                self.draft.notes.append(f"Q:{value[:20]} is read as quarter notes a minute")

    @property
    def length_unit(self) -> Fraction:
        """Unit length (quarter notes)."""
        return self.unit or default_length(None if self.free else self.metre)

    def _music(self, line: str) -> None:
        for token in _TOKEN.finditer(line):
            if token["field"]:
                self._field(token["field"], token["value"].strip())
                continue
            if self.is_other_voice:
                continue
            if token["line"] is not None:
                self.close(token["line"], token["ending"] or "")
            elif self.overlaid:
                continue
            elif token["text"] is not None:
                self._text(token["text"])
            elif token["tuplet"]:
                self._tuplet(token)
            elif token["chord"]:
                self.chord = []
            elif token["close"]:
                self._sound(self.chord or [], _length(token["factor"], self.where))
                self.tied |= {k: place for k, place in self._sounding() if k in self.ties}
                self.chord, self.ties = None, set()
            elif token["note"]:
                self._note(token)
            elif token["tie"] and self.chord is not None:
                self.ties |= {key for key, _ in self.chord[-1:]}
            elif token["tie"]:
                self.tied |= dict(self._sounding())
            elif token["broken"]:
                self._broken(token["broken"])
            elif token["overlay"]:
                self.overlaid = True
                self.draft.notes.append(f"the overlay at {self.where} is left out")
            elif mark := token["mark"] or token["old"] or token["sign_before"]:
                self._mark(mark)

    def _text(self, text: str) -> None:
        """Read a chord symbol; annotations may say where to jump to."""
        first, *others = re.split(r"[;\n]|\\n", text.strip())
        if first[:1] in ("^", "_", "<", ">", "@"):
            self._mark(re.sub(r"[^A-Za-z]", "", first))
            return
        symbol = re.sub(r"(?<=.)\([A-G][^)]*\)$", "", first.strip()).strip()
        symbol = symbol.removeprefix("(").removesuffix(")") if symbol.startswith("(") else symbol
        if not symbol:
            return
        if others or symbol != first.strip():
            self.draft.notes.append(f'of "{text[:30]}" at {self.where} {symbol} is read')
        name = self.draft.name(symbol, self.where)
        if name is not None:
            if self.bar.chords and self.bar.chords[-1][0] == self.at:
                self.draft.notes.append(f"{name} at {self.where} is left out for another chord")
            else:
                self.bar.chords.append((self.at, name))

    def _mark(self, mark: str) -> None:
        plain = re.sub(r"[^a-z]", "", mark.lower())
        if mark == "S" or plain == "segno":
            self.bar.segno = True
        elif mark == "O" or plain == "coda":
            self.bar.coda = True
        elif plain in ("dacoda", "tocoda"):
            self.bar.to_coda = True
        elif plain == "fine":
            self.bar.fine = True
        elif jump := re.fullmatch(r"(d[cs]|dacapo|dalsegno)(?:al(coda|fine))?", plain):
            self.bar.jump = "D.S." if "s" in jump[1] else "D.C."
            self.bar.until = (jump[2] or "").capitalize()

    def _tuplet(self, token: re.Match[str]) -> None:
        notes = int(token["tuplet"]) or 1
        default = _TIMES.get(notes, 3 if self.metre.compound else 2)
        time, count = int(token["time"] or default), int(token["count"] or notes)
        self.tuplet = Fraction(time or 1, notes), count

    def _note(self, token: re.Match[str]) -> None:
        letter, length = token["letter"], _length(token["length"], self.where)
        if letter in "ZX":
            self._rests(int(length) or 1)
            return
        keys: list[int] = []
        if letter not in "zx":
            step, octave = letter.upper(), token["octave"]
            if token["sign"]:
                self.accidentals[step] = SHIFTS[token["sign"]]
            shift = self.accidentals.get(step, self.signature.get(step, 0))
            key = 60 + _STEPS[step] + shift + 12 * letter.islower()
            keys = [key + 12 * (octave.count("'") - octave.count(","))]
            if not 0 <= keys[0] <= 127:
                raise ChartError(f"{token[0]:.20} at {self.where} lies outside the keys of MIDI")
        self.count += 1
        if self.count > MAX_NOTES:
            raise ChartError(f"more than {MAX_NOTES:,} notes, the most that are read: give a part")
        if self.chord is not None:
            self.chord += [(key, length) for key in keys] or [(-1, length)]
        else:
            self._sound([(key, length) for key in keys] or [(-1, length)], Fraction(1))

    def _sound(self, keys: list[tuple[int, Fraction]], factor: Fraction) -> None:
        """Add notes that sound together; the first one's length counts, -1 is a rest."""
        if not keys:
            return
        length = keys[0][1] * factor * self.length_unit * self.stretch
        self.stretch = Fraction(1)
        if self.tuplet[1]:
            length *= self.tuplet[0]
            self.tuplet = self.tuplet[0], self.tuplet[1] - 1
        tied, self.tied, self.last = self.tied, {}, []
        for key in (key for key, _ in keys if key >= 0 and length):
            if key in tied:
                bar, at = tied[key]
                onset, before, _ = bar.notes[at]
                bar.notes[at] = onset, before + length, key
            else:
                bar, at = self.bar, len(self.bar.notes)
                bar.notes.append((self.at, length, key))
            self.last.append((bar, at))
        self.before = length
        self.at = checked_time(self.at + length, self.where)
        if self.at > _LONGEST:
            raise ChartError(f"{self.where} lasts longer than {_LONGEST:,} quarter notes")

    def _sounding(self) -> list[tuple[int, tuple[WrittenBar, int]]]:
        """Keys of the last notes, and their places."""
        return [(bar.notes[at][2], (bar, at)) for bar, at in self.last]

    def _broken(self, signs: str) -> None:
        """Lengthen the note before (``>``) or after (``<``) by a half, once for each sign."""
        short = Fraction(1, 2 ** min(len(signs), 4))
        factor = 2 - short if signs[0] == ">" else short
        if not self.at:
            return
        change = self.before * (factor - 1)
        for bar, at in self.last:
            onset, length, key = bar.notes[at]
            bar.notes[at] = onset, length + change, key
        self.at += change
        self.stretch = 2 - factor

    def _rests(self, bars: int) -> None:
        """Whole bars of rest."""
        if bars > MAX_BARS:
            raise ChartError(f"{bars:,} bars of rest at {self.where}: at most {MAX_BARS:,}")
        for rest in range(bars):
            if rest:
                self.close("|")
            self.at = 4 * self.metre.length

    def close(self, line: str, ending: str = "") -> None:
        """End the bar, and begin or end repeats and endings."""
        bar, self.overlaid = self.bar, False
        if self.at or bar.chords:
            bar.metre, bar.endings = self.metre, self.endings
            bar.length = self.at or 4 * self.metre.length
            self.draft.add(bar)
            self._begin()
        if line.startswith(":") and self.draft.bars:
            colons = len(line) - len(line.lstrip(":"))
            both = line == ":" * colons
            self.draft.bars[-1].ends_repeat = (colons // 2 if both else colons) + 1
        if line.endswith(":"):
            self.bar.starts_repeat = True
        if numbers := _numbers(ending):
            self.endings = numbers
        elif line not in ("|", ".|", ""):
            self.endings = frozenset()


def _length(text: str, where: str) -> Fraction:
    """Length of a note in units: ``3``, ``/``, ``//``, ``3/2``."""
    found = re.fullmatch(r"(\d{0,4})(?:(/{1,6})(\d{0,4}))?", text)
    if found is None:
        raise ChartError(f"{text[:20]!r} at {where} is no length")
    number = Fraction(int(found[1] or 1))
    if found[3]:
        return number / max(int(found[3]), 1)
    return number / 2 ** len(found[2] or "")


def _numbers(ending: str) -> frozenset[int]:
    """Numbers of an ending: ``1``, ``1,3``, ``1-3``."""
    found: set[int] = set()
    for part in re.findall(r"\d{1,2}(?:-\d{1,2})?", ending):
        first, _, last = part.partition("-")
        found |= {*range(int(first), int(last or first) + 1)}
    return frozenset(found)


def _in_parts(bars: list[WrittenBar], order: str) -> Iterator[WrittenBar]:
    """Bars of the parts in the order of ``P:``, such as ``AAB`` or ``(AB)2C``."""
    parts: dict[str, list[WrittenBar]] = {}
    name = ""
    for bar in bars:
        name = bar.section or name
        parts.setdefault(name, []).append(bar)
    if len(order) > MAX_BARS:
        raise ChartError(f"P: names more than {MAX_BARS:,} parts")
    while group := re.search(r"\(([^()]*)\)(\d?)", order):
        order = order[: group.start()] + group[1] * int(group[2] or 1) + order[group.end() :]
        if len(order) > MAX_BARS:
            raise ChartError(f"P: names more than {MAX_BARS:,} parts")
    count = 0
    for name, times in re.findall(r"([A-Za-z])(\d{0,2})", order):
        for _ in range(int(times or 1)):
            count += len(parts.get(name, ()))
            if count > MAX_BARS:
                raise ChartError(f"more than {MAX_BARS:,} bars in the parts of P:")
            yield from deepcopy(parts.get(name, []))
