"""Encoder of T5, with the parameter names of transformers and its results bit by bit."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from jasco.errors import CheckpointError
from jasco.io.hub import HubOptions, locate
from jasco.io.parts import WEIGHTS, load_tensors, on_meta, save_part
from jasco.io.pretrained import CONFIG, read_config
from jasco.io.torch_files import (
    read_safetensors,
    require_stored,
)
from jasco.t5.config import T5Config

SHARDS = "model-*.safetensors"
"""Weights of large models, some tensors in each file."""


def _gelu_new(x: Tensor) -> Tensor:
    """GELU by tanh, in the order of operations with which the published models compute it."""
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x.pow(3.0))))


_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_new": _gelu_new,
    "silu": F.silu,
}


class RMSNorm(nn.Module):
    """Root mean square layer normalization (arXiv 1910.07467)."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((config.d_model,), float(config.initializer_factor)))
        self.epsilon = config.layer_norm_epsilon

    def forward(self, x: Tensor) -> Tensor:
        variance = x.pow(2).mean(-1, keepdim=True)
        return self.weight * (x * torch.rsqrt(variance + self.epsilon))


class SelfAttention(nn.Module):
    """Multi-head self-attention without scaling; the first layer holds the bias of all layers."""

    def __init__(self, config: T5Config, first: bool) -> None:
        super().__init__()
        self.heads, self.dropout = config.num_heads, config.dropout_rate
        self.buckets = config.relative_attention_num_buckets
        self.max_distance = config.relative_attention_max_distance
        inner = config.num_heads * config.d_kv
        self.q = nn.Linear(config.d_model, inner, bias=False)
        self.k = nn.Linear(config.d_model, inner, bias=False)
        self.v = nn.Linear(config.d_model, inner, bias=False)
        self.o = nn.Linear(inner, config.d_model, bias=False)
        self.relative_attention_bias: Any = None
        if first:
            self.relative_attention_bias = nn.Embedding(self.buckets, self.heads)

    def bucket(self, distances: Tensor) -> Tensor:
        """Buckets of signed distances from query to key: one each near zero, then logarithmic."""
        half = self.buckets // 2
        exact = half // 2
        size = distances.abs()
        ratio = torch.log(size.float() / exact) / math.log(self.max_distance / exact)
        far = (exact + (ratio * (half - exact)).long()).clamp(max=half - 1)
        return torch.where(size < exact, size, far) + half * (distances > 0).long()

    def bias(self, length: int) -> Tensor:
        """Relative position bias (1, H, L, L) of the scores."""
        place = torch.arange(length, device=self.q.weight.device)
        values = self.relative_attention_bias(self.bucket(place[None, :] - place[:, None]))
        return rearrange(values, "q k h -> 1 h q k")

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        q, k, v = (
            rearrange(project(x), "b l (h d) -> b h l d", h=self.heads)
            for project in (self.q, self.k, self.v)
        )
        dropout = self.dropout if self.training else 0.0
        x = F.scaled_dot_product_attention(q, k, v, bias, dropout, scale=1.0)
        return self.o(rearrange(x, "b h l d -> b l (h d)"))


class FeedForward(nn.Module):
    """Feed-forward layer, gated in T5 1.1."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.act = _FUNCTIONS[config.activation]
        names = ("wi_0", "wi_1") if config.gated else ("wi",)
        for name in names:
            self.add_module(name, nn.Linear(config.d_model, config.d_ff, bias=False))
        self.wo = nn.Linear(config.d_ff, config.d_model, bias=False)
        self.dropout = nn.Dropout(config.dropout_rate)

    def forward(self, x: Tensor) -> Tensor:
        first, *gate = (layer(x) for name, layer in self.named_children() if name[:2] == "wi")
        inner = self.act(first) * gate[0] if gate else self.act(first)
        return self.wo(self.dropout(inner))


class Sublayer(nn.Module):
    """Pre-norm residual around self-attention or a feed-forward layer."""

    def __init__(self, config: T5Config, name: str, inner: nn.Module) -> None:
        super().__init__()
        self.add_module(name, inner)
        self.layer_norm = RMSNorm(config)
        self.dropout = nn.Dropout(config.dropout_rate)
        self.name = name

    def forward(self, x: Tensor, *rest: Tensor) -> Tensor:
        return x + self.dropout(self.get_submodule(self.name)(self.layer_norm(x), *rest))


class Block(nn.Module):
    """Self-attention and feed-forward layer."""

    def __init__(self, config: T5Config, first: bool) -> None:
        super().__init__()
        self.layer = nn.ModuleList(
            [
                Sublayer(config, "SelfAttention", SelfAttention(config, first)),
                Sublayer(config, "DenseReluDense", FeedForward(config)),
            ]
        )

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        return self.layer[1](self.layer[0](x, bias))


class Stack(nn.Module):
    """Embedding of the tokens and all blocks."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.block = nn.ModuleList(Block(config, i == 0) for i in range(config.num_layers))
        self.final_layer_norm = RMSNorm(config)
        self.dropout = nn.Dropout(config.dropout_rate)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        x = self.dropout(self.embed_tokens(ids))
        attention: Any = self.get_submodule("block.0.layer.0.SelfAttention")
        # Masked keys have the least number, as in transformers, and no row is without a key.
        least = torch.finfo(x.dtype).min
        bias: Tensor = attention.bias(ids.shape[1])
        bias = torch.where(rearrange(mask, "b k -> b 1 1 k"), bias, least).contiguous()
        for block in self.block:
            x = block(x, bias)
        return self.dropout(self.final_layer_norm(x))


