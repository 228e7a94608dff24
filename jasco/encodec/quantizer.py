"""Residual vector quantiser of EnCodec (arXiv 2210.13438, section 3.2)."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from jasco.encodec.config import EncodecConfig


class Codebook(nn.Module):
    """Codebook of vectors (codes, D), with the statistics of its training.

    Attributes:
        embed: vectors (codes, D).
        embed_avg, cluster_size: moving averages of the sum and the number of assigned vectors.
        inited: 1 where the vectors are set.
    """

    embed: Tensor
    embed_avg: Tensor
    cluster_size: Tensor
    inited: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("inited", torch.ones(1))
        self.register_buffer("cluster_size", torch.zeros(size))
        self.register_buffer("embed", torch.zeros(size, dim))
        self.register_buffer("embed_avg", torch.zeros(size, dim))

    def nearest(self, vectors: Tensor) -> Tensor:
        """Codes (N,) of the vectors closest to (N, D) in Euclidean distance."""
        lengths = vectors.square().sum(1, keepdim=True)
        products = 2 * vectors @ self.embed.T
        return (lengths - products + self.embed.T.square().sum(0, keepdim=True)).argmin(-1)


class Quantizer(nn.Module):
    """Vector quantiser of latents by one codebook."""

    def __init__(self, config: EncodecConfig) -> None:
        super().__init__()
        self.codebook = Codebook(config.codebook_size, config.codebook_dim or config.hidden_size)

    def encode(self, latents: Tensor) -> Tensor:
        """Codes (B, T) of latents (B, D, T)."""
        codes = self.codebook.nearest(rearrange(latents, "b d t -> (b t) d"))
        return rearrange(codes, "(b t) -> b t", b=len(latents))

    def decode(self, codes: Tensor) -> Tensor:
        """Latents (B, D, T) of codes (B, T)."""
        return rearrange(F.embedding(codes, self.codebook.embed), "b t d -> b d t")


class ResidualQuantizer(nn.Module):
    """Cascade of quantisers; each one quantises what the ones before it leave."""

    def __init__(self, config: EncodecConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Quantizer(config) for _ in range(config.num_quantizers))
