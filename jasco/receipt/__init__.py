"""Receipts: what was asked for in a take and what is heard in it, in numbers and in a picture."""

from jasco.receipt.figure import save_figure
from jasco.receipt.receipt import MAIN_SCORES, AdherenceReport

__all__ = ["MAIN_SCORES", "AdherenceReport", "save_figure"]
