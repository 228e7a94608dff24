"""Everyday prompts and descriptions of drafted songs: data to teach a text encoder paraphrases."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from jasco.band.description import GENRE_WORDS, describe
from jasco.band.everyday import Scenes, draw_everyday, split_scenes
from jasco.band.sketch import sketch_facts
from jasco.data.dropout import TextDropout
from jasco.data.resumable import ResumableDataModule

GENRES = tuple(GENRE_WORDS)
"""Genres, in the order of their classes."""


class Paraphrase(NamedTuple):
    """Text, and a description whose vector it shall have.

    Attributes:
        text: everyday prompt, or a description.
        description: description of the same facts; the text itself where that is one.
        genre: index in `GENRES`.
        everyday: whether the text is an everyday prompt.
    """

    text: str
    description: str
    genre: int
    everyday: bool


class ParaphraseBatch(NamedTuple):
    """Fields of B items of `Paraphrase`, with tensors (B,) of the last two."""

    texts: list[str]
    descriptions: list[str]
    genres: Tensor
    everyday: Tensor

    def to(self, device: torch.device | str, non_blocking: bool = False) -> ParaphraseBatch:
        """Batch with its tensors on another device."""
        return self._replace(
            genres=self.genres.to(device, non_blocking=non_blocking),
            everyday=self.everyday.to(device, non_blocking=non_blocking),
        )


class ParaphraseDataset(Dataset[Paraphrase]):
    """Infinite, index-addressed dataset: everyday prompts at even indices, descriptions at odd.

    Args:
        seed: seed of the songs.
        scenes: phrases of the everyday prompts.
        dropout: augmentation of the texts; ``None`` for none.
    """

    def __init__(self, seed: str, scenes: Scenes, dropout: TextDropout | None = None) -> None:
        self.seed, self.scenes, self.dropout = seed, scenes, dropout

    def __getitem__(self, index: int) -> Paraphrase:
        facts = sketch_facts(f"{self.seed}/{index}")
        rng = Random(f"{self.seed}/{index} words")
        everyday = index % 2 == 0
        if everyday:
            prompt, description = draw_everyday(rng, facts, self.scenes)
            text = self._dropped(prompt, index)
        else:
            text = description = self._dropped(describe(rng, facts), index)
        return Paraphrase(text, description, GENRES.index(facts.genre), everyday)

    def _dropped(self, text: str, index: int) -> str:
        if self.dropout is None:
            return text
        return self.dropout.draw({"description": text}, np.random.default_rng(index)) or text


class ParaphraseDataModule(ResumableDataModule):
    """Everyday prompts and descriptions, an infinite training set and a fixed validation set.

    The scenes of the validation set are not in the training set.

    Args:
        batch_size: texts per device and step.
        workers: processes that generate texts.
        seed: seed of the songs.
        val_texts: number of texts in the validation set.
        drop_word: probability that a word is dropped in training.
    """

    def __init__(
        self,
        batch_size: int = 64,
        workers: int | None = 1,
        seed: int = 0,
        val_texts: int = 1024,
        drop_word: float = 0.1,
    ) -> None:
        super().__init__(collate, batch_size, workers, val_texts, "val_texts")
        dropout = TextDropout(merge=0.0, drop_word=drop_word)
        known, held_out = split_scenes()
        self.datasets = {
            "train": ParaphraseDataset(f"everyday {seed}", known, dropout),
            "val": ParaphraseDataset(f"everyday {seed} held out", held_out),
        }


def collate(items: Sequence[Paraphrase]) -> ParaphraseBatch:
    """Batch of items."""
    texts, descriptions, genres, everyday = zip(*items, strict=True)
    return ParaphraseBatch(
        list(texts), list(descriptions), torch.tensor(genres), torch.tensor(everyday)
    )
