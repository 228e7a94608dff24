"""A drum track as the model hears it: one coarse EnCodec code per latent frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from jasco.errors import ConditionError


@dataclass(frozen=True, eq=False)
class DrumCodes:
    """Codes of the first EnCodec codebook of an isolated drum track.

    They are all that a model takes from drum audio, so a recipe or a prepared dataset that holds
    them needs no audio. They belong to the codec that made them.

    Attributes:
        codes: (T,) int64, one code per latent frame.

    Raises:
        ConditionError: the codes are not a non-empty vector of non-negative whole numbers.
    """

    codes: Tensor

    def __post_init__(self) -> None:
        codes = torch.as_tensor(self.codes)
        if codes.dim() != 1 or codes.numel() == 0 or codes.is_floating_point():
            raise ConditionError(
                f"drum codes of shape {tuple(codes.shape)} and type {codes.dtype}: "
                "give a vector of whole numbers, one per latent frame"
            )
        if int(codes.min()) < 0:
            raise ConditionError(f"drum code {int(codes.min())}: codes are not negative")
        object.__setattr__(self, "codes", codes.to(device="cpu", dtype=torch.int64))

    def __len__(self) -> int:
        return self.codes.numel()
