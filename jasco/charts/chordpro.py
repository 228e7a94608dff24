"""ChordPro: grids, which have bars, or else chords over lyrics, one bar a chord.

In a grid the cells of a bar share it evenly. Where a song has grids, chords over lyrics are left
out, because they repeat them without time. ``{transpose}`` replaces an earlier one. Sources: the
reference of ChordPro 6, directives and grids.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from fractions import Fraction

from jasco.charts.chart import Chart
from jasco.charts.keys import key_name
from jasco.charts.songs import SongText, chosen
from jasco.charts.written import MAX_LINE, Draft, WrittenBar
from jasco.chords.metre import COMMON, Metre
from jasco.chords.naming import is_chord, transposed_name
from jasco.errors import ChartError, ChordError

_DIRECTIVE = re.compile(
    r"\s*+\{\s*+(?P<name>[A-Za-z_]++)(?:-[\w!]++)?+(?:\s*:)?+(?P<value>[^}]*+)\}\s*+"
)
_CHORD = re.compile(r"\[([^\]\[]*)\]")
_GRID = re.compile(r":?\|+[:.]?(?:\d(?=\s|$))?|[^\s|]+")
_LABEL = re.compile(r'label\s*=\s*"?([^"]*)"?')
_SHORT = {
    **{"t": "title", "ns": "new_song", "g": "start_of_grid"},
    **{"sog": "start_of_grid", "eog": "end_of_grid", "sot": "start_of_tab", "eot": "end_of_tab"},
    **{"soc": "start_of_chorus", "eoc": "end_of_chorus"},
    **{"sov": "start_of_verse", "eov": "end_of_verse"},
    **{"sob": "start_of_bridge", "eob": "end_of_bridge"},
}
_SILENT = ("tab", "abc", "ly", "svg", "textblock")
"""Environments whose text is no song."""


def read_chordpro(text: str, song: int | str | None) -> Chart:
    """Chart of a text in ChordPro.

    Raises:
        ChartError: no such song, no chord, or a grid that cannot be played.
    """
    songs = [each for each in _songs(text) if any(line.strip() for line in each.lines)]
    if not songs:
        raise ChartError("the text is empty")
    found, note = chosen(songs, [each.title for each in songs], song)
    has_grid = any(_name(line)[0] == "start_of_grid" for line in found.lines)
    reader = _Reader(has_grid)
    reader.draft.title = found.title
    reader.draft.notes += note
    for line in found.lines:
        if not line.lstrip().startswith("#"):
            reader.line(line)
    if has_grid and reader.left_out:
        reader.draft.notes.append(
            f"chords over lyrics are left out ({reader.left_out}): the grids have the bars"
        )
    elif not has_grid:
        reader.draft.notes.append("the song has no grid: each chord lasts a bar")
    return reader.draft.chart()


def _songs(text: str) -> Iterator[SongText]:
    song = SongText()
    for line in text.splitlines():
        name, value = _name(line)
        if name == "new_song":
            yield song
            song = SongText()
        song.title = song.title or (value if name == "title" else "")
        song.lines.append(line)
    yield song


def _name(line: str) -> tuple[str, str]:
    """Name and value of a directive; empty for any other line."""
    found = _DIRECTIVE.fullmatch(line)
    if found is None:
        return "", ""
    name, value = found["name"].lower(), found["value"].strip()
    if name == "meta":  # {meta: time 3/4} is {time: 3/4}
        name, _, value = value.partition(" ")
    return _SHORT.get(name, name), value.strip()


class _Reader:
    """Bars of a song while they are read."""

    def __init__(self, has_grid: bool) -> None:
        self.draft = Draft()
        self.has_grid = has_grid
        self.metre = COMMON
        self.transpose = 0
        self.environment = ""
        self.section = ""
        self.margin = False  # the grid has a right margin
        self.tempo: Fraction | None = None
        self.chorus: list[WrittenBar] = []
        self.chorus_from = 0
        self.endings: frozenset[int] = frozenset()
        self.starts_repeat = False
        self.pair: WrittenBar | None = None
        self.left_out = 0

    @property
    def where(self) -> str:
        return f"bar {len(self.draft.bars) + 1}"

    def line(self, line: str) -> None:
        """Read a line."""
        name, value = _name(line)
        if name:
            self._directive(name, value)
        elif self.environment == "grid":
            self._row(line)
        elif self.environment not in _SILENT:
            for found in _CHORD.finditer(line):
                symbol = found[1].strip()
                if symbol and not symbol.startswith("*"):
                    self._over_lyrics(symbol)

    def _directive(self, name: str, value: str) -> None:
        draft = self.draft
        if name.startswith("start_of_"):
            self.environment = name.removeprefix("start_of_")
            found = _LABEL.search(value)
            label = (
                found[1] if found else "" if "=" in value or re.match(r"[\d+x]+$", value) else value
            )
            default = "" if self.environment == "grid" else self.environment.capitalize()
            self.section = label.strip() or default or self.section
            self.margin = re.search(r"x\d+\+[1-9]", value) is not None
            self.chorus_from = len(draft.bars)
        elif name.startswith("end_of_"):
            if self.environment == "chorus":
                self.chorus = draft.bars[self.chorus_from :]
            self.environment = ""
        elif name == "chorus":
            for bar in self.chorus:
                draft.add(deepcopy(bar))
        elif name == "key":
            draft.key = draft.key or key_name(value)
        elif name == "tempo":
            found = re.match(r"\d{1,4}(?:\.\d{1,3})?", value)
            self.tempo = draft.tempo(Fraction(found[0]), self.where) if found else None
        elif name == "time":
            try:
                self.metre = Metre.parse(value)
            except ChordError as error:
                draft.notes.append(f"{self.where}: {error}")
        elif name == "transpose":
            found = re.match(r"[-+]?\d{1,2}(?=\D|$)", value)
            self.transpose = int(found[0]) if found else 0
        elif name == "capo":
            draft.notes.append(
                f"capo {value[:10]} is not applied: the chords are read as written, and transpose "
                "moves them to where they sound"
            )

    def _bar(self) -> WrittenBar:
        """New bar with what was said before it."""
        bar = WrittenBar(self.metre, section=self.section, starts_repeat=self.starts_repeat)
        bar.endings = self.endings
        bar.tempi += [(Fraction(0), self.tempo)] if self.tempo else []
        self.section, self.starts_repeat, self.tempo = "", False, None
        return self.draft.add(bar)

    def _chord(self, symbol: str) -> str | None:
        name = self.draft.name(symbol, self.where)
        return None if name is None else transposed_name(name, self.transpose)

    def _over_lyrics(self, symbol: str) -> None:
        if self.has_grid:
            self.left_out += 1
        elif (name := self._chord(symbol)) is not None:
            self._bar().chords.append((Fraction(0), name))

    def _row(self, line: str) -> None:
        """Bars of a row of a grid; texts before the first and after the last line are margins."""
        if len(line) > MAX_LINE:
            raise ChartError(f"a row of the grid has more than {MAX_LINE:,} characters")
        tokens: list[str] = _GRID.findall(line)
        lines = [at for at, token in enumerate(tokens) if "|" in token]
        if not lines:
            if tokens:
                self.draft.notes.append(f"a row of the grid at {self.where} has no bar line")
            return
        if not self.margin and all(_is_cell(token) for token in tokens[lines[-1] + 1 :]):
            lines.append(len(tokens))
        for here, there in zip(lines, [*lines[1:], None], strict=False):
            self._bar_line(tokens[here]) if here < len(tokens) else None
            if there is not None and there > here + 1:
                self._cells(tokens[here + 1 : there])

    def _bar_line(self, sign: str) -> None:
        if sign.startswith(":") and self.draft.bars:
            self.draft.bars[-1].ends_repeat = 2
        if sign.endswith(":"):
            self.starts_repeat = True
        number = re.sub(r"\D", "", sign)
        if number:
            self.endings = frozenset({int(number)})
        elif sign != "|":
            self.endings = frozenset()

    def _cells(self, cells: list[str]) -> None:
        bars = self.draft.bars
        if cells[0] in ("%", "%%"):
            back = len(cells[0])
            if len(bars) < back:
                raise ChartError(f"{self.where} repeats {back} before it, which are not there")
            source, self.pair = bars[-back], bars[-1] if back == 2 else None
            self._bar().chords += source.chords
            return
        if self.pair is not None and set(cells) <= {".", "/"}:
            self._bar().chords += self.pair.chords
            self.pair = None
            return
        self.pair = None
        found: list[tuple[Fraction, str]] = []
        share = 4 * self.metre.length / len(cells)
        for number, cell in enumerate(cells):
            symbols = [symbol for symbol in cell.split("~") if symbol]
            for at, symbol in enumerate(symbols):
                name = None if symbol in (".", "/") else self._chord(symbol)
                if name is not None:
                    found.append((share * (number + Fraction(at, len(symbols))), name))
        self._bar().chords += found


def _is_cell(token: str) -> bool:
    return token in (".", "/", "%", "%%") or all(is_chord(part) for part in token.split("~"))
