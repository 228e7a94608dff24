"""Velocity network of JASCO: velocity of noisy latents, given flow time and conditions.

In published checkpoints flow time enters in one place only: its embedding is added to every
condition token that the frames attend to (arXiv 2406.10970). Controls with one vector per frame are
added to the projected latents, which equals one projection of the concatenation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor, nn

from jasco.conditions import ConditionBatch, Encoded
from jasco.errors import SettingError
from jasco.flow import Guidance, GuidanceRanges
from jasco.network.embeddings import GuidanceEmbedding, TimeEmbedding, sinusoidal_positions
from jasco.network.transformer import Transformer

MAX_DEPTH = 256
"""Most layers of a network."""

_GUIDANCE = "guidance"  # of embedded guidance weights, beside the controls of a `ConditionBatch`


class VelocityNetwork(nn.Module):
    """Velocity field v(z, t, c): a transformer over latent frames.

    Args:
        dim: width of the network and of the condition embeddings.
        depth: number of transformer layers.
        heads: number of attention heads, a divisor of ``dim``.
        latent_dim: channels of the latents.
        mlp_ratio: width of the feed-forward layers as a multiple of ``dim``.
        skip_connections: U-Net skips from the first half of the layers to the second.
        positional_scale: factor of the sinusoidal position embedding; 0 for none.
        rotary: rotary position embedding (arXiv 2104.09864) in self-attention.
        adaln: adaptive layer norm by flow time in every block (arXiv 2212.09748).
        adaln_text: add a projection of the pooled text to the embedding of flow time, so that the
            text modulates every block too. The projection starts at zero, where the network
            computes the same as without it. ``adaln`` and ``pooling_queries`` are needed.
        distilled_guidance: trained ranges of the guidance weights that the network takes as inputs,
            by term, see `jasco.flow.GuidanceRanges`; its velocity is then the guided one.

    Raises:
        SettingError: sizes that do not fit each other.
    """

    def __init__(
        self,
        dim: int,
        depth: int,
        heads: int,
        latent_dim: int = 128,
        mlp_ratio: int = 4,
        skip_connections: bool = False,
        positional_scale: float = 1.0,
        rotary: bool = False,
        adaln: bool = False,
        adaln_text: bool = False,
        distilled_guidance: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        super().__init__()
        if heads < 1 or not 1 <= depth <= MAX_DEPTH:
            raise SettingError(
                f"depth={depth}, heads={heads}: give 1 to {MAX_DEPTH} layers and at least one head"
            )
        if dim < 4 or dim % 2 or dim % heads:
            raise SettingError(
                f"dim={dim}, heads={heads}: dim must be even and a multiple of heads"
            )
        if rotary and dim // heads % 2:
            raise SettingError(f"dim={dim}, heads={heads}: rotary positions need an even dim/heads")
        if skip_connections and depth % 2:
            raise SettingError(
                f"depth={depth}: skip connections pair layers, so depth must be even"
            )
        if adaln_text and not adaln:
            raise SettingError("adaln_text: the text modulates blocks by adaln, so give adaln=true")
        self.positional_scale = positional_scale
        self.input = nn.Linear(latent_dim, dim, bias=False)
        self.time = TimeEmbedding(dim)
        self.text = nn.Linear(dim, dim, bias=False) if adaln_text else None
        if self.text is not None:
            nn.init.zeros_(self.text.weight)
        ranges = GuidanceRanges(distilled_guidance) if distilled_guidance is not None else None
        self.guidance = None if ranges is None else GuidanceEmbedding(dim, ranges)
        self.transformer = Transformer(
            dim, depth, heads, mlp_ratio, skip_connections, rotary, adaln
        )
        self.norm = nn.LayerNorm(dim)
        self.output = nn.Linear(dim, latent_dim, bias=False)

    def guidance_inputs(self, guidance: Guidance, controls: Sequence[str]) -> list[float]:
        """Weights that are inputs of the network: none, unless its guidance is distilled.

        Raises:
            ConditionError: a name is not one of the controls of the model.
            SettingError: weights outside the ranges of distilled guidance.
        """
        guidance.check(controls)
        if self.guidance is None:
            return []
        if guidance.interval != (0.0, 1.0):  # outside a limited interval sampling is plain
            self.guidance.ranges.weights(Guidance(all=1.0), controls)
        return self.guidance.ranges.weights(guidance, controls)

    def with_guidance(self, conditions: ConditionBatch, weights: Tensor) -> ConditionBatch:
        """Conditions of B items with the guidance weights (B, K) of a distilled network.

        Their embedding is a condition of its own: one vector for all frames, added to the frames
        and to the embedding of flow time. A single row (1, K) serves all items.

        Raises:
            SettingError: the guidance of the network is not distilled.
        """
        if self.guidance is None:
            raise SettingError("this network takes no guidance weights: its guidance is a sum")
        values = self.guidance(weights)[:, None].expand(len(conditions), -1, -1)
        encoded = Encoded(values, values.new_zeros(values.shape[-1]))
        return replace(conditions, controls={**conditions.controls, _GUIDANCE: encoded})

    def forward(self, z: Tensor, t: Tensor, conditions: ConditionBatch) -> Tensor:
        """Velocity (B, T, C) at noisy latents, for C latent channels.

        Args:
            z: noisy latents (B, T, C).
            t: flow times (B,) in [0, 1], or one scalar for all items.
            conditions: encoded conditions of the B items.

        Raises:
            SettingError: conditions without guidance weights for a network that takes them.
        """
        x = self.input(z)
        if self.positional_scale:
            positions = sinusoidal_positions(z.shape[1], x.shape[-1], device=z.device)
            x = x + self.positional_scale * positions
        x = x + conditions.frames()
        time = self.time(t.expand(z.shape[0]) if t.dim() == 0 else t)
        if self.text is not None:
            # The pooled text is the same in all frames but those of padding, which come last.
            time = time + self.text(conditions.controls["text"].values[:, 0])
        if self.guidance is not None:
            if _GUIDANCE not in conditions.controls:
                raise SettingError(
                    "distilled guidance has no conditional velocity to train or to evaluate: take "
                    "the checkpoint that it was distilled from"
                )
            time = time + conditions.controls[_GUIDANCE].values[:, 0]
        tokens, mask = conditions.tokens(z.shape[0], x.shape[-1], z.device)
        x = self.transformer(x, tokens + time[:, None], mask, time, conditions.mask)
        return self.output(self.norm(x))
