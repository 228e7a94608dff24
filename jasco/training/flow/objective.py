"""Objective of flow matching: loss weights, flow times and condition dropout."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from jasco.errors import SettingError
from jasco.flow import LOSS_WEIGHTS


@dataclass(frozen=True)
class Objective:
    """Training objective, by default that of published checkpoints without condition dropout.

    Attributes:
        weighting: name of the loss weight over flow time, one of `LOSS_WEIGHTS`.
        shift: timestep shift; values above 1 sample more times near noise (t = 0), see
            `jasco.flow.shift_timesteps`.
        dropout: dropout probabilities of the conditions, see `jasco.data.dropout.ConditionDropout`;
            a control that is not named keeps the probability that its checkpoint states.
        windows: weights in training of the error averaged over windows of frames, by their length,
            see `jasco.flow.loss.squared_error`; validation has the plain loss.

    Raises:
        SettingError: a value out of range.
    """

    weighting: str = "increasing"
    shift: float = 1.0
    dropout: Mapping[str, float] = field(default_factory=dict)
    windows: Mapping[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.weighting not in LOSS_WEIGHTS:
            raise SettingError(
                f"objective.weighting={self.weighting!r}: give {' or '.join(LOSS_WEIGHTS)}"
            )
        if not self.shift > 0:
            raise SettingError(f"objective.shift={self.shift}: give a positive number")
        for length, weight in self.windows.items():
            whole = isinstance(length, int) and not isinstance(length, bool)
            if not whole or length < 1 or not 0 <= weight < math.inf:
                raise SettingError(
                    f"objective.windows={{{length!r:.40}: {weight!r:.40}}}: give lengths of "
                    "1 frame or more, and weights of 0 or more"
                )
