"""Guitar Pro 7 and 8 (.gp): chord names over the beats of all tracks, and the melody of one.

A file is a zip archive with an XML document, in which bars, voices, beats, notes and rhythms are
tables that refer to each other by number. A chord is named by its diagram, or by its degrees where
the name cannot be read. The melody is the first staff of the track of such a name (melody, vocal,
lead, ...), else of the first track that mostly plays single notes; grace notes are left out.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple
from xml.etree.ElementTree import Element

from jasco.charts.chart import Chart
from jasco.charts.keys import key_of_signature
from jasco.charts.midi import MELODY_NAMES
from jasco.charts.templates import name_of_keys
from jasco.charts.written import Draft, WrittenBar, checked_time
from jasco.charts.xml import member, parse_xml
from jasco.chords.metre import COMMON, Metre
from jasco.chords.naming import is_chord
from jasco.errors import ChartError, ChordError

_VALUES = dict(zip("Whole Half Quarter Eighth 16th 32nd 64th 128th".split(), range(8), strict=True))
_TEMPO_UNITS = {"1": Fraction(1, 2), "3": Fraction(3, 2), "4": Fraction(2), "5": Fraction(3)}
_ACCIDENTALS = {"DoubleFlat": "bb", "Flat": "b", "Sharp": "#", "DoubleSharp": "##"}
_STEPS = dict(zip(("Second Third Fourth Fifth Sixth Seventh Ninth Eleventh Thirteenth").split(),
                  (2, 3, 4, 5, 6, 7, 9, 11, 13), strict=True))  # fmt: skip
_PERFECT = (4, 5, 11)
_SHIFTS = {"Major": 0, "Perfect": 0, "Minor": -1, "Augmented": 1}
_SIMILE = {"Simple": 1, "FirstOfDouble": 2, "SecondOfDouble": 2}
_JUMPS = {
    f"{jump}{way}": (mark, until)
    for jump, mark in (("DaCapo", "D.C."), ("DaSegno", "D.S."))
    for way, until in (("", ""), ("AlCoda", "Coda"), ("AlFine", "Fine"))
}
_FINEST = 960  # parts of a bar of the place of a tempo
_NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{0,12})?(E[+-]?\d\d?)?", re.IGNORECASE | re.ASCII)
_VOICES = 4  # of a bar
_MAX_BEATS = 500_000  # that are visited: bars may share their voices, and voices their beats


class _Beat(NamedTuple):
    """Beat of a voice: onset in its bar and length (quarter notes), and its element."""

    at: Fraction
    length: Fraction
    element: Element


def read_guitar_pro(data: bytes, song: int | str | None) -> Chart:
    """Chart of a file.

    Raises:
        ChartError: a file of another version, a broken one, or neither chords nor a melody in it.
    """
    if song is not None:
        raise ChartError("song chooses of several, and a Guitar Pro file holds one: leave it out")
    if not data.startswith(b"PK"):
        raise ChartError(
            "files before Guitar Pro 7 are not read: open it in Guitar Pro or MuseScore and save "
            "it as .gp, .musicxml or .mid"
        )
    root = parse_xml(member(data, "Content/score.gpif"))
    if root.tag != "GPIF":
        raise ChartError(f"the document is a {root.tag!r:.40}, not a GPIF")
    return _Score(root).chart()


class _Score:
    """Tables of a document."""

    def __init__(self, root: Element) -> None:
        self.root, self.feel, self.visited = root, "", 0
        self.draft = Draft()
        self.draft.title = " ".join(root.findtext("Score/Title", "").split())
        self.tables: Mapping[str, dict[str, Element]] = {
            name: {each.get("id", ""): each for each in root.findall(f"{name}s/{name}")}
            for name in ("Bar", "Voice", "Beat", "Note", "Rhythm")
        }
        self.staves = [
            (track, staff)
            for track in root.findall("Tracks/Track")
            for staff in track.findall("Staves/Staff") or [track]
        ]
        self.names = [_chord_names(staff) for _, staff in self.staves]

    def chart(self) -> Chart:
        masters = self.root.findall("MasterBars/MasterBar")
        for number, master in enumerate(masters, 1):
            self._master(master, f"bar {number}")
        _extend_endings(self.draft.bars)
        rows = [master.findtext("Bars", "").split() for master in masters]
        if masters and self.root.find("MasterTrack/Anacrusis") is not None:
            self._shorten(self.draft.bars[0], rows[0])
        melody = self._melody_staff(rows)
        for index, (bar, row) in enumerate(zip(self.draft.bars, rows, strict=True)):
            for staff, bar_id in enumerate(row[: len(self.staves)]):
                self._fill(bar, index, bar_id, staff, has_melody=staff == melody)
            bar.chords.sort(key=lambda chord: chord[0])
            bar.notes.sort()
        if not any(bar.chords for bar in self.draft.bars):
            self._block_chords(rows)
        self._tempi()
        return self.draft.chart()

    def _block_chords(self, rows: list[list[str]]) -> None:
        """Name the chords of the first staff that has some by their keys."""
        for staff, (track, _) in enumerate(self.staves):
            last = ""
            for bar, row in zip(self.draft.bars, rows, strict=True):
                for beat in self._beats(row[staff]) if staff < len(row) else ():
                    keys = [key for n in self._notes(beat.element) if (key := _key(n)) is not None]
                    name = name_of_keys(keys)
                    if name and name != last and beat.at < bar.length:
                        bar.chords.append((beat.at, name))
                        last = name
                bar.chords.sort(key=lambda chord: chord[0])
            if last:
                name = " ".join(track.findtext("Name", "").split())
                line = f"no chord names: block chords of {name!r:.40} are named by their keys"
                self.draft.notes.append(line)
                return

    def _master(self, master: Element, where: str) -> None:
        draft = self.draft
        before = draft.bars[-1].metre if draft.bars else COMMON
        try:
            metre = Metre.parse(master.findtext("Time", str(before)))
        except ChordError:
            draft.notes.append(f"metre {master.findtext('Time', '')[:10]!r} at {where} is not read")
            metre = before
        bar = draft.add(WrittenBar(metre))
        signature = master.findtext("Key/AccidentalCount", "").strip()
        if draft.key is None and signature.lstrip("-") in "0 1 2 3 4 5 6 7".split():
            minor = master.findtext("Key/Mode", "").strip() == "Minor"
            draft.key = key_of_signature(int(signature), minor=minor)
        words = (master.findtext(f"Section/{name}", "") for name in ("Letter", "Text"))
        bar.section = " ".join(" ".join(words).split())
        if (repeat := master.find("Repeat")) is not None:
            bar.starts_repeat = repeat.get("start") == "true"
            if repeat.get("end") == "true":
                bar.ends_repeat = max(_whole(repeat.get("count", "2"), where), 2)
        numbers = master.findtext("AlternateEndings", "").split()
        bar.endings = frozenset(_whole(number, where) for number in numbers)
        targets = {each.text for each in master.findall("Directions/Target")}
        jumps = {each.text or "" for each in master.findall("Directions/Jump")}
        bar.segno, bar.coda, bar.fine = (name in targets for name in ("Segno", "Coda", "Fine"))
        bar.to_coda = "DaCoda" in jumps
        for jump in sorted(jumps - {"DaCoda"}):
            if jump in _JUMPS:
                bar.jump, bar.until = _JUMPS[jump]
            else:
                draft.notes.append(f"{jump!r:.40} at {where} is not followed")
        feel = master.findtext("TripletFeel", "NoTripletFeel")
        if feel not in ("NoTripletFeel", self.feel):
            draft.notes.append(f"swing at {where} is not played: onsets are even")
        self.feel = feel

    def _shorten(self, bar: WrittenBar, row: list[str]) -> None:
        """Give a pick-up the length of its beats."""
        ends = [beat.at + beat.length for bar_id in row for beat in self._beats(bar_id)]
        if 0 < (end := max(ends, default=Fraction(0))) < bar.length:
            bar.length = end

    def _beats(self, bar_id: str) -> Iterator[_Beat]:
        """Beats of all voices of a bar but grace notes."""
        bar = self._get("Bar", bar_id)
        for voice_id in [] if bar is None else bar.findtext("Voices", "").split()[:_VOICES]:
            voice, at = self._get("Voice", voice_id), Fraction(0)
            for beat_id in "" if voice is None else voice.findtext("Beats", "").split():
                beat = self._get("Beat", beat_id)
                self.visited += 1
                if self.visited > _MAX_BEATS:
                    raise ChartError("more beats than are read: give a part of the piece")
                if beat is not None and beat.find("GraceNotes") is None:
                    length = self._length(beat)
                    yield _Beat(at, length, beat)
                    at = checked_time(at + length, f"beat {beat_id[:9]}")

    def _length(self, beat: Element) -> Fraction:
        reference = beat.find("Rhythm")
        rhythm = self._get("Rhythm", "" if reference is None else reference.get("ref", ""))
        if rhythm is None or (value := rhythm.findtext("NoteValue", "").strip()) not in _VALUES:
            raise ChartError("a beat has no note value")
        length = Fraction(4, 2 ** _VALUES[value])
        if (dots := rhythm.find("AugmentationDot")) is not None:
            length *= 2 - Fraction(1, 2 ** min(max(_whole(dots.get("count", "1"), "a dot"), 0), 4))
        for name in ("PrimaryTuplet", "SecondaryTuplet"):
            if (tuplet := rhythm.find(name)) is not None:
                played, time = (_whole(tuplet.get(key, "0"), "a tuplet") for key in ("num", "den"))
                if not (0 < played < 100 and 0 < time < 100):
                    raise ChartError(f"a tuplet is {played} in the time of {time}")
                length *= Fraction(time, played)
        return length

    def _fill(
        self, bar: WrittenBar, index: int, bar_id: str, staff: int, *, has_melody: bool
    ) -> None:
        """Add the chords of a staff to a bar, and its top notes if they are the melody."""
        element = self._get("Bar", bar_id)
        back = _SIMILE.get("" if element is None else element.findtext("SimileMark", "").strip(), 0)
        if back and index >= back:
            source = self.draft.bars[index - back]
            bar.chords = bar.chords or [c for c in source.chords if c[0] < bar.length]
            if has_melody:
                bar.notes = list(source.notes)
            return
        for beat in self._beats(bar_id):
            if beat.at >= bar.length:
                continue
            chord = beat.element.findtext("Chord", "").strip()
            name = self._chord(staff, chord, f"bar {index + 1}") if chord else None
            if name and not any(at == beat.at for at, _ in bar.chords):
                bar.chords.append((beat.at, name))
            if has_melody:
                self._note(bar, index, beat)

    def _chord(self, staff: int, chord: str, where: str) -> str | None:
        names = self.names[staff]
        if chord not in names:
            self.draft.notes.append(f"a chord at {where} has no name")
            return None
        return self.draft.name(names[chord], where)

    def _note(self, bar: WrittenBar, index: int, beat: _Beat) -> None:
        """Add the top note of a beat, or lengthen the one that it is tied to."""
        keys = {_key(note): note for note in self._notes(beat.element)}
        keys.pop(None, None)
        if not keys:
            return
        top = max(key for key in keys if key is not None)
        tie = keys[top].find("Tie")
        if tie is not None and tie.get("destination") == "true":
            source = bar if bar.notes else self.draft.bars[max(index - 1, 0)]
            if source.notes and source.notes[-1][2] == top:
                onset, length, _ = source.notes[-1]
                source.notes[-1] = onset, length + beat.length, top
                return
        bar.notes.append((beat.at, beat.length, top))

    def _notes(self, beat: Element) -> Iterator[Element]:
        for note_id in beat.findtext("Notes", "").split():
            if (note := self._get("Note", note_id)) is not None:
                yield note

    def _melody_staff(self, rows: list[list[str]]) -> int | None:
        """Index of the first staff of the melody."""
        pitched = [
            (index, track)
            for index, (track, staff) in enumerate(self.staves)
            if staff in (track, track.find("Staves/Staff"))
            and track.findtext("InstrumentSet/Type", "") != "drumKit"
        ]
        named = [i for i, track in pitched if MELODY_NAMES.search(track.findtext("Name", ""))]
        single = (index for index, _ in pitched if self._is_single(index, rows))
        found = named[0] if named else next(single, None)
        if found is not None and len(pitched) > 1:
            name = " ".join(self.staves[found][0].findtext("Name", "").split())
            why = "by its name" if named else "the first of single notes"
            self.draft.notes.append(f"melody of {name!r:.40}, {why} of {len(pitched)} tracks")
        return found

    def _is_single(self, staff: int, rows: list[list[str]]) -> bool:
        """True for a staff of which most beats have one note."""
        counts = [
            len(beat.element.findtext("Notes", "").split())
            for row in rows
            for beat in (self._beats(row[staff]) if staff < len(row) else ())
        ]
        return 2 * counts.count(1) > len(counts) - counts.count(0)

    def _tempi(self) -> None:
        draft = self.draft
        for each in self.root.findall("MasterTrack/Automations/Automation"):
            bpm, _, unit = each.findtext("Value", "").strip().partition(" ")
            if each.findtext("Type") != "Tempo":
                continue
            index = _whole(each.findtext("Bar", "0"), "a tempo")
            if not 0 <= index < len(draft.bars):
                continue
            where, bar = f"bar {index + 1}", draft.bars[index]
            tempo = draft.tempo(_number(bpm, where) * _TEMPO_UNITS.get(unit.strip(), 1), where)
            place = _number(each.findtext("Position", "0"), where).limit_denominator(_FINEST)
            if tempo and 0 <= place < 1:
                bar.tempi.append((place * bar.length, tempo))
            if each.findtext("Linear") == "true":
                draft.notes.append(f"the gradual change of tempo at {where} is a step")
        for bar in draft.bars:
            bar.tempi.sort()

    def _get(self, table: str, number: str) -> Element | None:
        return self.tables[table].get(number)


def _extend_endings(bars: list[WrittenBar]) -> None:
    """Let endings last until the next one or the end of the repeat, which ends each of them."""
    open_from: int | None = None
    for index, bar in enumerate(bars):
        if bar.starts_repeat:
            open_from = None
        if bar.endings and open_from is None:
            open_from = index
        elif not bar.endings and open_from is not None:
            bar.endings = bars[index - 1].endings
        if bar.ends_repeat and open_from is not None:
            for before, after in itertools.pairwise(bars[open_from : index + 1]):
                if before.endings != after.endings:
                    before.ends_repeat = before.ends_repeat or bar.ends_repeat
            open_from = None


def _chord_names(staff: Element) -> dict[str, str]:
    """Names of the chords of a staff by their numbers."""
    return {
        item.get("id", ""): _chord_name(item)
        for kind in ("ChordCollection", "DiagramCollection")
        for item in staff.findall(f"Properties/Property[@name='{kind}']/Items/Item")
    }


def _chord_name(item: Element) -> str:
    """Name of a chord, else its degrees in Harte's spelling."""
    name, chord = item.get("name", "").strip(), item.find("Chord")
    if is_chord(name) or chord is None:
        return name
    root = _spelled(chord.find("KeyNote"))
    degrees = [degree for each in chord.findall("Degree") if (degree := _degree(each))]
    return f"{root}:({','.join(degrees)})" if root and degrees else name


