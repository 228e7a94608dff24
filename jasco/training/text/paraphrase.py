"""Distillation of a text encoder from itself: everyday prompts get the vectors of descriptions.

The network behind the encoder stays as it is: for a prompt like "rainy window" it is given what it
has learned to follow, the vector of a description such as "lo-fi".
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from jasco.band.description import GENRE_WORDS
from jasco.conditioners import TextConditioner
from jasco.model import Jasco
from jasco.training.flow.breakdown import LossBreakdown
from jasco.training.flow.module import JascoModule, keep_out_of_checkpoints
from jasco.training.footprint import footprint
from jasco.training.optim import Optimization
from jasco.training.text.everyday import ParaphraseBatch

_KINDS = ("everyday", "descriptions")


class ParaphraseModule(JascoModule):
    """Training of the text conditioner of a `Jasco` to give everyday prompts known vectors.

    The loss is the squared error of a text's vector to the teacher's vector of a description of the
    same facts, relative to the variance of the teacher's vectors. Descriptions among the texts keep
    the vectors that they have. Checkpoints hold the whole model, without the teacher.

    Args:
        model: of `jasco.training.flow.start.text_model`; its text alone trains.
        teacher: frozen text conditioner of the same checkpoint.
        optim, seed: as for `JascoModule`.
    """

    def __init__(
        self,
        model: Jasco,
        teacher: TextConditioner,
        optim: Optimization | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(model, None, optim, seed)
        self.teacher = teacher
        keep_out_of_checkpoints(self, ("teacher.",))
        self._seen = LossBreakdown(["loss", *_KINDS])
        self._evaluated = LossBreakdown(["loss", *_KINDS, "genre", "genre_of_teacher"])
        self._known: tuple[Tensor, Tensor] | None = None

    def shared_parts(self) -> list[nn.Module]:
        """Frozen parts of the model, and the teacher."""
        return [*super().shared_parts(), self.teacher]

    def size(self, batch_size: int, precision: str, *, averaged: bool) -> list[str]:
        """Parameters of the model: those of the text train."""
        return footprint(self.model, batch_size, torch.float32, averaged=averaged).lines()[:-1]

    def configure_data(self, data: Any) -> None:
        """Nothing: the texts have no conditions to drop."""

    # --- loss --------------------------------------------------------------------------------

    @property
    def text(self) -> TextConditioner:
        """Text conditioner of the model, the student."""
        return cast(TextConditioner, self.model.conditioners["text"])

    def forward(self, texts: list[str]) -> Tensor:
        """Vectors (B, D) of texts, by the student."""
        return self._vectors(self.text, texts)

    def taught(self, texts: list[str]) -> Tensor:
        """Vectors (B, D) of texts, by the teacher."""
        with torch.no_grad():
            return self._vectors(self.teacher, texts)

    def errors(self, batch: ParaphraseBatch) -> Tensor:
        """Squared errors (B,), relative to the variance of the teacher's vectors."""
        return self._errors(self(batch.texts), self.taught(batch.descriptions))

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Mean error of a `ParaphraseBatch`."""
        errors = self.errors(batch)
        self._add(self._seen, errors, batch)
        return errors.mean()

    def _vectors(self, text: TextConditioner, texts: list[str]) -> Tensor:
        ids, mask, _ = text.prepare(texts, 1, self.model.codec)
        return text.project(text.pool(text.encoder(ids, mask), mask).flatten(1)).float()

    def _errors(self, vectors: Tensor, targets: Tensor) -> Tensor:
        _, variance = self._reference()
        return (vectors - targets).square().sum(1) / variance

    def _reference(self) -> tuple[Tensor, Tensor]:
        """Teacher's mean vectors (genres, D) of the words of each genre, and their variance."""
        if self._known is None:
            vectors = [self.taught(list(words)) for words in GENRE_WORDS.values()]
            centroids = torch.stack([each.mean(0) for each in vectors])
            self._known = centroids, torch.cat(vectors).var(0).sum()
        return self._known

    # --- evaluation --------------------------------------------------------------------------

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Errors, and the share of everyday prompts that are nearest to their genre."""
        vectors, targets = self(batch.texts), self.taught(batch.descriptions)
        self._add(self._evaluated, self._errors(vectors, targets), batch)
        centroids, _ = self._reference()
        for name, found in (("genre", vectors), ("genre_of_teacher", targets)):
            right = torch.cdist(found, centroids).argmin(1) == batch.genres
            self._evaluated.add(name, right.float(), batch.everyday)

    @staticmethod
    def _add(breakdown: LossBreakdown, errors: Tensor, batch: ParaphraseBatch) -> None:
        breakdown.add("loss", errors)
        breakdown.add("everyday", errors, batch.everyday)
        breakdown.add("descriptions", errors, ~batch.everyday)
