"""Drums: coarse codes of an isolated drum track."""

from __future__ import annotations

from jasco.controls.spec import ControlSpec
from jasco.errors import AudioError
from jasco.io.kinds import RECORDING

SPEC = ControlSpec(
    name="drums",
    value="jasco.drums.DrumCodes",
    conditioner="jasco.conditioners.DrumConditioner",
    adherence="jasco.adherence.drums.DrumAdherence",
    stage="jasco.prepare.stages.drums.DrumStage",
    extractor="jasco.extract.drums.separate_drums",
    files=(RECORDING,),
    help="an isolated drum track",
    extractor_help="separate drums from a recording (Demucs)",
    words="the path of an audio file",
    error=AudioError,
)
