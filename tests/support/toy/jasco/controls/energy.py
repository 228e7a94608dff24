"""Energy: the level of a clip."""

from __future__ import annotations

from jasco.controls.spec import ControlSpec, ExtractorSpec
from jasco.io.kinds import MATRIX

SPEC = ControlSpec(
    name="energy",
    value="jasco.energy.Energy",
    conditioner="jasco.conditioners.energy.EnergyConditioner",
    adherence="jasco.adherence.energy.EnergyAdherence",
    stage="jasco.prepare.stages.energy.EnergyStage",
    extractors={"energy": ExtractorSpec("jasco.energy.extract_energy")},
    files=(MATRIX,),
    help="levels as an .npy file, one a frame at 50 Hz",
    extractor_help="extract the levels of a recording",
)
