"""Pre-norm transformer over latent frames with cross-attention and U-Net skip connections.

Layers are those of published JASCO checkpoints (arXiv 2406.10970, section 3.3): no biases in
attention and feed-forward, exact GELU, no dropout, no causal mask.
"""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from jasco.device import autocast_dtype

_FULL_TILE = 8  # MKL rounds products of fewer rows otherwise, and a recipe makes its take again


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention of q (B, H, T, d) to k and v (B, H, L, d).

    Args:
        bias: added to the scores (B, H, T, L), in the format of ``q``; see `attention_bias`.

    Returns:
        (B, H, T, d).
    """
    if q.device.type == "cpu" and q.dtype == torch.bfloat16:
        # On CPUs that multiply in bfloat16, the fused kernel of torch is slower than batched matrix
        # products (Zen 5, 500 frames: 27 ms against 15 ms, with gradients 84 ms against 60 ms; to
        # 100 tokens, 30 ms against 8 ms). Softmax accumulates in float32 in both.
        scores = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-1, -2))
        scores = scores if bias is None else scores + bias
        return torch.matmul(scores.softmax(-1), v)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)


def attention_bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Bias (B, 1, 1, L) of attention scores: 0 where the mask (B, L) is true, else minus infinity.

    Made once per evaluation: attention would convert a bool mask in every layer.
    """
    bias = torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, -torch.inf)
    return rearrange(bias, "b l -> b 1 1 l")


def rotary_tables(x: Tensor, dim: int, dtype: torch.dtype) -> Tensor:
    """Cosines and sines (2, T, dim / 2) of the rotary embedding of the frames of x (B, T, D)."""
    half = dim // 2
    k = torch.arange(half, dtype=torch.float32, device=x.device)
    frame = torch.arange(x.shape[1], dtype=torch.float32, device=x.device)
    phase = frame[:, None] * 10000.0 ** (-k / half)
    return torch.stack([phase.cos(), phase.sin()]).to(dtype)


def rotate(x: Tensor, tables: Tensor) -> Tensor:
    """Rotary position embedding (Su et al., arXiv 2104.09864) of queries or keys (..., T, d).

    The attention score of two frames then depends on their relative position only.

    Args:
        x: queries or keys (..., T, d).
        tables: cosines and sines (2, T, d / 2) of `rotary_tables`.
    """
    rotated: Tensor = _Rotation.apply(x, tables)
    return rotated


class _Rotation(torch.autograd.Function):
    """Rotation by angles, whose gradient is the rotation back; no operand is kept for it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, tables: Tensor) -> Tensor:
        ctx.save_for_backward(tables)
        return _rotated(x, *tables)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        cos, sin = ctx.saved_tensors[0]
        return _rotated(gradients[0], cos, -sin), None


def _rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class SelfAttention(nn.Module):
    """Multi-head self-attention over frames.

    Args:
        dim: width D.
        heads: number of attention heads H.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)

    def forward(
        self, x: Tensor, tables: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Frames (B, T, D) to (B, T, D), with the rotary embedding where it has its tables.

        Args:
            x: frames (B, T, D).
            tables: of `rotary_tables`.
            bias: of the scores, of `attention_bias`; at least one frame per item counts.
        """
        qkv = rearrange(self.qkv(x), "b t (qkv h d) -> qkv b h t d", qkv=3, h=self.heads)
        qk, v = qkv.split([2, 1])
        q, k = qk if tables is None else rotate(qk, tables)
        return self.out(rearrange(attend(q, k, v[0], bias), "b h t d -> b t (h d)"))


class CrossAttention(nn.Module):
    """Multi-head cross-attention of frames (B, T, D) to condition tokens (B, L, D).

    Args:
        dim: width D.
        heads: number of attention heads H.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(dim, dim, bias=False)
        self.kv = nn.Linear(dim, 2 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, tokens: Tensor, bias: Tensor | None = None) -> Tensor:
        """Frames (B, T, D) to (B, T, D), or (B, 1, D) where the only token makes all frames alike.

        Args:
            x: frames (B, T, D).
            tokens: condition tokens (B, L, D).
            bias: of the scores, of `attention_bias`; at least one token per item counts.
        """
        kv = self.kv(tokens)
        if bias is None and tokens.shape[1] == 1:
            return self._only_token(kv.chunk(2, dim=-1)[1])
        q = rearrange(self.q(x), "b t (h d) -> b h t d", h=self.heads)
        k, v = rearrange(kv, "b l (kv h d) -> kv b h l d", kv=2, h=self.heads)
        x = attend(q, k, v, bias)
        return self.out(rearrange(x, "b h t d -> b t (h d)"))

    def _only_token(self, v: Tensor) -> Tensor:
        """Output (B, 1, D) for one token of value v (B, 1, D): softmax over one score is 1."""
        if torch.is_grad_enabled():
            # Queries have a gradient, of zero, which data-parallel training waits for. With an
            # adapter they have several parameters.
            for parameter in self.q.parameters():
                if parameter.requires_grad:
                    v = v + 0.0 * parameter.sum()
        return self.out(v.expand(-1, _FULL_TILE, -1))[:, :1]


class AdaLN(nn.Module):
    """Adaptive layer norm (adaLN-single): scale, shift and gate of each block from flow time.

    After Peebles and Xie (arXiv 2212.09748); all blocks share one projection and add an offset of
    their own, as Chen et al. do (arXiv 2310.00426). Projection and offsets start at zero, where a
    block computes the same as without it.

    Args:
        dim: width D.
        depth: number of blocks.
    """

    def __init__(self, dim: int, depth: int) -> None:
        super().__init__()
        self.project = nn.Linear(dim, 6 * dim)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)
        self.offsets = nn.Parameter(torch.zeros(depth, 6 * dim))

    def forward(self, time: Tensor) -> list[Tensor]:
        """Time embeddings (B, D) to modulations (6, B, 1, D), one for each block."""
        shared = self.project(F.silu(time))
        return [
            rearrange(shared + offset, "b (six d) -> six b 1 d", six=6) for offset in self.offsets
        ]


