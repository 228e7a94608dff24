"""Adherence reports: requested and extracted controls of a take, as scores, text and figure."""

from jasco.receipt.figure import save_figure
from jasco.receipt.receipt import MAIN_SCORES, AdherenceReport

__all__ = ["MAIN_SCORES", "AdherenceReport", "save_figure"]
