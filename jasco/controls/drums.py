"""Drums: coarse codes of an isolated drum track."""

from __future__ import annotations

from jasco.controls.spec import ControlSpec, ExtractorSpec
from jasco.errors import AudioError
from jasco.io.kinds import MIDI, RECORDING

SPEC = ControlSpec(
    name="drums",
    value="jasco.drums.DrumCodes",
    conditioner="jasco.conditioners.DrumConditioner",
    adherence="jasco.adherence.drums.DrumAdherence",
    stage="jasco.prepare.stages.drums.DrumStage",
    extractors={"demucs": ExtractorSpec("jasco.extract.drums.separate_drums")},
    player="jasco.band.patterns.played_drums",
    files=(RECORDING, MIDI),
    help="an isolated drum track, or a MIDI file or named pattern ('bossa, 16ths' with --bpm; "
    "see below) that the drum kit of the band plays",
    extractor_help="separate drums from a recording (Demucs)",
    words="the path of an audio or MIDI file, or the name of a drum pattern",
    error=AudioError,
)
