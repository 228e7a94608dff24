"""The preparation of a dataset: recordings in, tracks with latents and controls out."""

from jasco.prepare.run import QUARANTINE, Summary, prepare
from jasco.prepare.steps import MIN_DURATION, SILENCE

__all__ = ["MIN_DURATION", "QUARANTINE", "SILENCE", "Summary", "prepare"]
