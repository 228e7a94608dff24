"""Bar stage: bar lines, at which the clips of training begin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch

from jasco.data.prepared import BAR_ONSETS, BARS, read_index
from jasco.data.track_file import opened_track
from jasco.extract.bars import find_bars
from jasco.prepare.stages.stage import Extract, Stage


@dataclass(frozen=True)
class BarStage(Stage):
    """Stage of bars: their onsets (s), none for a recording without a steady beat."""

    name: ClassVar[str] = BARS
    version: ClassVar[int] = 1
    needs: ClassVar[Literal["processor", "model"]] = "processor"
    gives: ClassVar[tuple[str, ...]] = (BAR_ONSETS,)

    def dependencies(self) -> dict[str, Any]:
        """Nothing beside the audio."""
        return {}

    def open(self, device: torch.device) -> Extract:
        """Function that finds the bars; no model is loaded."""
        return lambda audio: {BAR_ONSETS: torch.from_numpy(find_bars(audio)).float()}


def tracks_with_bars(root: Path) -> list[bool]:
    """True for each track of a dataset whose bar lines are known.

    Raises:
        DataError: the dataset cannot be read.
    """
    found = []
    for track in read_index(root):
        with opened_track(root / track.file) as file:
            found.append(BARS in track.stages and file.get_slice(BAR_ONSETS).get_shape() != [0])
    return found
