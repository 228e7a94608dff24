"""JAMS files: annotations of recordings in seconds, and of scores in measures and beats.

Sources: Humphrey et al., "JAMS: a JSON annotated music specification", ISMIR 2014; for scores de
Berardinis et al., "ChoCo: a chord corpus and a data transformation workflow for musical harmony
knowledge graphs", Scientific Data 10, 2023. There ``sandbox.type`` is ``score`` and a time is the
measure and a tenth of the beat, both counted from 1: 2.3 is the third beat of the second measure,
2.25 half a beat after the second. Compound metres count dotted beats: 6/8 has two. Older files
count beats from 0 (2.0 is the first); a beat below 1 marks them. Metres stand in the namespace
``timesig``, tempi in ``tempo``. Durations are ignored, because their unit differs between the
collections: a chord lasts until the next one.
"""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from jasco.chords.metre import COMMON, Clock, Metre, whole_note
from jasco.chords.score import Entry, Score, as_text, check_count, shown
from jasco.chords.segments import Segment, in_a_row
from jasco.errors import ChordError

_NAMESPACE = "chord"  # also chord_harte, chord_roman, and those of ChoCo: chord_ireal, ...
_FLAT = re.compile(r"(?<=[A-G])-+")
_FIGURED = re.compile(
    r"(?P<numeral>[b#]*[ivIV]+)(?P<sign>[o+\u00f8\u00b0]?)(?P<figure>64|65|43|42|6|2)"
)
_SEVENTHS = ("65", "43", "42", "2")
_LAST_MEASURE = 100_000

Observation = Mapping[str, Any]


def read_jams(
    document: Mapping[str, Any],
    *,
    bpm: float | None = None,
    time_signature: str | None = None,
    annotation: int | str | None = None,
) -> Score:
    """Read a chord annotation of a JAMS document.

    Args:
        document: the JSON object; see `jasco.chords.files.is_jams`.
        bpm: tempo of a score, in units of the metre's denominator.
        time_signature: metre of a score in place of the document's own, or else of 4/4.
        annotation: index (from 0) or annotator of the chord annotation; by default the first that
            holds chords.

    Raises:
        ChordError: no such annotation, an invalid observation, or a score without a tempo.
            ``position`` of an error is the index of the observation.
    """
    annotations = document.get("annotations")
    annotations = annotations if isinstance(annotations, list) else []
    listed = [annotation for annotation in annotations if isinstance(annotation, Mapping)]
    chosen, notices = _choose(listed, annotation)
    observations = _observations(chosen)
    check_count(len(observations))
    observations = [_plain_names(o, as_text(chosen.get("namespace"))) for o in observations]
    if _is_score(document, chosen):
        return _read_score(observations, listed, notices, bpm, time_signature)
    if bpm is not None:
        notices.append("bpm is not used: the times are seconds")
    segments = []
    for index, observation in enumerate(observations):
        name, start = _name(observation, index), _number(observation, "time", index)
        where = f"observation {index}"
        end = None
        if observation.get("duration") is not None:
            duration = _number(observation, "duration", index)
            if duration < 0:
                raise _error(observation, "duration", name, index)
            end = start + duration
        segments.append(Segment(start, end, name, index, where, observation.get("key")))
    return in_a_row(segments, notices)


# --- choice of the annotation ---------------------------------------------------------------------


def _choose(
    annotations: list[Mapping[str, Any]], wanted: int | str | None
) -> tuple[Mapping[str, Any], list[str]]:
    """The annotation to read, and the names of the others."""
    spaces = [as_text(a.get("namespace")) for a in annotations]
    chords = [a for a, s in zip(annotations, spaces, strict=True) if s.startswith(_NAMESPACE)]
    if not chords:
        names = list(dict.fromkeys(shown(space) for space in spaces))
        found = f"; it has {', '.join(names[:8])}" if names else ""
        raise ChordError(
            "this JAMS document has no chord annotation: it needs one in the namespace 'chord'"
            + found,
            position=0,
        )
    names = [_annotator(a) for a in chords]
    listing = ", ".join(f"{i} ({name})" for i, name in list(enumerate(names))[:8])
    index = None
    if wanted is None:
        index = next((i for i, a in enumerate(chords) if _observations(a)), 0)
    elif isinstance(wanted, str) and not wanted.strip().isdigit():
        name = wanted.strip().casefold()
        fits = [i for i, a in enumerate(chords) if name in map(str.casefold, _who(a))]
        index = fits[0] if len(fits) == 1 else None
    elif isinstance(wanted, str):
        index = int(wanted) if len(wanted) < 9 and int(wanted) < len(chords) else None
    elif isinstance(wanted, int) and not isinstance(wanted, bool) and 0 <= wanted < len(chords):
        index = wanted
    if index is None:
        raise ChordError(
            f"annotation is {shown(wanted)}: give the index or the annotator of one, of {listing}",
            position=0,
            token=as_text(wanted),
        )
    others = [f"{i} ({name})" for i, name in enumerate(names) if i != index]
    if not others:
        return chords[index], []
    more = f" and {len(others) - 8} more" if len(others) > 8 else ""
    notice = f"annotation {index} ({names[index]}) is read, not {', '.join(others[:8])}{more}"
    return chords[index], [notice]


