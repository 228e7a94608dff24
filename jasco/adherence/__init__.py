"""Adherence: agreement of recordings with the controls they were requested to follow.

Both sides are extracted into one plain form first, and compared after.
"""

from jasco.adherence.controls import Controls, comparison, headlines, main_scores
from jasco.adherence.extractor import ControlExtractor, requested
from jasco.adherence.figure import save_figure
from jasco.adherence.report import AdherenceReport
from jasco.adherence.scores import adherence

__all__ = [
    "AdherenceReport",
    "ControlExtractor",
    "Controls",
    "adherence",
    "comparison",
    "headlines",
    "main_scores",
    "requested",
    "save_figure",
]
