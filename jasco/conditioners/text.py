"""Text conditioner: a T5 encoder, whose output is attended to or pooled into one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from safetensors.torch import save_file
from torch import Tensor, nn

from jasco.codec import EnCodec
from jasco.conditioners.base import Conditioner
from jasco.conditions import Encoded
from jasco.device import full_float32, to_device
from jasco.errors import CheckpointError, ConditionError, SettingError
from jasco.io.pretrained import make_config
from jasco.io.torch_files import read_safetensors, require_finite
from jasco.t5 import ByteTokenizer, T5Config, T5Encoder, Tokenizer, load_tokenizer

QUERIES_FILE = "summary.safetensors"
"""Pooling queries that were trained with the encoder, in its folder."""


class TextConditioner(Conditioner):
    """Projection of the hidden states of a T5 encoder; the null is a single zero token, or zero.

    Padding is masked, so an item does not depend on the lengths of the other texts in its batch.

    With ``pooling_queries``, attention pooling (multi-head attention with learned queries, as in
    Lee et al., arXiv 1810.00825, section 3.2) reduces the hidden states to one vector that is added
    to every frame, as other controls are. A small network learns to use one vector much sooner than
    to attend to the few relevant tokens of a long text.

    Args:
        dim: width D of the network.
        pretrained: Hub id or folder of a T5 with its tokenizer; its weights are loaded.
        revision: commit of the Hub id.
        config: values of a `T5Config` for random weights, with the byte tokenizer `ByteTokenizer`,
            which needs no file; ignored with ``pretrained``.
        finetune: train the encoder too; else it is frozen.
        max_tokens: longest accepted text (tokens).
        pooling_queries: number of queries Q of the attention pooling; 0 for none, where the network
            attends to all tokens.

    Raises:
        SettingError: neither ``pretrained`` nor ``config`` is given, or the encoder's folder has
            another number of queries.
        CheckpointError: the pretrained encoder cannot be found or read, or is not whole.
    """

    def __init__(
        self,
        dim: int,
        pretrained: str | None = None,
        revision: str | None = None,
        config: Mapping[str, Any] | None = None,
        finetune: bool = False,
        max_tokens: int = 512,
        pooling_queries: int = 0,
    ) -> None:
        super().__init__()
        if pretrained is not None:
            self.encoder = T5Encoder.load(pretrained, revision)
            self.tokenizer: Tokenizer = load_tokenizer(pretrained, revision)
            if len(self.tokenizer) > self.encoder.config.vocab_size:
                raise CheckpointError(
                    f"the tokenizer of {pretrained} has {len(self.tokenizer)} tokens and its "
                    f"encoder knows {self.encoder.config.vocab_size}: they do not belong together"
                )
        elif config is not None:
            self.tokenizer = ByteTokenizer()
            self.encoder = T5Encoder(make_config(T5Config, config))
        else:
            raise SettingError("text needs a pretrained T5 id or folder, or a config to start from")
        self.finetune = finetune
        # An encoder that is trained, or starts from random weights, is stored in the checkpoint:
        # the Hub does not have it.
        self.on_hub = pretrained is not None and not finetune
        self.max_tokens = max_tokens
        width = self.encoder.config.d_model
        # Saved tensors have the name `summary`.
        self.summary = nn.Linear(width, pooling_queries, bias=False) if pooling_queries else None
        if self.summary is not None and pretrained is not None:
            _load_queries(self.summary, Path(pretrained))
        self.project = nn.Linear(max(pooling_queries, 1) * width, dim)
        self.encoder.requires_grad_(finetune)
        self.train(self.training)

    def train(self, mode: bool = True) -> TextConditioner:
        """Set the training mode; a frozen encoder stays in evaluation mode."""
        super().train(mode)
        self.encoder.train(mode and self.finetune)
        return self

    def prepare(
        self, values: Sequence[str | None], num_frames: int, codec: EnCodec
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Token ids (B, L), their mask (B, L), and a mask (B,) of the items that have a text."""
        texts = ["" if value is None else value for value in values]
        ids, mask = self.tokenizer(texts)
        longest = int(mask.sum(1).argmax())
        if int(mask[longest].sum()) > self.max_tokens:
            raise ConditionError(
                f"the text {texts[longest][:40]!r}... has {int(mask[longest].sum())} tokens: "
                f"shorten it, at most {self.max_tokens} are read"
            )
        given = torch.tensor([bool(text) for text in texts])
        device = codec.mean.device
        return to_device(ids, device), to_device(mask, device), to_device(given, device)

    def forward(self, prepared: tuple[Tensor, Tensor, Tensor]) -> Encoded:
        """Embeddings (B, L, D) of the tokens, or pooled (B, 1, D); the null without a text."""
        ids, mask, given = prepared
        with (
            torch.set_grad_enabled(self.finetune and torch.is_grad_enabled()),
            full_float32(ids.device),
        ):
            hidden = self.encoder(ids, mask)
        if self.summary is not None:
            pooled = rearrange(self.pool(hidden, mask), "b q d -> b 1 (q d)")
            values = self.project(pooled)
            return Encoded(values, values.new_zeros(values.shape[-1])).drop(where=~given)
        values = self.project(hidden)
        values = torch.where(mask[..., None], values, values.new_zeros(()))
        encoded = Encoded(values, values.new_zeros(values.shape[-1]), mask)
        return encoded.drop(where=~given)

    def pool(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Attention pooling (B, Q, d) of hidden states (B, L, d) with their mask (B, L).

        Raises:
            SettingError: the conditioner has no pooling queries.
        """
        if self.summary is None:
            raise SettingError("this text has no pooling queries: give pooling_queries")
        scores = self.summary(hidden).masked_fill(~mask[..., None], -torch.inf)
        weights = rearrange(scores.softmax(1), "b l q -> b q l")
        return weights.to(hidden.dtype) @ hidden

    def save_encoder(self, folder: Path) -> None:
        """Write T5, tokenizer and pooling queries to a folder that transformers loads."""
        self.encoder.save(folder)
        self.tokenizer.save(folder)
        if self.summary is not None:
            save_file(self.summary.state_dict(), folder / QUERIES_FILE)


def _load_queries(queries: nn.Linear, folder: Path) -> None:
    """Load the pooling queries of an encoder's folder, where it has any."""
    path = folder / QUERIES_FILE
    if not path.is_file():
        return
    found = read_safetensors(path)
    if "weight" not in found or found["weight"].dim() != 2:
        raise CheckpointError(f"{path} holds no queries")
    if found["weight"].shape != queries.weight.shape:
        raise SettingError(
            f"{folder} has {len(found['weight'])} queries: give pooling_queries that number"
        )
    require_finite(found, path)
    queries.load_state_dict({"weight": found["weight"]})