class Block(nn.Module):
    """Transformer block: self-attention, cross-attention and feed-forward, pre-norm and residual.

    Args:
        dim: width D.
        heads: number of attention heads.
        mlp_ratio: width of the feed-forward layer as a multiple of ``dim``.
    """

    def __init__(self, dim: int, heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.norm_self = nn.LayerNorm(dim)
        self.self_attention = SelfAttention(dim, heads)
        self.norm_cross = nn.LayerNorm(dim)
        self.cross_attention = CrossAttention(dim, heads)
        self.norm_feedforward = nn.LayerNorm(dim)
        self.feedforward = nn.Sequential(
            nn.Linear(dim, mlp_ratio * dim, bias=False),
            nn.GELU(),
            nn.Linear(mlp_ratio * dim, dim, bias=False),
        )

    def forward(
        self,
        x: Tensor,
        tokens: Tensor,
        bias: Tensor | None = None,
        tables: Tensor | None = None,
        modulation: Tensor | None = None,
        frame_bias: Tensor | None = None,
    ) -> Tensor:
        """Frames (B, T, D) to (B, T, D).

        Args:
            x: frames (B, T, D).
            tokens: condition tokens (B, L, D).
            bias: of the scores of cross-attention, of `attention_bias`.
            tables: of the rotary embedding in self-attention, of `rotary_tables`.
            modulation: (6, B, 1, D) of `AdaLN`: scale, shift and gate of self-attention, then of
                the feed-forward layer.
            frame_bias: of the scores of self-attention, of `attention_bias`.
        """
        if modulation is None:
            x = x + self.self_attention(self.norm_self(x), tables, frame_bias)
            x = x + self.cross_attention(self.norm_cross(x), tokens, bias)
            return x + self.feedforward(self.norm_feedforward(x))
        scale, shift, gate, scale_ff, shift_ff, gate_ff = modulation
        inner = self.norm_self(x) * (1 + scale) + shift
        x = x + (1 + gate) * self.self_attention(inner, tables, frame_bias)
        x = x + self.cross_attention(self.norm_cross(x), tokens, bias)
        inner = self.norm_feedforward(x) * (1 + scale_ff) + shift_ff
        return x + (1 + gate_ff) * self.feedforward(inner)


class Transformer(nn.Module):
    """Stack of transformer blocks, optionally with U-Net skips from the first half to the second.

    With ``checkpointing``, an attribute, the backward pass computes the activations of each block
    again in place of storing them (arXiv 1604.06174): less memory and longer training steps.

    With ``skip_connections`` and N layers, the outputs of the first N // 2 layers are stored; each
    later layer takes the last one stored, concatenated to its input and projected to ``dim``.

    Args:
        dim: width D, a multiple of ``heads``.
        depth: number of layers N.
        heads: number of attention heads.
        mlp_ratio: width of the feed-forward layers as a multiple of ``dim``.
        skip_connections: add the U-Net skips.
        rotary: rotary position embedding (arXiv 2104.09864) in self-attention.
        adaln: modulate every block by flow time, see `AdaLN`.
    """

    def __init__(
        self,
        dim: int,
        depth: int,
        heads: int,
        mlp_ratio: int = 4,
        skip_connections: bool = False,
        rotary: bool = False,
        adaln: bool = False,
    ) -> None:
        super().__init__()
        self.checkpointing = False
        self.rotary_dim = dim // heads if rotary else 0
        self.layers = nn.ModuleList(Block(dim, heads, mlp_ratio) for _ in range(depth))
        self.modulation = AdaLN(dim, depth) if adaln else None  # saved tensors have this name
        self.skips = nn.ModuleList(
            nn.Linear(2 * dim, dim) for _ in range(depth // 2 if skip_connections else 0)
        )

    def forward(
        self,
        x: Tensor,
        tokens: Tensor,
        mask: Tensor | None,
        time: Tensor,
        frame_mask: Tensor | None = None,
    ) -> Tensor:
        """Frames (B, T, D) to (B, T, D).

        Args:
            x: frames (B, T, D).
            tokens: condition tokens (B, L, D).
            mask: bool (B, L), true at the tokens to attend to; ``None`` where that is all of them.
            time: embedded flow time (B, D), read by `AdaLN` only.
            frame_mask: bool (B, T), true at the frames before padding; ``None`` where that is all.
        """
        modulations = self.modulation(time) if self.modulation else [None] * len(self.layers)
        dtype = autocast_dtype(x)
        bias = None if mask is None else attention_bias(mask, dtype)
        frame_bias = None if frame_mask is None else attention_bias(frame_mask, dtype)
        tables = rotary_tables(x, self.rotary_dim, dtype) if self.rotary_dim else None
        stored: list[Tensor] = []
        for i, layer in enumerate(self.layers):
            if stored and i >= len(self.skips):
                skip = self.skips[i % len(self.skips)](torch.cat([x, stored.pop()], dim=-1))
                x = skip.to(x.dtype)  # autocast would lower the precision of the residual stream
            inputs = x, tokens, bias, tables, modulations[i], frame_bias
            recompute = self.checkpointing and torch.is_grad_enabled()
            x = checkpoint(layer, *inputs, use_reentrant=False) if recompute else layer(*inputs)
            if i < len(self.skips):
                stored.append(x)
        return x
