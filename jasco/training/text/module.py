"""A text encoder as Lightning trains it before there is music: by what descriptions say.

From the loss of a flow alone an encoder of random weights learns next to nothing: what a text
decides, such as who plays the lead, is soon to be seen in the noisy latents themselves. So it first
learns to read, and the flow then only has to learn what it reads.
"""

from __future__ import annotations

import os
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from jasco.band.sketch import VALUES
from jasco.conditioners import TextConditioner
from jasco.errors import CheckpointError, SettingError
from jasco.io.atomic import replacing_folder
from jasco.t5 import T5Encoder
from jasco.training.callbacks import averaged
from jasco.training.module import TrainingModule
from jasco.training.optim import Optimization
from jasco.training.text.descriptions import DescriptionBatch

_NEIGHBOURS = (-1, 1, -3, 3)
_NEAR = 6.0  # logits above all other distances: e^6 is 400 tokens
_FADING = 0.15  # logits a token


class TextModule(TrainingModule):
    """Training of the T5 of a `TextConditioner` to tell what a description says of a song.

    For each fact, a query of its summary attends to the encoder's tokens, and a linear layer reads
    what it finds: which value the text names, or none. The same summary then serves a flow.

    Args:
        text: its encoder is trained, from `init_local_attention_bias` on; its projection, which
            belongs to a flow, is not.
        optim: the optimiser and its schedule.
        seed: of the encoder's dropout.

    Raises:
        SettingError: the text has not one query for each of `VALUES`.
    """

    def __init__(
        self, text: TextConditioner, optim: Optimization | None = None, seed: int = 0
    ) -> None:
        super().__init__(optim, seed)
        if text.summary is None or text.summary.out_features != len(VALUES):
            raise SettingError(
                f"the text has a query for each fact: give pooling_queries={len(VALUES)}"
            )
        self.text = text
        text.project.requires_grad_(False)
        init_local_attention_bias(text.encoder)
        width = text.encoder.config.d_model
        self.heads = nn.ModuleDict({n: nn.Linear(width, len(v)) for n, v in VALUES.items()})

    def forward(self, texts: list[str]) -> dict[str, Tensor]:
        """Logits (B, values) of each fact of `VALUES` for B texts."""
        ids, mask = (tensor.to(self.device) for tensor in self.text.tokenizer(texts))
        found = self.text.pool(self.text.encoder(ids, mask), mask)
        pairs = zip(self.heads.items(), found.unbind(1), strict=True)
        return {name: head(x) for (name, head), x in pairs}

    def training_step(self, batch: DescriptionBatch, batch_idx: int) -> Tensor:
        """Sum of the cross-entropies of all facts."""
        loss = self._loss(self(batch.texts), batch.labels)
        self.log("train/loss", loss, prog_bar=True)
        self.log("train/lr", self.trainer.optimizers[0].param_groups[0]["lr"])
        return loss

    def validation_step(self, batch: DescriptionBatch, batch_idx: int) -> None:
        """The loss, and the share of texts that say a fact of which it is told right."""
        logits = self(batch.texts)
        found = {"loss": self._loss(logits, batch.labels)}
        for (name, scores), right in zip(logits.items(), batch.labels.unbind(1), strict=True):
            says = right > 0
            if says.any():
                found[name] = (scores.argmax(1) == right)[says].float().mean()
        named = {f"val/{name}": value for name, value in found.items()}
        self.log_dict(named, batch_size=len(batch.texts), sync_dist=True)

    @staticmethod
    def _loss(logits: dict[str, Tensor], labels: Tensor) -> Tensor:
        pairs = zip(logits.values(), labels.unbind(1), strict=True)
        return sum((cross_entropy(x, y) for x, y in pairs), start=labels.new_zeros(()).float())


@torch.no_grad()
def init_local_attention_bias(encoder: T5Encoder) -> None:
    """Let the attention heads of a T5 begin with neighbouring tokens; the last one looks around.

    A word is an order of bytes, and a T5 knows order only by one learned number for each head and
    distance. From random numbers near zero those take thousands of steps to become large enough
    that a head sees a single neighbour.
    """
    stack: Any = encoder.encoder  # whose parts torch does not declare
    attention = stack.block[0].layer[0].SelfAttention
    bias = attention.relative_attention_bias.weight  # (buckets of distances, heads)
    far = attention.max_distance
    distances = torch.arange(-far, far + 1)
    buckets = attention.bucket(distances)
    bias.zero_()
    for head, neighbour in zip(range(bias.shape[1] - 1), cycle(_NEIGHBOURS), strict=False):
        bias[buckets[distances == neighbour], head] = _NEAR
    for bucket in buckets.unique():
        bias[bucket, -1] = -_FADING * distances[buckets == bucket].abs().min()


class TextExport(Callback):
    """Writes the encoder and its tokenizer at the end, as a folder that transformers loads.

    Args:
        folder: where; an earlier export there is replaced.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write, with averaged weights where they are averaged."""
        if not isinstance(pl_module, TextModule):
            raise SettingError("TextExport belongs to a Trainer with a TextModule")
        if not trainer.is_global_zero:
            return
        if self.folder.exists() and not (self.folder / "config.json").is_file():
            raise CheckpointError(
                f"{self.folder} exists and holds no text encoder: choose another folder"
            )
        with averaged(trainer, pl_module), replacing_folder(self.folder) as new:
            pl_module.text.save_encoder(new)
