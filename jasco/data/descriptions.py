"""Descriptions of songs that nobody plays, with what they say: data for a text encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from jasco.data.dropout import TextDropout
from jasco.data.numbered import NumberedDataModule
from jasco.data.synthetic.sketch import retell, said, sketch_song
from jasco.errors import SettingError

_LONGEST_EXCERPT = 5  # words


class Retelling(TextDropout):
    """The text of a song of the band, told anew each time; of any other item as it is.

    A model that hears a few hundred songs again and again knows each by its description, and then
    has no need to understand it. Arguments are those of `TextDropout`.
    """

    def draw(self, fields: Mapping[str, Any], rng: np.random.Generator) -> str | None:
        told = retell(fields, Random(int(rng.integers(2**63))))
        return super().draw({**fields, "text": told} if told else fields, rng)


class DescriptionBatch(NamedTuple):
    """Texts of B songs, and what each says of each fact: numbers (B, F) of `VALUES`."""

    texts: list[str]
    labels: Tensor

    def to(self, device: torch.device | str, non_blocking: bool = False) -> DescriptionBatch:
        """With its labels on another device."""
        return self._replace(labels=self.labels.to(device, non_blocking=non_blocking))


class DescriptionDataModule(NumberedDataModule):
    """Descriptions by the band, without end.

    Args:
        batch_size: descriptions per device and step.
        workers: processes that write them.
        seed: of the songs.
        val_descriptions: how many others a validation has.
        drop_word: probability that a word is left out in training.
        excerpts: so many descriptions at the beginning of training are cut to a few words. Short
            texts are soon computed, and what a word says is sooner learnt from few of them.
    """

    def __init__(
        self,
        batch_size: int = 64,
        workers: int = 1,
        seed: int = 0,
        val_descriptions: int = 1024,
        drop_word: float = 0.1,
        excerpts: int = 0,
    ) -> None:
        super().__init__(collate, batch_size, workers, val_descriptions, "val_descriptions")
        if excerpts < 0:
            raise SettingError(f"data.excerpts is {excerpts}: give at least 0")
        dropout = TextDropout(merge=0.0, drop_word=drop_word)
        self._clips = {
            "train": Descriptions(f"text {seed}", dropout, excerpts),
            "val": Descriptions(f"text {seed} held out"),
        }


class Descriptions(Dataset[tuple[str, tuple[int, ...]]]):
    """Descriptions by number, each with what it says; see `DescriptionDataModule`."""

    def __init__(self, seed: str, dropout: TextDropout | None = None, excerpts: int = 0) -> None:
        self.seed, self.dropout, self.excerpts = seed, dropout, excerpts

    def __getitem__(self, number: int) -> tuple[str, tuple[int, ...]]:
        text, facts = sketch_song(f"{self.seed}/{number}")
        rng = np.random.default_rng(number)
        if number < self.excerpts:
            words = text.split()
            first, count = rng.integers(len(words)), rng.integers(1, _LONGEST_EXCERPT + 1)
            text = " ".join(words[first : first + count])
        elif self.dropout is not None:
            text = self.dropout.draw({"description": text}, rng) or text
        return text, said(text, facts)


def collate(items: Sequence[tuple[str, tuple[int, ...]]]) -> DescriptionBatch:
    """Descriptions to a batch."""
    texts, labels = zip(*items, strict=True)
    return DescriptionBatch(list(texts), torch.tensor(labels))
