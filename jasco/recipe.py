"""The recipe of one item: all that is needed to make it again, as plain JSON data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch

from jasco.chords import ChordProgression
from jasco.conditions import Conditions
from jasco.drums import DrumCodes
from jasco.errors import ConditionError
from jasco.melody import NUM_NOTES, Melody


@dataclass(frozen=True)
class Recipe:
    """What made an item.

    Attributes:
        model, revision: Hub id or path of the checkpoint, and its commit.
        seed: of the noise; ``None`` when the caller gave the noise, which no recipe holds.
        solver: name and parameters.
        guidance: weight by term.
        duration: length (s).
        dtype, device: precision and kind of device that computed it.
        conditions: with drums as codes, so that no audio is needed again.
    """

    model: str | None
    revision: str | None
    seed: int | None
    solver: Mapping[str, Any]
    guidance: Mapping[str, float]
    duration: float
    dtype: str
    device: str
    conditions: Conditions

    def to_dict(self, num_frames: int, frame_rate: float) -> dict[str, Any]:
        """Plain data; chords are onsets (s), drums codes, melody runs of frames."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain["solver"], plain["guidance"] = dict(self.solver), dict(self.guidance)
        plain["conditions"] = _plain(self.conditions, num_frames, frame_rate)
        plain["versions"] = {"jasco": version("jasco"), "torch": version("torch")}
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Recipe:
        """The recipe that `to_dict` wrote.

        Raises:
            ConditionError: the data is not a recipe.
        """
        try:
            values = {name: plain[name] for name in cls.__dataclass_fields__}
            frames = values["conditions"].get("frames", 0)
            values["conditions"] = _conditions(values["conditions"], frames)
            return cls(**values)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ConditionError(f"not a recipe of Jasco: {error!r}") from error


def _plain(conditions: Conditions, num_frames: int, frame_rate: float) -> dict[str, Any]:
    plain: dict[str, Any] = {"frames": num_frames}
    if conditions.text is not None:
        plain["text"] = conditions.text
    if conditions.chords is not None:
        chords = conditions.chords.fit(num_frames / frame_rate)
        plain["chords"] = [list(pair) for pair in chords.pairs()]
    if isinstance(conditions.drums, DrumCodes):
        plain["drums"] = conditions.drums.codes.tolist()
    if conditions.melody is not None:
        plain["melody"] = _runs(conditions.melody.frames(num_frames, frame_rate))
    return plain


def _conditions(plain: Mapping[str, Any], num_frames: int) -> Conditions:
    melody = None
    if "melody" in plain:
        roll = torch.zeros(NUM_NOTES, num_frames)
        for row, start, stop, value in plain["melody"]:
            roll[row, start:stop] = value
        melody = Melody.from_array(roll)
    return Conditions(
        text=plain.get("text"),
        chords=ChordProgression.from_pairs(plain["chords"]) if "chords" in plain else None,
        drums=DrumCodes(torch.tensor(plain["drums"])) if "drums" in plain else None,
        melody=melody,
    )


def _runs(roll: torch.Tensor) -> list[list[float]]:
    """Runs ``[row, first frame, frame after the last, value]`` of equal non-zero values."""
    runs: list[list[float]] = []
    for row, values in enumerate(roll.tolist()):
        start = 0
        for frame in range(1, len(values) + 1):
            if frame == len(values) or values[frame] != values[start]:
                if values[start]:
                    runs.append([row, start, frame, values[start]])
                start = frame
    return runs
