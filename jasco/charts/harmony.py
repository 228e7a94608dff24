"""Chord symbols of MusicXML's ``<harmony>``, spelled for the parser of names.

An added seventh is the one of a dominant: ``<degree>`` counts from the major scale with a flat
seventh (MusicXML 4.0, degree-value). Functional kinds such as ``Neapolitan`` stand over their
``root``.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element

from jasco.charts.written import Draft
from jasco.chords.naming import is_chord, name_chord, transposed_name
from jasco.chords.vocabulary import NO_CHORD, QUALITIES, UNKNOWN_CHORD

KINDS: Mapping[str, str] = {
    "major": "maj",
    "minor": "min",
    "augmented": "aug",
    "diminished": "dim",
    "dominant": "7",
    "major-seventh": "maj7",
    "minor-seventh": "min7",
    "diminished-seventh": "dim7",
    "augmented-seventh": "aug7",
    "half-diminished": "hdim7",
    "major-minor": "minmaj7",
    "major-sixth": "maj6",
    "minor-sixth": "min6",
    "dominant-ninth": "9",
    "major-ninth": "maj9",
    "minor-ninth": "min9",
    "dominant-11th": "11",
    "major-11th": "maj11",
    "minor-11th": "min11",
    "dominant-13th": "13",
    "major-13th": "maj13",
    "minor-13th": "min13",
    "suspended-second": "sus2",
    "suspended-fourth": "sus4",
    "pedal": "pedal",
    "power": "power",
    "Neapolitan": "N6",
    "Italian": "It+6",
    "French": "Fr+6",
    "German": "Ger+6",
    "Tristan": "Tristan",
}
"""Kind -> suffix after the root."""

_KINDS_OF_QUALITIES = (
    *("major", "minor", "diminished", "augmented", "major-sixth", "minor-sixth", "dominant"),
    *("major-seventh", "minor-seventh", "half-diminished"),
)
KIND_OF_QUALITY = dict(zip(QUALITIES, _KINDS_OF_QUALITIES, strict=True))
"""Quality of the vocabulary -> kind."""
_FUNCTIONAL = ("Neapolitan", "Italian", "French", "German", "Tristan")
_FORMER = {"major-minor": "minmaj7", "minor-major": "minmaj7", "sixth": "maj6", "half": "hdim7"}
_ACCIDENTALS = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "##"}
_INVERSIONS = {"1": "3", "2": "5", "3": "b7"}
_SEVENTHS = {"dim7": "bb7", "minmaj7": "7", "maj6": "6", "min6": "6"}


def harmony_name(element: Element, draft: Draft, where: str, transpose: int) -> str | None:
    """Name of the vocabulary for a ``<harmony>``; ``None`` with a note where it is left out.

    Args:
        element: the element.
        draft: chart, for its notes.
        where: place for the notes.
        transpose: semitones from written to sounding pitch.
    """
    kind = element.find("kind")
    if element.get("type") == "alternate":
        draft.notes.append(f"an alternate chord at {where} is not played")
        return None
    value = "" if kind is None else (kind.text or "").strip()
    if value == "none":
        return UNKNOWN_CHORD if kind is not None and kind.get("text") == UNKNOWN_CHORD else NO_CHORD
    if value.capitalize() in _FUNCTIONAL:  # older files write them small
        value = value.capitalize()
    root = _note(element.find("root"), "root")
    if root is None:
        draft.notes.append(f"a chord at {where} is left out: its root is no note of the scale")
        return None
    text = "" if kind is None else (kind.get("text") or "").strip()
    symbol = _symbol(element, root, value, text, draft, where)
    name = None if symbol is None else draft.name(symbol, where)
    if name is None:
        return None
    shown = f"{root}{text}"
    if text and value != "other" and is_chord(shown):
        other = name_chord(shown, position=0, where=where)[0].partition("/")[0]
        if other != name.partition("/")[0] and value not in _FUNCTIONAL:
            draft.notes.append(f"kind {value} at {where} is read, and its text is {text!r:.20}")
    return transposed_name(name, transpose)


def _symbol(
    element: Element, root: str, value: str, text: str, draft: Draft, where: str
) -> str | None:
    """Symbol for the parser of names."""
    if value in _FUNCTIONAL:
        return root + KINDS[value]
    suffix = KINDS.get(value, _FORMER.get(value))
    if suffix is None:
        if not is_chord(root + text):
            draft.notes.append(f"kind {value or 'of no name'!r:.40} at {where} is read as major")
            text = ""
        suffix = text if text and ":" not in text else "maj"
    degrees = [degree for each in element.findall("degree") if (degree := _degree(each))]
    bass = _note(element.find("bass"), "bass")
    if bass is None and (inversion := element.findtext("inversion", "").strip()) in _INVERSIONS:
        minor = suffix.startswith(("min", "dim", "hdim"))
        bass = ("b" if minor and inversion == "1" else "") + _INVERSIONS[inversion]
        if inversion == "3":
            bass = _SEVENTHS.get(suffix, "7" if suffix.startswith("maj") else bass)
    symbol = f"{root}:{suffix}" if suffix in KINDS.values() else root + suffix
    if degrees and ":" in symbol:
        symbol += f"({','.join(degrees)})"
    elif degrees:
        draft.notes.append(f"degrees of {symbol} at {where} are left out")
    return symbol + (f"/{bass}" if bass else "")


def _note(element: Element | None, name: str) -> str | None:
    """Spelling of a root or bass; ``None`` without one, or with a quarter tone."""
    if element is None:
        return None
    step = element.findtext(f"{name}-step", "").strip().upper()
    alter = _whole(element.findtext(f"{name}-alter", "0"))
    if len(step) != 1 or step not in "ABCDEFG" or alter not in _ACCIDENTALS:
        return None
    return step + _ACCIDENTALS[alter]


def _degree(element: Element) -> str | None:
    """Degree in Harte's spelling, ``*5`` for one that is left out."""
    value = _whole(element.findtext("degree-value", ""))
    alter = _whole(element.findtext("degree-alter", "0") or "0")
    kind = element.findtext("degree-type", "add").strip()
    if value is None or alter is None or not 1 <= value <= 13:
        return None
    if kind == "subtract":
        return f"*{value}"
    shift = alter - (value == 7)
    return _ACCIDENTALS[shift] + str(value) if shift in _ACCIDENTALS else None


def _whole(text: str) -> int | None:
    """Whole number of a text; ``None`` for anything else, such as a quarter tone."""
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if abs(number) < 100 and number == int(number) else None
