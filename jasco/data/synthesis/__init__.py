"""Synthesis of datasets: rendered songs in a folder, and a prepared dataset with exact labels."""

from jasco.data.synthesis.band import MANIFEST, Band
from jasco.data.synthesis.run import EXACT, Summary, synthesize

__all__ = ["EXACT", "MANIFEST", "Band", "Summary", "synthesize"]