class T5Encoder(nn.Module):
    """Encoder of T5 (arXiv 1910.10683) in float32.

    Args:
        config: sizes of the encoder, whose weights are random.
    """

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.config = config
        self.shared = nn.Embedding(config.vocab_size, config.d_model)
        self.encoder = Stack(config)
        self._initialize()
        self.encoder.embed_tokens.weight = self.shared.weight

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Hidden states (B, L, D) of token ids (B, L) with a mask (B, L), true at tokens."""
        return self.encoder(ids, mask)

    @classmethod
    def load(cls, name: str, revision: str | None = None) -> T5Encoder:
        """Encoder of a folder or Hub id in float32, complete or not at all.

        Raises:
            CheckpointError: it cannot be found or read, lacks tensors or states sizes that differ
                from its files, or has weights that are not finite.
        """
        folder = locate(name, (CONFIG, WEIGHTS, SHARDS), HubOptions(revision)).folder
        if (folder / "adapter_config.json").exists():
            raise CheckpointError(
                f"{folder} holds an adapter, which is not read: give a whole model"
            )
        config = T5Config(**read_config(folder, T5Config))
        model = on_meta(lambda: cls(config), folder / CONFIG)
        require_stored(sum(p.numel() for p in model.parameters()), folder / CONFIG)
        whole = folder / WEIGHTS
        paths = [whole] if whole.exists() else [*sorted(folder.glob(SHARDS))] or [whole]
        found = {key: x for path in paths for key, x in read_safetensors(path).items()}
        shared, tied = "shared.weight", "encoder.embed_tokens.weight"
        table = found.get(shared, found.get(tied))
        if table is not None:
            found |= {shared: table, tied: table}
        load_tensors(model, found, name)  # T5 has a decoder too, which is left out
        model.encoder.embed_tokens.weight = model.shared.weight
        return model

    def save(self, folder: Path) -> None:
        """Write the encoder to a folder that transformers loads."""
        save_part(folder, self, "T5EncoderModel", without="encoder.embed_tokens.weight")

    def _initialize(self) -> None:
        """Random weights in the order in which transformers draws them."""
        config = self.config
        factor, inner = config.initializer_factor, config.num_heads * config.d_kv
        width = factor * config.d_model**-0.5

        def draw(module: nn.Module) -> None:
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, 0.0, factor)
            elif isinstance(module, SelfAttention):
                query = factor * (config.d_model * config.d_kv) ** -0.5
                stds = {"q": query, "k": width, "v": width, "o": factor * inner**-0.5}
                for name, std in stds.items():
                    nn.init.normal_(module.get_parameter(f"{name}.weight"), 0.0, std)
                if module.relative_attention_bias is not None:
                    nn.init.normal_(module.relative_attention_bias.weight, 0.0, width)
            elif isinstance(module, FeedForward):
                for name, layer in module.named_children():
                    if isinstance(layer, nn.Linear):
                        std = factor * config.d_ff**-0.5 if name == "wo" else width
                        nn.init.normal_(layer.weight, 0.0, std)

        self.encoder.apply(draw)
        self.shared.apply(draw)
        nn.init.normal_(self.shared.weight, 0.0, factor)
