"""Chord qualities after the root: ``m7b5``, ``maj9#11``, ``7sus4``, Harte's ``min7(*5,9)``.

Conventions of lead sheets: a bare number is dominant (``7``, ``9``); after ``maj``, ``M``, ``^`` or
``△`` it is major (``^`` alone is ``maj7``, ``M`` alone a triad). ``-`` is minor right after the
root and a flat later on, ``+`` is augmented and before a number a sharp. ``°`` and ``o`` are
diminished, ``ø`` and ``h7`` half-diminished. ``5`` has no third, ``2`` adds the ninth, ``4`` is
``sus4``, ``dom`` alone is ``7``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
"""Semitones of the degrees 1 to 7 above the first."""

DEGREE = re.compile(r"(?P<shift>##?|bb?|)(?P<number>1[0-3]|[1-9])")
"""A degree of a chord or a scale: ``3``, ``b7``, ``#11``."""

_PART = re.compile(
    r"""
      (?P<half>ø|(?i:hdim)|h(?=[79]|1[13]|$))
    | (?P<major>(?i:maj(?:or)?)|(?i:ma)(?=[\d(#b+/-]|$)|M(?![iI])|j(?=\d)|\^)
    | (?P<minor>(?i:min(?:or)?)|(?i:mi)|m)
    | (?P<dim>(?i:dim)|o(?!m))
    | (?P<sus>(?i:sus)(?:24|42|2|4)?)
    | (?P<add>(?i:add)(?:[b\#]?(?:1[13]|[2-69])))
    | (?P<omit>(?i:no|omit)(?:1[13]|[13579])(?:,\s*(?:1[13]|[13579]))*(?:rd|th)?)
    | (?P<altered>[b\#+-](?:1[013]|[24569]))
    | (?P<alt>(?i:alt))
    | (?P<aug>(?i:aug)|\+)
    | (?P<dominant>(?i:dom(?:inant)?))
    | (?P<power>(?i:power|pedal))
    | (?P<number>1[13]|69|[245679])
    | (?P<bracket>[(),]\s*)
    """,
    re.VERBOSE,
)


class Unreadable(Exception):
    """Symbol that cannot be read, with the reason; `jasco.chords.naming` raises a `ChordError`."""


@dataclass(frozen=True)
class Tone:
    """Degree of a chord: semitones above the root (``None``: omitted), and its spelling."""

    semitones: int | None
    written: str


Tones = dict[str, Tone]
"""Degree (``"3"``, ``"b9"``, ...) -> tone, in the order of writing; the root is implied."""


def semitones(degree: re.Match[str]) -> int:
    """Semitones of a match of `DEGREE` above the first degree of the major scale."""
    octave, step = divmod(int(degree["number"]) - 1, 7)
    return 12 * octave + MAJOR_SCALE[step] + degree[0].count("#") - degree[0].count("b")


def read_quality(text: str, *, minor: bool = False) -> Tones:
    """Read a lead-sheet suffix.

    Args:
        text: suffix without bass, in plain text (see `jasco.chords.characters.plain_token`).
        minor: start from a minor triad (a numeral in lower case).

    Raises:
        Unreadable: a piece is unknown; the message names it.
    """
    if text.count("(") != text.count(")"):
        raise Unreadable("a bracket is left open")
    suffix = _Suffix(minor)
    at = 0
    if text[:1] in ("-", "+"):
        suffix.add("minor" if text[0] == "-" else "aug", text[0])
        at = 1
    while at < len(text):
        part = _PART.match(text, at)
        kind = None if part is None else part.lastgroup
        if part is None or kind is None:
            raise Unreadable(f"{text[at : at + 20]!r} is not understood after the root")
        suffix.add(kind, part[0])
        at = part.end()
    return suffix.tones


def read_harte_quality(text: str) -> Tones:
    """Read a quality in Harte's syntax: a shorthand, degrees in brackets, or both.

    Raises:
        Unreadable: a piece is unknown; the message names it.
    """
    shorthand, bracket, degrees = text.partition("(")
    if not text or (bracket and not degrees.endswith(")")):
        raise Unreadable("what follows the colon is not complete")
    if shorthand in ("", "1"):  # only the root, and degrees in brackets
        tones = {degree: Tone(None, text) for degree in ("3", "5")}
    else:
        tones = read_quality(shorthand)
    for written in degrees[:-1].split(",") if bracket else ():
        degree = DEGREE.fullmatch(written.strip().removeprefix("*"))
        if degree is None:
            raise Unreadable(f"{written[:20]!r} is not a degree")
        left_out = "*" in written
        core = degree["number"] in ("3", "5", "6", "7")
        if degree[0] != "1":
            tones[degree["number"] if core else degree[0]] = Tone(
                None if left_out else semitones(degree), written.strip()
            )
        elif left_out:
            tones["*1"] = Tone(0, written.strip())  # every chord of the vocabulary has its root
    return tones


