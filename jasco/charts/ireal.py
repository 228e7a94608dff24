"""iReal Pro: ``irealb://`` and ``irealbook://`` links, alone or in an exported page of songs.

A link holds songs of fields parted by ``=``; any may be empty, so they are counted and not split
at runs of ``=``. The bars of ``irealb`` are scrambled in blocks of 50 characters. In a bar each
chord and each blank is a cell. Cells that fit the beats of the bar (dotted beats in 6/8, 9/8 and
12/8) are beats, and the last chord lasts to the end of the bar; otherwise chords from the first on
give up blanks, one at a time, and more chords than beats share halves (in dotted beats, thirds).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from html import unescape
from urllib.parse import unquote

from jasco.charts.chart import Chart
from jasco.charts.keys import key_name
from jasco.charts.songs import chosen
from jasco.charts.written import Draft, WrittenBar
from jasco.chords.metre import COMMON, Metre
from jasco.errors import ChartError, ChordError

_SCHEME = "(irealb(?:ook)?)://"
LINK = re.compile(
    rf"""(?i)"{_SCHEME}([^"]*)"|'{_SCHEME}([^']*)'|{_SCHEME}([^"<>\n]*)""",
)
"""Link in quotes of either kind, of which it may hold the other (``Ain't``), or without."""
_PREFIX = "1r34LbKcu7"
_BLOCK = 50
_MOST_CELLS = 64  # of a bar
_SHORT = (("Kcl", "| x"), ("LZ", " |"), ("XyQ", "   "))
_METRES = {"12": Metre(12, 8)}

_TOKEN = re.compile(
    r"""
      (?P<metre>T\d{2})
    | (?P<section>\*[A-Za-z])
    | (?P<text><[^>]{0,200}>)
    | (?P<alternate>\([^)]{0,200}\))
    | (?P<chord>(?:[A-GW][b\#]?)(?:\*[^*]{0,100}\*|sus|alt|add|[-^+oh0-9\#b])*(?:/[A-G][b\#]?)?)
    | (?P<ending>N[0-9])
    | (?P<line>[|\[\]{}Z])
    | (?P<cell>[ npxr])
    | (?P<sign>[SQU])
    | (?P<layout>[YlsfM,\s]|LZ)
    """,
    re.VERBOSE,
)
_JUMP = re.compile(r"(?P<jump>D\.?[CS])\.?(?:\s+al\s+(?P<until>fine|coda|[1-9]))?", re.IGNORECASE)
_TIMES = re.compile(r"(\d{1,3})\s*x", re.IGNORECASE)


@dataclass(frozen=True)
class Song:
    """Fields of a song in a link."""

    title: str
    style: str
    key: str
    transposition: str
    music: str
    bpm: str


def read_ireal(text: str, song: int | str | None) -> Chart:
    """Chart of a text that holds a link.

    Args:
        text: link, or page of links.
        song: number from 1, or title, of one of several songs.

    Raises:
        ChartError: no link, no such song, or one that cannot be read.
    """
    links = (filter(None, link.groups()) for link in LINK.finditer(text))
    songs = [song for scheme, *body in links for song in _songs(scheme, unescape("".join(body)))]
    if not songs:
        raise ChartError("no song of iReal Pro: a link begins with irealb:// or irealbook://")
    found, note = chosen(songs, [each.title for each in songs], song)
    draft = Draft()
    draft.title, draft.key = found.title, key_name(found.key)
    draft.notes += note
    _read_bars(found.music, draft)
    draft.has_outro = not any(bar.jump for bar in draft.bars)
    if "swing" in found.style.lower():
        draft.notes.append(f"the style, {found.style}, is not played: onsets are even")
    if re.fullmatch(r"\d{1,4}", found.bpm) and int(found.bpm) and draft.bars:
        metre = draft.bars[0].metre
        beat = Fraction(12 if metre.compound else 4, metre.unit)
        tempo = draft.tempo(int(found.bpm) * beat, "the beginning")
        draft.bars[0].tempi += [(Fraction(0), tempo)] if tempo else []
    chart = draft.chart()
    shift = int(found.transposition) if re.fullmatch(r"-?\d{1,2}", found.transposition) else 0
    if shift:
        chart = replace(
            chart.transposed(shift),
            notes=(*chart.notes, f"transposed by {shift}, as the song asks"),
        )
    return chart


def _songs(scheme: str, body: str) -> Iterator[Song]:
    """Songs of a link; the fields are decoded after they are split."""
    fields = [unquote(field) for field in (body if "=" in body else unquote(body)).split("=")]
    if scheme.lower() == "irealbook":
        for at in range(0, len(fields) - 5, 6):
            title, _, style, key, _, music = fields[at : at + 6]
            yield Song(title, style, key, "", music, "")
        return
    for at, field in enumerate(fields):
        if field.startswith(_PREFIX) and at >= 6:
            title, _, _, style, key, transposition = fields[at - 6 : at]
            bpm = fields[at + 3] if at + 3 < len(fields) else ""
            music = unscrambled(field[len(_PREFIX) :])
            yield Song(title, style, key, transposition, music, bpm)


def unscrambled(text: str) -> str:
    """Bars in plain text: blocks of 50 are mirrored while more than 51 characters are left."""
    plain = ""
    while len(text) > _BLOCK + 1:
        block, text = text[:_BLOCK], text[_BLOCK:]
        signs = list(block)
        for at in (*range(5), *range(10, 24)):
            signs[at], signs[-1 - at] = block[-1 - at], block[at]
        plain += "".join(signs)
    plain += text
    for short, written in _SHORT:
        plain = plain.replace(short, written)
    return plain


@dataclass
class _Cell:
    """Chord of a bar as written, with the blanks after it; an empty name for blanks alone."""

    name: str
    cells: int


class _Reader:
    """Bars of a song while they are read."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.metre = COMMON
        self.cells: list[_Cell] = []
        self.next = WrittenBar(COMMON)
        self.played = ""  # chord that W/G is over
        self.sign = ""  # x or r of this bar
        self.has_bar = False  # something was written since the last bar line
        self.pair: list[WrittenBar] = []  # second of two repeated bars, to come
        self.endings: frozenset[int] = frozenset()
        self.times = 2
        self.coda_follows = False
        self.closed = False  # after a closing line

    @property
    def is_blank(self) -> bool:
        return not self.sign and not any(cell.name for cell in self.cells)

    @property
    def where(self) -> str:
        return f"bar {len(self.draft.bars) + 1}"

    def close(self) -> WrittenBar | None:
        """End the bar; ``None`` where nothing was written since the last line."""
        if not self.has_bar:
            return None
        bar, bars = self.next, self.draft.bars
        bar.metre, bar.length, bar.endings = self.metre, 4 * self.metre.length, self.endings
        if self.pair and self.is_blank:
            bar.chords = list(self.pair[0].chords)
            bar.length, bar.metre = self.pair[0].length, self.pair[0].metre
            self.pair = []
        elif self.sign:
            back = 1 if self.sign == "x" else 2
            if len(bars) < back:
                raise ChartError(f"{self.where} repeats the {back} before it, which are not there")
            source = bars[-back:]
            bar.chords = list(source[0].chords)
            bar.length, bar.metre = source[0].length, source[0].metre
            self.pair = source[1:]
        else:
            self.pair = []
            bar.chords = [(at, name) for at, name in placed(self.cells, self.metre) if name]
        self.draft.add(bar)
        self.next = WrittenBar(self.metre, coda=self.coda_follows)
        self.cells, self.sign, self.has_bar, self.coda_follows = [], "", False, False
        return bar

    def chord(self, symbol: str) -> None:
        """Add a chord; ``W/G`` is the chord before it over G."""
        self.has_bar = True
        root, slash, bass = symbol.partition("/")
        if root.startswith("W"):
            symbol = (self.played.partition("/")[0] if slash else self.played) + slash + bass
        elif root:
            symbol = re.sub(r"\*([^*]*)\*", r"\1", symbol)
        if not symbol or symbol.startswith("/"):
            self.draft.notes.append(f"left out: no chord before W at {self.where}")
            return
        name = self.draft.name(symbol, self.where)
        if name is not None:
            self.played = symbol
        self._add(_Cell(name or "", 1))

    def _add(self, cell: _Cell) -> None:
        if len(self.cells) >= _MOST_CELLS:
            raise ChartError(f"{self.where} has more than {_MOST_CELLS} chords")
        self.cells.append(cell)

    def blank(self) -> None:
        """Add an empty cell."""
        self.has_bar = True
        if not self.cells:
            self.cells.append(_Cell("", 0))
        self.cells[-1].cells = min(self.cells[-1].cells + 1, _MOST_CELLS)

    def line(self, sign: str) -> None:
        """End a bar at a bar line, and begin or end a repeat."""
        if sign in "{[|":
            self.leave_layout()
        bar = self.close()
        self.closed = sign in "}]Z"
        if sign == "}" and self.draft.bars:
            (bar or self.draft.bars[-1]).ends_repeat = self.times
            self.times = 2
        if sign == "{":
            self.next.starts_repeat = True
        if sign in "{}[]Z":
            self.endings = frozenset()

    def leave_layout(self) -> None:
        """Leave out blanks after a closing line, which put a second ending under the first."""
        if self.closed and self.is_blank and not self.pair:
            self.cells, self.has_bar = [], False

    def text(self, words: str) -> None:
        """Follow a text: a number of times, or a jump."""
        words = re.sub(r"^\*\d\d", "", words)
        if times := _TIMES.search(words):
            self.times = max(int(times[1]), 1)
        elif jump := _JUMP.search(words):
            bar = self._last()
            bar.jump = f"D.{jump['jump'][-1].upper()}."
            bar.until = (jump["until"] or "").capitalize()
        elif "fine" in words.lower():
            self._last().fine = True

    def _last(self) -> WrittenBar:
        """Bar that a sign after it or in it belongs to."""
        return self.next if self.has_bar or not self.draft.bars else self.draft.bars[-1]


def _read_bars(music: str, draft: Draft) -> None:
    reader = _Reader(draft)
    at = 0
    while at < len(music):
        found = _TOKEN.match(music, at)
        if found is None:
            raise ChartError(f"{music[at : at + 10]!r} in {reader.where} is no sign of iReal Pro")
        at, token = found.end(), found[0]
        match found.lastgroup:
            case "metre":
                digits = token[1:]
                try:
                    reader.metre = _METRES.get(digits) or Metre.parse("/".join(digits))
                except ChordError:
                    raise ChartError(f"{token} in {reader.where} is no metre") from None
            case "section":
                reader.next.section = {"i": "Intro", "V": "Verse"}.get(token[1], token[1])
            case "text":
                reader.text(token[1:-1])
            case "chord":
                reader.chord(token)
            case "ending":
                reader.leave_layout()
                number = int(token[1])
                reader.endings = frozenset({number}) if number else frozenset()
            case "line":
                reader.line(token)
            case "cell" if token in "xr":
                reader.sign, reader.has_bar = token, True
            case "cell" if token == "n":
                reader._add(_Cell("N", 1))
                reader.played, reader.has_bar = "N", True
            case "cell":
                reader.blank()
            case "sign" if token == "S":
                reader.next.segno = True
            case "sign" if token == "Q":
                if "Q" in music[at:]:
                    reader._last().to_coda = True
                else:  # the last one is the coda, of the bar that follows the line
                    reader.coda_follows = reader.has_bar
                    reader.next.coda = not reader.has_bar
            case "sign":
                reader._last().fine = True
    if not (reader.closed and reader.is_blank):
        reader.close()


def placed(cells: list[_Cell], metre: Metre) -> list[tuple[Fraction, str]]:
    """Offset (quarter notes) and name of the chords of a bar; see the module."""
    beats = metre.beats // 3 if metre.compound else metre.beats
    sizes = [cell.cells for cell in cells]
    while len(sizes) > beats:
        beats *= 3 if metre.compound and beats == metre.beats // 3 else 2
    turn = 0
    while sum(sizes) > beats:
        if sizes[turn] > 1:
            sizes[turn] -= 1
        turn = (turn + 1) % len(sizes)
    unit = 4 * metre.length / beats
    return [(unit * sum(sizes[:at]), cell.name) for at, cell in enumerate(cells)]
