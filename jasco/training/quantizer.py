"""Learning the codebooks of a residual vector quantiser, in the buffers of transformers' EnCodec.

Codes are assigned by transformers' own layers, so what was trained and what is loaded from an
export quantise alike. Codebooks are moving averages of the vectors assigned to them (van den Oord
et al., arXiv 1711.00937, appendix A.1), residual over residual (Zeghidour et al., arXiv
2107.03312); codes that nothing is assigned to are given a vector of the batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, cast

import torch
from torch import Tensor, distributed
from torch.nn import functional as F
from transformers.models.encodec.modeling_encodec import (
    EncodecEuclideanCodebook,
    EncodecResidualVectorQuantizer,
    EncodecVectorQuantization,
)

from jasco.errors import SettingError


class Quantized(NamedTuple):
    """What a residual quantiser makes of latents.

    Attributes:
        codes: (Q, B, T) of each codebook.
        latents: (Q, B, D, T), the sum of the first 1, 2, ... Q codebooks' vectors.
        commitment: scalar, mean squared distance of the latents from their codes, the codebooks
            being held; its gradient draws the latents towards them.
    """

    codes: Tensor
    latents: Tensor
    commitment: Tensor


class CodebookLearner:
    """Quantises latents and moves the codebooks towards them.

    Args:
        quantizer: whose buffers ``embed``, ``embed_avg`` and ``cluster_size`` are written. A
            codebook that was never used is filled from the first batches.
        decay: of the moving averages, per step. Latents move fast at first: codebooks of longer
            memory are left behind, and most codes unused.
        dead_share: a code is dead, and is revived, when the moving average of its use falls below
            this share of the mean use. Relative, so that it holds for any batch and codebook size.

    Raises:
        SettingError: decay or share not between 0 and 1.
    """

    def __init__(
        self,
        quantizer: EncodecResidualVectorQuantizer,
        decay: float = 0.95,
        dead_share: float = 0.1,
    ) -> None:
        for name, value in (("decay", decay), ("dead_share", dead_share)):
            if not 0 <= value < 1:
                raise SettingError(f"{name}={value}: give a number of at least 0 and below 1")
        self.quantizer = quantizer
        self.decay = decay
        self.dead_share = dead_share

    def __call__(self, latents: Tensor, learn: bool) -> Quantized:
        """Quantise by all codebooks.

        Args:
            latents: (B, D, T) float32 in EnCodec's own scale.
            learn: move the codebooks first; the vectors that dead codes are given are drawn by the
                global generator of the CPU.
        """
        residual, total = latents, torch.zeros_like(latents)
        codes, sums, commitments = [], [], []
        for layer in cast("Iterable[EncodecVectorQuantization]", self.quantizer.layers):
            if learn:
                self._learn(layer.codebook, residual.detach().transpose(1, 2).flatten(0, 1))
            codes.append(layer.encode(residual.detach()))
            nearest = layer.decode(codes[-1])
            commitments.append(F.mse_loss(residual, nearest))
            total = total + nearest
            residual = residual - nearest
            sums.append(total)
        return Quantized(torch.stack(codes), torch.stack(sums), torch.stack(commitments).mean())

    @torch.no_grad()
    def _learn(self, codebook: EncodecEuclideanCodebook, vectors: Tensor) -> None:
        """One step of a codebook on the vectors (N, D) it is to quantise."""
        codes = codebook.codebook_size
        mean_use = len(vectors) * _processes() / codes
        dead = codebook.cluster_size < self.dead_share * mean_use
        # Each dead code takes another vector; with more dead codes than vectors the rest waits.
        nth = dead.cumsum(0) - 1
        revived = dead & (nth < len(vectors))
        order = torch.randperm(len(vectors)).to(vectors.device)
        candidates = vectors[order[nth.clamp(0, len(vectors) - 1)]]
        if distributed.is_initialized():
            distributed.broadcast(candidates, src=0)
        codebook.embed[revived] = candidates[revived]
        codebook.embed_avg[revived] = candidates[revived] * mean_use
        codebook.cluster_size[revived] = mean_use  # of average use, until it shows its own

        assigned = F.one_hot(codebook.quantize(vectors), codes).to(vectors.dtype)
        use, sums = assigned.sum(0), assigned.T @ vectors
        if distributed.is_initialized():
            distributed.all_reduce(use)
            distributed.all_reduce(sums)
        codebook.cluster_size.lerp_(use, 1 - self.decay)
        codebook.embed_avg.lerp_(sums, 1 - self.decay)
        codebook.embed.copy_(codebook.embed_avg / codebook.cluster_size.clamp(min=1e-6)[:, None])


def straight_through(latents: Tensor, quantized: Tensor) -> Tensor:
    """The quantised latents, through which the gradient passes as if they were the latents."""
    return latents + (quantized - latents).detach()


def _processes() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1