class _Suffix:
    """The tones of a chord while its suffix is read from left to right."""

    def __init__(self, minor: bool) -> None:
        self.tones: Tones = {"3": Tone(3 if minor else 4, ""), "5": Tone(7, "")}
        self.seventh = 10  # semitones of the seventh of a following 7, 9, 11 or 13
        self.before = ""  # kind of the previous part
        self.third_added = False

    def add(self, kind: str, written: str) -> None:
        """Add one part of the suffix."""
        if kind == self.before and kind not in ("altered", "add", "omit", "bracket"):
            raise Unreadable(f"{written!r} is not understood here")
        match kind:
            case "half":
                self._set(written, {"3": 3, "5": 6, "7": 10})
            case "major":
                self.seventh = 11
                if written == "^" or "7" in self.tones:  # C^, C7M
                    self._set("maj7", {"7": 11})
            case "minor":
                self._set(written, {"3": 3})
            case "dim":
                self._set(written, {"3": 3, "5": 6})
                self.seventh = 9
            case "aug":
                self._set(written, {"5": 8})
            case "sus":
                self._suspend(written, fourth="2" not in written or "4" in written)
            case "add":
                self._extend(written[3:], written)
            case "dominant":
                self._set("7", {"7": 10})
            case "omit":
                for degree in re.findall(r"\d+", written):
                    self._omit(degree, written)
            case "altered":
                self._extend(written.replace("+", "#").replace("-", "b"), written)
            case "alt":
                self._set("7", {"7": 10})
                self._set(written, {"alt": 8})
            case "power":
                self._set(written, {"3": None})
            case "number":
                self._number(written)
        self.before = kind

    def _set(self, written: str, degrees: dict[str, int | None]) -> None:
        for degree, height in degrees.items():
            self.tones.pop(degree, None)  # keeps the order of writing
            self.tones[degree] = Tone(height, written)

    def _suspend(self, written: str, *, fourth: bool) -> None:
        # Cmsus4 keeps its minor third, and C7add3sus its written third.
        if self.tones["3"].semitones != 3 and not self.third_added:
            self._set(written, {"3": None})
        if "2" in written:
            self._set(written, {"2": 2})
        if fourth:
            self._set(written, {"4": 5})

    def _omit(self, degree: str, written: str) -> None:
        if degree == "1":  # every chord of the vocabulary has its root
            self._set(written, {"*1": 0})
        elif degree in ("3", "5", "7"):
            self._set(written, {degree: None})
        else:
            self.tones.pop(degree, None)

    def _extend(self, degree: str, written: str) -> None:
        if found := DEGREE.fullmatch(degree):
            core = degree == "6" or found["number"] in ("3", "5")
            self.third_added = self.third_added or found["number"] == "3"
            self._set(written, {found["number"] if core else degree: semitones(found)})

    def _number(self, written: str) -> None:
        allowed = {"2": ("", "major", "minor"), "4": ("", "major", "minor"), "5": ("", "aug")}
        if self.before not in allowed.get(written, (self.before,)):
            raise Unreadable(f"{written!r} is not understood here")
        match written:
            case "2":
                self._set(written, {"9": 14})
            case "4":
                self._suspend(written, fourth=True)
            case "5" if self.before == "":
                self._set(written, {"3": None})
            case "6":
                self._set(written, {"6": 9})
            case "69":
                self._set("6", {"6": 9})
                self._set("9", {"9": 14})
            case "7" | "9" | "11" | "13":
                if "7" not in self.tones and (written == "7" or "6" not in self.tones):
                    self._set("maj7" if self.seventh == 11 else "7", {"7": self.seventh})
                if written != "7":
                    self._set(written, {"9": 14})
                if written in ("11", "13"):
                    self._set(written, {written: 17 if written == "11" else 21})