def _who(annotation: Mapping[str, Any]) -> list[str]:
    """Names of an annotation: annotator, curator, corpus and source."""
    about = annotation.get("annotation_metadata")
    about = about if isinstance(about, Mapping) else {}
    found: list[Any] = []
    for role in ("annotator", "curator"):
        person = about.get(role)
        found += [person.get(k) for k in ("name", "email")] if isinstance(person, Mapping) else []
        found += [person] if isinstance(person, str) else []
    found += [about.get(key) for key in ("corpus", "data_source", "annotation_tools")]
    return [text for text in found if isinstance(text, str) and text.strip()]


def _annotator(annotation: Mapping[str, Any]) -> str:
    name = next(iter(_who(annotation)), "no name")
    name = "".join(c if c.isprintable() else "?" for c in name[:40])
    return name if _observations(annotation) else f"{name}, empty"


def _observations(annotation: Mapping[str, Any]) -> list[Observation]:
    data = annotation.get("data")
    if isinstance(data, Mapping):
        columns = {k: v for k, v in data.items() if isinstance(v, list)}
        values = columns.get("value", [])
        if any(len(columns.get(k, ())) != len(values) for k in ("time", "duration")):
            raise ChordError(
                "the lists time, duration and value of the chord annotation differ in length",
                position=0,
            )
        names = ("time", "duration", "value")
        return [
            dict(zip(names, row, strict=True))
            for row in zip(*(columns[k] for k in names), strict=True)
        ]
    return data if isinstance(data, list) else []


def _plain_names(observation: Any, namespace: str) -> Any:
    """Observation with its name in the spelling of the parser, and the key of a numeral.

    music21 writes flats as ``-``. A value of ``chord_roman`` has a tonic, and figures such as 65,
    whose inversion is left out.
    """
    value = observation.get("value") if isinstance(observation, Mapping) else None
    if isinstance(value, str) and "m21" in namespace:
        return {**observation, "value": _FLAT.sub(lambda found: "b" * len(found[0]), value)}
    if isinstance(value, Mapping) and isinstance(value.get("chord"), str):
        numeral = value["chord"].partition("/")[0] if "/" in value["chord"] else value["chord"]
        over = value["chord"].removeprefix(numeral)
        if figured := _FIGURED.match(numeral):
            seventh = "7" if figured["figure"] in _SEVENTHS else ""
            numeral = figured["numeral"] + figured["sign"] + seventh + numeral[figured.end() :]
        tonic = value.get("tonic")
        return {**observation, "value": numeral + over, "key": as_text(tonic)[:20]}
    return observation


def _name(observation: Any, index: int) -> str:
    value = observation.get("value") if isinstance(observation, Mapping) else None
    if not isinstance(value, str):
        raise ChordError(
            f"observation {index} of the chord annotation has no chord: it needs time, duration "
            "and value",
            position=index,
            token=as_text(observation),
        )
    return value


def _number(observation: Observation, key: str, index: int) -> float:
    value = observation.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _error(observation, key, as_text(observation.get("value")), index)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not abs(number) < 1e9:
        raise _error(observation, key, as_text(observation.get("value")), index)
    return number


def _error(observation: Observation, key: str, name: str, index: int) -> ChordError:
    return ChordError(
        f"{shown(observation.get(key))}, the {key} of {shown(name)} at observation {index}, is not "
        "one: give a number, 0 or more",
        position=index,
        token=name,
    )


# --- scores ---------------------------------------------------------------------------------------


def _is_score(document: Mapping[str, Any], annotation: Mapping[str, Any]) -> bool:
    boxes = (document.get("sandbox"), annotation.get("sandbox"))
    return any(
        isinstance(box, Mapping) and as_text(box.get("type")).lower() == "score" for box in boxes
    )