def _degree(element: Element) -> str:
    step = _STEPS.get(element.get("interval", ""))
    alteration = element.get("alteration", "")
    if step is None or element.get("omitted") == "true":
        return ""
    if alteration == "Diminished":
        return "b" * (1 if step in _PERFECT else 2) + str(step)
    shift = _SHIFTS.get(alteration, 0)
    return {-1: "b", 0: "", 1: "#"}[shift] + str(step)


def _spelled(note: Element | None) -> str:
    """Name of a note."""
    if note is None or note.get("step", "") not in tuple("ABCDEFG"):
        return ""
    return note.get("step", "") + _ACCIDENTALS.get(note.get("accidental", ""), "")


def _key(note: Element) -> int | None:
    """MIDI key of a note; ``None`` without one."""
    text = note.findtext("Properties/Property[@name='Midi']/Number", "").strip()
    return int(text) if text.isdecimal() and len(text) < 4 and int(text) < 128 else None


def _whole(text: str, where: str) -> int:
    return int(_number(text, where))


def _number(text: str, where: str) -> Fraction:
    """Number of a text; a long exponent would take all memory."""
    if not _NUMBER.fullmatch(text.strip()):
        raise ChartError(f"{text[:20]!r} at {where} is no number that fits there")
    return Fraction(text.strip())
