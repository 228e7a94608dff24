"""Preparation of a dataset: recordings in, tracks with latents and controls out."""

from jasco.prepare.passes import MIN_DURATION, SILENCE
from jasco.prepare.run import QUARANTINE, Summary, prepare

__all__ = ["MIN_DURATION", "QUARANTINE", "SILENCE", "Summary", "prepare"]
