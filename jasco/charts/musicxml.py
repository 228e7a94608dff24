"""MusicXML, also compressed (.mxl): harmony of all parts, and the melody of the top staff.

Measures are shorter than their metre where they are marked ``implicit``, and at the beginning and
the end. Harmonies that several parts repeat count once. The melody is that of the first part with
notes, its first staff, all voices; grace and cue notes are left out, and tied notes are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from xml.etree.ElementTree import Element

from jasco.charts.chart import Chart
from jasco.charts.harmony import harmony_name
from jasco.charts.keys import key_of_signature, transposed_key
from jasco.charts.written import Draft, WrittenBar, checked_time
from jasco.charts.xml import main_document, parse_xml
from jasco.chords.metre import COMMON, Metre
from jasco.errors import ChartError, ChordError

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_UNITS = {"whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5, "16th": 0.25}
_JUMP = re.compile(
    r"\b(?P<jump>D\.? ?[CS]|da capo|dal segno)\b\.?(?:\s+al\s+(?P<until>fine|coda))?", re.IGNORECASE
)
_NUMBER = re.compile(r"\s*([-+]?\d{1,6}(?:\.\d{1,9})?)\s*")


def read_musicxml(data: bytes, song: int | str | None) -> Chart:
    """Chart of a document or a compressed file.

    Raises:
        ChartError: no MusicXML, a broken document, or neither chords nor a melody in it.
    """
    if song is not None:
        raise ChartError("song chooses of several, and a MusicXML file holds one: leave it out")
    root = parse_xml(main_document(data) if data.startswith(b"PK") else data)
    if root.tag not in ("score-partwise", "score-timewise"):
        raise ChartError(f"the document is a {root.tag!r:.40}, not a score-partwise")
    draft = Draft()
    draft.title = " ".join(
        (root.findtext("work/work-title") or root.findtext("movement-title") or "").split()
    )
    parts = [*_parts(root)]
    names = {part.get("id"): part.findtext("part-name", "") for part in root.iter("score-part")}
    tuned = ""
    for name, measures in parts:
        reader = _Part(draft, has_melody=not tuned)
        for index, measure in enumerate(measures):
            is_new = index == len(draft.bars)
            if is_new:
                draft.add(WrittenBar(COMMON))
            reader.measure(measure, index, is_new=is_new)
        reader.finish()
        if not tuned and any(bar.notes for bar in draft.bars):
            tuned = names.get(name) or name or "the first part"
            if len(parts) > 1:
                draft.notes.append(f"melody of {tuned!r:.40}, the first of {len(parts)} parts")
    _mark_codas(draft.bars)
    return draft.chart()


def _parts(root: Element) -> Iterator[tuple[str, list[Element]]]:
    """Name and measures of each part."""
    if root.tag == "score-partwise":
        for part in root.findall("part"):
            yield part.get("id", ""), part.findall("measure")
        return
    found: dict[str, list[Element]] = {}
    for measure in root.findall("measure"):
        for part in measure.findall("part"):
            part.attrib |= {k: v for k, v in measure.attrib.items() if k != "id"}
            found.setdefault(part.get("id", ""), []).append(part)
    yield from found.items()


class _Part:
    """Measures of a part, added to the bars of the chart."""

    def __init__(self, draft: Draft, *, has_melody: bool) -> None:
        self.draft = draft
        self.has_melody = has_melody
        self.divisions = Fraction(1)
        self.metre = COMMON
        self.transpose = 0
        self.endings: frozenset[int] = frozenset()
        self.repeated = 0  # measures of the pattern of a measure-repeat
        self.copied: list[tuple[int, int]] = []  # bar, and distance to the one it repeats
        self.tied: dict[int, tuple[WrittenBar, int]] = {}  # key -> bar and index of its note
        self.late: list[tuple[Fraction, str]] = []  # harmonies beyond the end of their measure
        self.own: list[list[tuple[Fraction, str]]] = []  # harmonies of this part, of each bar
        self.filled: list[Fraction] = []  # length of the notes of each new bar
        self.left_out = 0

    def measure(self, measure: Element, index: int, *, is_new: bool) -> None:
        """Read a measure into the bar of this index, whose length it says if the bar is new."""
        self.bar, self.where = self.draft.bars[index], f"bar {measure.get('number') or index + 1}"
        self.at = self.onset = self.reached = Fraction(0)
        self.chords = self.late
        self.late = []
        ends = False
        for element in measure:
            match element.tag:
                case "attributes":
                    self._attributes(element)
                case "note":
                    self._note(element)
                case "backup":
                    self.at = max(self.at - self._duration(element), Fraction(0))
                case "forward":
                    self._advance(self._duration(element))
                case "harmony":
                    self._harmony(element)
                case "direction":
                    self._direction(element)
                case "sound":
                    self._sound(element, self.at, "")
                case "barline":
                    ends |= self._barline(element)
        if is_new:
            self._set_length(is_short=index == 0 or measure.get("implicit") == "yes")
            self.filled.append(self.reached)
        self._close(index)
        if ends:
            self.endings = frozenset()

    def _set_length(self, *, is_short: bool) -> None:
        full = 4 * self.metre.length
        self.bar.metre, self.bar.length = self.metre, full
        if self.reached > full or (is_short and self.reached):
            self.bar.length = self.reached
        if self.reached > full:
            line = f"{self.where} holds {float(self.reached):g} quarter notes, not {float(full):g}"
            self.draft.notes.append(line)

    def _close(self, index: int) -> None:
        bar = self.bar
        bar.endings |= self.endings
        self.own.append([(max(at, Fraction(0)), name) for at, name in self.chords])
        for at, name in self.chords:
            if at >= bar.length:
                self.late.append((at - bar.length, name))
            elif not any(other == at for other, _ in bar.chords):
                bar.chords.append((max(at, Fraction(0)), name))
            elif (at, name) not in bar.chords:
                self.draft.notes.append(f"{name} at {self.where} is left out for another chord")
        bar.chords.sort(key=lambda chord: chord[0])
        if self.repeated:
            self.copied.append((index, self.repeated))

    def finish(self) -> None:
        """Play the repeated measures, and shorten a last one that completes the pick-up."""
        bars = self.draft.bars
        for index, back in self.copied:
            if index < back:
                raise ChartError(f"bar {index + 1} repeats {back} before it, which are not there")
            source, bar = bars[index - back], bars[index]
            self.own[index] = self.own[index] or [
                c for c in self.own[index - back] if c[0] < bar.length
            ]
            bar.chords = bar.chords or sorted(self.own[index], key=lambda chord: chord[0])
            if self.has_melody:
                bar.notes = bar.notes or list(source.notes)
        self._shorten()
        if self.left_out:
            self.draft.notes.append(f"grace and cue notes are left out ({self.left_out})")

    def _shorten(self) -> None:
        """Shorten bars that fill a metre together: halves of one, or the pick-up and its end."""
        bars = self.draft.bars
        filled = {i: n for i, n in enumerate(self.filled) if 0 < n < 4 * bars[i].metre.length}
        halves: set[int] = set()
        for index, length in filled.items():
            full = 4 * bars[index].metre.length
            if index - 1 not in halves and length + filled.get(index + 1, 0) == full:
                halves |= {index, index + 1} if index else set()
            ends = bars[index].ends_repeat or index == len(bars) - 1
            if index and ends and length + bars[0].length == full:
                halves.add(index)
        for index in halves:
            bars[index].length = filled[index]
            bars[index].chords = [c for c in bars[index].chords if c[0] < filled[index]]

    def _advance(self, length: Fraction) -> None:
        self.at = checked_time(self.at + length, self.where)
        self.reached = max(self.reached, self.at)

    def _duration(self, element: Element) -> Fraction:
        """Duration in quarter notes."""
        length = _number(element.findtext("duration", "0"), self.where) / self.divisions
        if length < 0:
            raise ChartError(f"a duration at {self.where} is negative")
        return length

    def _attributes(self, element: Element) -> None:
        if divisions := element.findtext("divisions"):
            self.divisions = _number(divisions, self.where)
            if self.divisions <= 0:
                raise ChartError(f"divisions at {self.where} are {divisions[:20]}: 1 or more")
        beats, unit = element.findtext("time/beats"), element.findtext("time/beat-type", "4")
        if beats is not None:
            try:
                count = sum(int(number) for number in beats[:20].split("+"))
                self.metre = Metre.parse(f"{count}/{unit.strip()}")
            except (ValueError, ChordError):
                metre = f"{beats[:10]}/{unit[:10]}"
                self.draft.notes.append(f"metre {metre} at {self.where} is not read")
        if (moved := element.find("transpose")) is not None:
            octaves = _number(moved.findtext("octave-change", "0"), self.where)
            steps = _number(moved.findtext("chromatic", "0"), self.where) + 12 * octaves
            self.transpose = int(steps) if abs(steps) <= 48 else 0
        fifths = element.findtext("key/fifths", "").strip()
        if self.draft.key is None and re.fullmatch(r"-?[0-7]", fifths):
            minor = element.findtext("key/mode", "").strip() == "minor"
            key = key_of_signature(int(fifths), minor=minor)
            self.draft.key = transposed_key(key, self.transpose) if self.transpose else key
        for style in element.findall("measure-style/measure-repeat"):
            starts = style.get("type") == "start"
            pattern = max(int(_number(style.text or "1", self.where)), 1)
            self.repeated = pattern if starts else 0

    def _note(self, element: Element) -> None:
        is_grace, is_cue = (element.find(name) is not None for name in ("grace", "cue"))
        self.left_out += is_grace or is_cue
        if is_grace:
            return
        length = self._duration(element)
        if element.find("chord") is None:
            self.onset = self.at
            self._advance(length)
        step = element.findtext("pitch/step", "").strip().upper()
        top = element.findtext("staff", "1").strip() == "1"
        if is_cue or not (self.has_melody and top and step in _STEPS and length):
            return
        octave = _number(element.findtext("pitch/octave", "4"), self.where)
        alter = _number(element.findtext("pitch/alter", "0"), self.where)
        key = round(12 * (octave + 1) + _STEPS[step] + alter) + self.transpose
        if not 0 <= key <= 127:
            raise ChartError(f"a note at {self.where} lies outside the keys of MIDI")
        ties = {tie.get("type") for tie in element.findall("tie")}
        if "stop" in ties and key in self.tied:
            bar, index = self.tied[key]
            onset, before, _ = bar.notes[index]
            bar.notes[index] = onset, before + length, key
        else:
            self.bar.notes.append((self.onset, length, key))
            self.tied[key] = self.bar, len(self.bar.notes) - 1
        if "start" not in ties:
            del self.tied[key]

    def _harmony(self, element: Element) -> None:
        offset = _number(element.findtext("offset", "0"), self.where) / self.divisions
        name = harmony_name(element, self.draft, self.where, self.transpose)
        if name is not None:
            self.chords.append((self.at + offset, name))

    def _direction(self, element: Element) -> None:
        at = self.at + _number(element.findtext("offset", "0"), self.where) / self.divisions
        words = " ".join(" ".join(each.itertext()) for each in element.iter("words"))
        sounds = element.findall("sound")
        if not self.bar.section:
            self.bar.section = " ".join(element.findtext(".//rehearsal", "").split())
        self.bar.segno |= element.find(".//segno") is not None
        if not any(sound.get("tempo") for sound in sounds):
            for mark in element.iter("metronome"):
                self._metronome(mark, at)
        for sound in sounds or [Element("sound")]:
            self._sound(sound, at, words)
        if element.find(".//coda") is not None and not (self.bar.to_coda or self.bar.coda):
            self.bar.coda = True
        if re.search(r"\bswing\b", words, re.IGNORECASE) or element.find(".//swing") is not None:
            self.draft.notes.append(f"swing at {self.where} is not played: onsets are even")

    def _metronome(self, mark: Element, at: Fraction) -> None:
        unit = Fraction(_UNITS.get(mark.findtext("beat-unit", "").strip(), 0))
        dots = len(mark.findall("beat-unit-dot"))
        found = re.search(r"\d+(?:\.\d+)?", mark.findtext("per-minute", ""))
        if unit and found and len(found[0]) < 9 and dots < 4:
            self._tempo(Fraction(found[0]) * unit * (2 - Fraction(1, 2**dots)), at)

    def _tempo(self, bpm: Fraction, at: Fraction) -> None:
        tempo = self.draft.tempo(bpm, self.where)
        if tempo and not any(other == at for other, _ in self.bar.tempi):
            self.bar.tempi.append((max(at, Fraction(0)), tempo))

    def _sound(self, sound: Element, at: Fraction, words: str) -> None:
        """Tempo and jumps of a ``<sound>``, and those that the words beside it say."""
        if tempo := sound.get("tempo"):
            self._tempo(_number(tempo, self.where), at)
        bar, jump = self.bar, _JUMP.search(words)
        to_coda = re.search(r"\bto coda\b", words, re.IGNORECASE) is not None
        bar.to_coda |= sound.get("tocoda") is not None or to_coda
        fine = re.fullmatch(r"\s*fine\.?\s*", words, re.IGNORECASE) is not None
        bar.fine |= sound.get("fine") is not None or fine
        bar.segno |= sound.get("segno") is not None
        bar.coda |= sound.get("coda") is not None
        if sound.get("dacapo") == "yes" or sound.get("dalsegno") or jump:
            to_segno = sound.get("dalsegno") or (jump and "s" in jump["jump"].lower())
            bar.jump = "D.S." if to_segno else "D.C."
            bar.until = (jump["until"] or "").capitalize() if jump else ""

    def _barline(self, element: Element) -> bool:
        """Read a bar line; true where an ending stops."""
        bar, ends = self.bar, False
        for repeat in element.findall("repeat"):
            if repeat.get("direction") == "forward":
                bar.starts_repeat = True
            else:
                times = repeat.get("times", "2").strip()
                bar.ends_repeat = int(times) if times.isdecimal() and len(times) < 5 else 2
                bar.repeats_after_jump = repeat.get("after-jump") == "yes"
        for ending in element.findall("ending"):
            numbers = frozenset(int(n) for n in re.findall(r"\d{1,2}", ending.get("number", "")))
            if ending.get("type") == "start":
                self.endings = numbers
            else:
                self.endings = self.endings or numbers
                ends = True
        return ends


def _mark_codas(bars: list[WrittenBar]) -> None:
    """Let the first of several coda signs lead to the coda, where nothing else does."""
    codas = [bar for bar in bars if bar.coda]
    if len(codas) > 1 and not any(bar.to_coda for bar in bars):
        codas[0].coda, codas[0].to_coda = False, True


def _number(text: str, where: str) -> Fraction:
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ChartError(f"{text[:20]!r} at {where} is no number that fits there")
    return Fraction(found[1])
