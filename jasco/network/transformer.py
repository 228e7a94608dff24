"""A pre-norm transformer over latent frames with cross-attention and U-Net skip connections.

Shapes are those of published JASCO checkpoints (arXiv 2406.10970, section 3.3): no biases in
attention and feed-forward, exact GELU, no dropout, not causal.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention of q (B, H, T, d) to k and v (B, H, L, d).

    Args:
        mask: bool, broadcast to (B, H, T, L), true where a query may look.
    """
    if q.device.type == "cpu" and q.dtype == torch.bfloat16 and not torch.is_grad_enabled():
        # On CPUs with bfloat16 products, torch's fused kernel runs at half the speed of plain
        # batched products (30 against 15 ms for 32 heads of 500 frames on Zen 5). Softmax
        # accumulates in float32 in both.
        scores = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-1, -2))
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        return torch.matmul(scores.softmax(-1), v)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


class SelfAttention(nn.Module):
    """Multi-head attention among frames; (B, T, D) to (B, T, D)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = attend(q, k, v)
        return self.out(x.transpose(1, 2).flatten(2))


class CrossAttention(nn.Module):
    """Multi-head attention of frames (B, T, D) to condition tokens (B, L, D)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(dim, dim, bias=False)
        self.kv = nn.Linear(dim, 2 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, tokens: Tensor, mask: Tensor) -> Tensor:
        """``mask`` (B, L) is true at the tokens to attend to, at least one per item."""
        q = self.q(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = self.kv(tokens).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = attend(q, k, v, mask[:, None, None])
        return self.out(x.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Self-attention, cross-attention and feed-forward, each behind a LayerNorm and a residual."""

    def __init__(self, dim: int, heads: int, feedforward: int) -> None:
        super().__init__()
        self.norm_self = nn.LayerNorm(dim)
        self.self_attention = SelfAttention(dim, heads)
        self.norm_cross = nn.LayerNorm(dim)
        self.cross_attention = CrossAttention(dim, heads)
        self.norm_feedforward = nn.LayerNorm(dim)
        self.feedforward = nn.Sequential(
            nn.Linear(dim, feedforward * dim, bias=False),
            nn.GELU(),
            nn.Linear(feedforward * dim, dim, bias=False),
        )

    def forward(self, x: Tensor, tokens: Tensor, mask: Tensor) -> Tensor:
        x = x + self.self_attention(self.norm_self(x))
        x = x + self.cross_attention(self.norm_cross(x), tokens, mask)
        return x + self.feedforward(self.norm_feedforward(x))


class Transformer(nn.Module):
    """A stack of blocks, optionally with U-Net skips from its first half to its second.

    With ``skip_connections`` and L layers, the outputs of the first L // 2 layers are kept; each
    later layer takes the latest one back, concatenated to its input and projected to ``dim``.

    Args:
        dim: width; ``heads`` must divide it.
        depth: number of layers L.
        heads: attention heads.
        feedforward: width of the feed-forward as a multiple of ``dim``.
        skip_connections: whether to add the skips.
    """

    def __init__(
        self, dim: int, depth: int, heads: int, feedforward: int = 4, skip_connections: bool = False
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Block(dim, heads, feedforward) for _ in range(depth))
        self.skips = nn.ModuleList(
            nn.Linear(2 * dim, dim) for _ in range(depth // 2 if skip_connections else 0)
        )

    def forward(self, x: Tensor, tokens: Tensor, mask: Tensor) -> Tensor:
        """Frames (B, T, D), condition tokens (B, L, D) with their mask (B, L), to (B, T, D)."""
        kept: list[Tensor] = []
        for i, layer in enumerate(self.layers):
            if kept and i >= len(self.skips):
                skip = self.skips[i % len(self.skips)](torch.cat([x, kept.pop()], dim=-1))
                x = skip.to(x.dtype)  # autocast or not, what the layers add to keeps its precision
            x = layer(x, tokens, mask)
            if i < len(self.skips):
                kept.append(x)
        return x
