"""Training of residual vector quantisation, in the buffers of the EnCodec.

Codebooks are moving averages of the vectors assigned to them (van den Oord et al.,
arXiv 1711.00937, appendix A.1), in a residual cascade (Zeghidour et al., arXiv 2107.03312); dead
codes are replaced by vectors of the batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, cast

import torch
from einops import rearrange
from torch import Tensor, distributed
from torch.nn import functional as F

from jasco.device import to_device
from jasco.encodec.quantizer import Codebook, Quantizer, ResidualQuantizer
from jasco.errors import SettingError


class Quantized(NamedTuple):
    """Quantised latents.

    Attributes:
        codes: (Q, B, T) codes of Q codebooks.
        latents: (Q, B, D, T) partial sums over the first 1, 2, ... Q codebooks.
        commitment: scalar commitment loss: mean squared distance of the residuals from their
            codebook vectors, whose gradient reaches the latents alone.
    """

    codes: Tensor
    latents: Tensor
    commitment: Tensor


class CodebookLearner:
    """Residual quantiser whose codebooks are updated by moving averages.

    Args:
        quantizer: quantiser whose buffers ``embed``, ``embed_avg`` and ``cluster_size`` are
            written. An untrained codebook is filled from the first batches.
        decay: decay of the moving averages per step. Latents change fast at first; a larger decay
            leaves most codes unused.
        dead_share: share of the mean use below which a code is dead and replaced by a vector of the
            batch. Relative, so that it holds for any batch and codebook size.

    Raises:
        SettingError: ``decay`` or ``dead_share`` outside [0, 1).
    """

    def __init__(
        self,
        quantizer: ResidualQuantizer,
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
        """Quantise latents by all codebooks.

        Args:
            latents: (B, D, T) raw latents, float32.
            learn: update the codebooks first; replacements of dead codes are drawn by the global
                generator of the CPU.
        """
        residual, total = latents, torch.zeros_like(latents)
        codes, sums, commitments = [], [], []
        for layer in cast("Iterable[Quantizer]", self.quantizer.layers):
            if learn:
                self._learn(layer.codebook, rearrange(residual.detach(), "b d t -> (b t) d"))
            codes.append(layer.encode(residual.detach()))
            nearest = layer.decode(codes[-1])
            commitments.append(F.mse_loss(residual, nearest))
            total = total + nearest
            residual = residual - nearest
            sums.append(total)
        return Quantized(torch.stack(codes), torch.stack(sums), torch.stack(commitments).mean())

    @torch.no_grad()
    def _learn(self, codebook: Codebook, vectors: Tensor) -> None:
        """Update a codebook with the vectors (N, D) that it quantises."""
        codes = len(codebook.embed)
        mean_use = len(vectors) * _processes() / codes
        dead = codebook.cluster_size < self.dead_share * mean_use
        # Each dead code gets another vector; with more dead codes than vectors, the last ones are
        # replaced in a later step.
        nth = dead.cumsum(0) - 1
        revived = dead & (nth < len(vectors))
        order = to_device(torch.randperm(len(vectors)), vectors.device)
        candidates = vectors[order[nth.clamp(0, len(vectors) - 1)]]
        if distributed.is_initialized():
            distributed.broadcast(candidates, src=0)
        # As if of average use, until the moving average shows its own. The host does not wait, as
        # it would for the number of revived codes.
        rows = revived[:, None]
        codebook.embed.copy_(torch.where(rows, candidates, codebook.embed))
        codebook.embed_avg.copy_(torch.where(rows, candidates * mean_use, codebook.embed_avg))
        codebook.cluster_size.masked_fill_(revived, mean_use)

        nearest = codebook.nearest(vectors)[:, None]
        assigned = (nearest == torch.arange(codes, device=nearest.device)).to(vectors.dtype)
        use, sums = assigned.sum(0), assigned.T @ vectors
        if distributed.is_initialized():
            distributed.all_reduce(use)
            distributed.all_reduce(sums)
        codebook.cluster_size.lerp_(use, 1 - self.decay)
        codebook.embed_avg.lerp_(sums, 1 - self.decay)
        codebook.embed.copy_(codebook.embed_avg / codebook.cluster_size.clamp(min=1e-6)[:, None])


def straight_through(latents: Tensor, quantized: Tensor) -> Tensor:
    """Straight-through estimator: quantised latents whose gradient passes to the latents."""
    return latents + (quantized - latents).detach()


def _processes() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1