def _read_score(
    observations: list[Observation],
    annotations: list[Mapping[str, Any]],
    notices: list[str],
    bpm: float | None,
    time_signature: str | None,
) -> Score:
    names = [_name(observation, index) for index, observation in enumerate(observations)]
    if not names:
        raise ChordError("no chord: the annotation holds no observation", position=0)
    places = [_place(o, "time", index) for index, o in enumerate(observations)]
    from_zero = any(beat < 1 for _, beat in places)
    if from_zero:
        notices.append("beats are counted from 0")
        places = [(measure, beat + 1) for measure, beat in places]
    first, last = min(1, *(m for m, _ in places)), max(m for m, _ in places)
    metres = _metres(annotations, time_signature, notices)
    if bpm is None:
        bpm = tempo_of(annotations)
        notices += [] if bpm is None else [f"tempo of the file: {bpm:g} bpm"]
    if bpm is None:
        raise ChordError(
            "this JAMS document is of a score, whose times are measures and beats: give bpm, for "
            "example bpm=100",
            position=0,
            token=names[0],
        )
    if first < 1:
        notices.append(f"measures are counted from {first}")
    starts = _starts(first, last, metres, bpm)
    dotted = _dotted(places, metres, notices)
    entries = []
    whole = whole_note(bpm, _metre_at(metres, first))
    for index, ((measure, beat), name) in enumerate(zip(places, names, strict=True)):
        metre = _metre_at(metres, measure)
        beats = metre.beats // 3 if metre in dotted else metre.beats
        if not 1 <= beat < beats + 1:
            raise ChordError(
                f"{shown(name)} at observation {index} begins at beat {float(beat):g} of measure "
                f"{measure}, which has {beats} ({metre}): give time_signature",
                position=index,
                token=name,
            )
        onset = starts[measure - first] + float((beat - 1) / beats * metre.length * whole)
        key = observations[index].get("key")
        entries.append(Entry(name, onset, index, f"observation {index}", key))
    latest = max(range(len(entries)), key=lambda index: entries[index].onset)
    metre = _metre_at(metres, last)
    beats = metre.beats // 3 if metre in dotted else metre.beats
    length = observations[latest].get("duration")
    lasts = 0.0 if length is None else _number(observations[latest], "duration", latest)
    end = entries[latest].onset + lasts / beats * float(metre.length * whole)
    return Score(
        entries,
        end if lasts > 0 else starts[-1],
        tuple(notices),
        bars=tuple(starts[:-1]),
        metres=tuple(_metre_at(metres, measure) for measure in range(first, last + 1)),
    )


def _starts(first: int, last: int, metres: list[tuple[int, Metre]], bpm: float) -> list[float]:
    """Onset (s) of each measure from the first to the last, and the end of the last."""
    clock = Clock()
    clock.tempo(whole_note(bpm, _metre_at(metres, first)))
    starts = [0.0]
    for measure in range(first, last + 1):
        clock.advance(_metre_at(metres, measure))
        starts.append(clock.at())
    return starts


def _place(observation: Observation, key: str, index: int) -> tuple[int, Fraction]:
    """Measure and beat of a time such as 2.3; decimals of thirds become exact fractions."""
    time = _number(observation, key, index)
    if not 0 <= time <= _LAST_MEASURE:
        raise _error(observation, key, as_text(observation.get("value")), index)
    tenths = Fraction(round((time - math.floor(time)) * 10_000_000), 1_000_000)
    beat = tenths.limit_denominator(48)
    return math.floor(time) + (beat == 10), beat % 10


def _metres(
    annotations: Iterable[Mapping[str, Any]], given: str | None, notices: list[str]
) -> list[tuple[int, Metre]]:
    """(first measure, metre) in ascending order; the first metre counts before its measure too."""
    found: dict[int, Metre] = {}
    for annotation in annotations:
        if annotation.get("namespace") == "timesig" and not found:
            for index, observation in enumerate(_observations(annotation)):
                value = observation.get("value") if isinstance(observation, Mapping) else None
                text = as_text(value)
                if isinstance(value, Mapping):
                    text = f"{value.get('numerator')}/{value.get('denominator')}"
                found[_place(observation, "time", index)[0]] = Metre.parse(text, index)
    if given is not None:
        metre = Metre.parse(given)
        if found and list(found.values()) != [metre]:
            notices.append(f"the metre of the file is not used: time_signature is {metre}")
        return [(0, metre)]
    if not found:
        notices.append("the file has no metre: 4/4")
        return [(0, COMMON)]
    return sorted(found.items(), key=lambda change: change[0])


def _metre_at(metres: list[tuple[int, Metre]], measure: int) -> Metre:
    index = bisect.bisect_right([m for m, _ in metres], measure)
    return metres[max(index - 1, 0)][1]


def tempo_of(annotations: Iterable[Any]) -> float | None:
    """Tempo of a file (bpm); ``None`` where it names none."""
    for annotation in annotations:
        if isinstance(annotation, Mapping) and annotation.get("namespace") == "tempo":
            for observation in _observations(annotation):
                value = observation.get("value") if isinstance(observation, Mapping) else None
                if isinstance(value, int | float) and not isinstance(value, bool):
                    return float(value)
    return None


def _dotted(
    places: list[tuple[int, Fraction]], metres: list[tuple[int, Metre]], notices: list[str]
) -> set[Metre]:
    """Metres whose beats are dotted notes of three units each (6/8 has two)."""
    dotted = {metre for _, metre in metres if metre.compound}
    for measure, beat in places:
        metre = _metre_at(metres, measure)
        if metre in dotted and beat >= metre.beats // 3 + 1:
            dotted.remove(metre)
    for metre in sorted(dotted, key=str):
        notices.append(
            f"{metre}: the file counts dotted beats, {metre.beats // 3} a measure; bpm counts "
            f"1/{metre.unit}"
        )
    return dotted
