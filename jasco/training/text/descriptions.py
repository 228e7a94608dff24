"""Descriptions of drafted songs with labels of the facts they name: data for a text encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from jasco.band.sketch import label_description, resample_description, sketch_song
from jasco.data.dropout import TextDropout
from jasco.data.resumable import ResumableDataModule
from jasco.errors import SettingError

_LONGEST_EXCERPT = 5  # words


class DescriptionResampling(TextDropout):
    """Text augmentation: a new description of a synthetic song for each draw.

    With one fixed description a song, a model that repeats a few hundred songs can memorise them by
    their text without learning its words. Items that are not of the band keep their text. Arguments
    are those of `TextDropout`.
    """

    def draw(self, fields: Mapping[str, Any], rng: np.random.Generator) -> str | None:
        text = resample_description(fields, Random(int(rng.integers(2**63))))
        return super().draw({**fields, "text": text} if text else fields, rng)


class DescriptionBatch(NamedTuple):
    """Texts of B songs, and the value that each names of F facts: indices (B, F) in `VALUES`."""

    texts: list[str]
    labels: Tensor

    def to(self, device: torch.device | str, non_blocking: bool = False) -> DescriptionBatch:
        """Batch with its labels on another device."""
        return self._replace(labels=self.labels.to(device, non_blocking=non_blocking))


class DescriptionDataModule(ResumableDataModule):
    """Descriptions of drafted songs, an infinite training set and a fixed validation set.

    Args:
        batch_size: descriptions per device and step.
        workers: processes that generate descriptions.
        seed: seed of the songs.
        val_descriptions: number of descriptions in the validation set.
        drop_word: probability that a word is dropped in training.
        excerpts: number of descriptions at the start of training that are cropped to 1 to 5 words.
            Short texts take less time, and the meaning of a single word is learned sooner from
            them.
    """

    def __init__(
        self,
        batch_size: int = 64,
        workers: int | None = 1,
        seed: int = 0,
        val_descriptions: int = 1024,
        drop_word: float = 0.1,
        excerpts: int = 0,
    ) -> None:
        super().__init__(collate, batch_size, workers, val_descriptions, "val_descriptions")
        if excerpts < 0:
            raise SettingError(f"data.excerpts is {excerpts}: give at least 0")
        dropout = TextDropout(merge=0.0, drop_word=drop_word)
        self.datasets = {
            "train": DescriptionDataset(f"text {seed}", dropout, excerpts),
            "val": DescriptionDataset(f"text {seed} held out"),
        }


class DescriptionDataset(Dataset[tuple[str, tuple[int, ...]]]):
    """Infinite, index-addressed dataset of descriptions with their labels.

    Args:
        seed: seed of the songs.
        dropout: augmentation of the texts; ``None`` for none.
        excerpts: number of first items that are cropped to 1 to 5 words.
    """

    def __init__(self, seed: str, dropout: TextDropout | None = None, excerpts: int = 0) -> None:
        self.seed, self.dropout, self.excerpts = seed, dropout, excerpts

    def __getitem__(self, index: int) -> tuple[str, tuple[int, ...]]:
        text, facts = sketch_song(f"{self.seed}/{index}")
        rng = np.random.default_rng(index)
        if index < self.excerpts:
            words = text.split()
            first, count = rng.integers(len(words)), rng.integers(1, _LONGEST_EXCERPT + 1)
            text = " ".join(words[first : first + count])
        elif self.dropout is not None:
            text = self.dropout.draw({"description": text}, rng) or text
        return text, label_description(text, facts)


def collate(items: Sequence[tuple[str, tuple[int, ...]]]) -> DescriptionBatch:
    """Batch of descriptions and labels."""
    texts, labels = zip(*items, strict=True)
    return DescriptionBatch(list(texts), torch.tensor(labels))
