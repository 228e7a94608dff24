"""The band on disk: songs played into a folder, and a prepared dataset with their exact labels."""

from jasco.data.synthesis.band import MANIFEST, Band
from jasco.data.synthesis.run import EXACT, Summary, synthesize

__all__ = ["EXACT", "MANIFEST", "Band", "Summary", "synthesize"]
