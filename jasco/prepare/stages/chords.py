"""Chord stage: Chordino."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch

from jasco.extract.chordino import extract_chords, find_chordino
from jasco.prepare.stages.stage import Extract, Stage


@dataclass(frozen=True)
class ChordStage(Stage):
    """Stage of chords: indices of their names in the vocabulary, and their onsets (s)."""

    name: ClassVar[str] = "chords"
    version: ClassVar[int] = 1
    needs: ClassVar[Literal["processor", "model"]] = "processor"
    gives: ClassVar[tuple[str, ...]] = ("chord_onsets", "chord_names")

    def dependencies(self) -> dict[str, Any]:
        """Build of the plugin."""
        return {"chordino": hashlib.sha256(find_chordino().read_bytes()).hexdigest()[:16]}

    def open(self, device: torch.device) -> Extract:
        """Function that runs a plugin instance per recording; no model is loaded."""
        return lambda audio: extract_chords(audio).pack()
