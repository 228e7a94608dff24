"""Melody: a piano roll of 53 notes."""

from __future__ import annotations

from jasco.controls.spec import ControlSpec, ExtractorSpec, ReadingOption
from jasco.errors import MelodyError
from jasco.io.kinds import MATRIX, MIDI


def _track(text: str) -> int | str:
    """Number or name of a track on the command line."""
    return int(text) if text.isdecimal() and len(text) < 10 else text


SPEC = ControlSpec(
    name="melody",
    value="jasco.melody.Melody",
    conditioner="jasco.conditioners.MelodyConditioner",
    adherence="jasco.adherence.melody.MelodyAdherence",
    stage="jasco.prepare.stages.melody.MelodyStage",
    extractors={
        "salience": ExtractorSpec("jasco.extract.melody.extract_melody"),
        "swift_f0": ExtractorSpec(
            "jasco.extract.swift_f0.extract_melody", "jasco.extract.swift_f0.require", True
        ),
    },
    files=(MIDI, MATRIX),
    help="a MIDI file, or a matrix as .npz, .npy or .th",
    extractor_help="extract the melody of a recording",
    words="the path of a MIDI file or a matrix",
    error=MelodyError,
    options={
        "melody_track": ReadingOption(
            (int, str),
            "number, from 0, or name of a pitched track of the MIDI file",
            "track of the MIDI file: index among pitched tracks, from 0, or name; default: the "
            "highest notes of all tracks",
            {"type": _track, "metavar": "N|NAME"},
            "track",
        )
    },
)
