"""Adherence: agreement of recordings with the controls they were requested to follow.

Both sides are extracted into one plain form first, and compared after.
"""

from jasco.adherence.controls import (
    EXTRACTABLE,
    MELODY_RATE,
    ControlExtractor,
    Controls,
    adherence,
    num_frames,
    requested,
    to_pitch_classes,
)
from jasco.adherence.figure import save_figure
from jasco.adherence.report import MAIN_SCORES, AdherenceReport

__all__ = [
    "EXTRACTABLE",
    "MAIN_SCORES",
    "MELODY_RATE",
    "AdherenceReport",
    "ControlExtractor",
    "Controls",
    "adherence",
    "num_frames",
    "requested",
    "save_figure",
    "to_pitch_classes",
]
