"""The velocity network of JASCO: noisy latents, time and conditions in, velocity out.

In published checkpoints time enters in one place only: it is added to every condition token that
the frames attend to (arXiv 2406.10970). Controls with one vector per frame are added to the
projected latents, which equals one projection of the concatenation.
"""

from __future__ import annotations

from torch import Tensor, nn

from jasco.conditions import ConditionBatch
from jasco.errors import SettingError
from jasco.network.embeddings import TimeEmbedding, sinusoidal_positions
from jasco.network.transformer import Transformer

MAX_DEPTH = 256
"""Most layers of a network."""


class VelocityNetwork(nn.Module):
    """v(z, t, c): transformer over latent frames.

    Args:
        dim: width of the network; also the width in which conditioners speak to it.
        depth: number of transformer layers.
        heads: attention heads; must divide ``dim``.
        latent_dim: channels of the latents.
        feedforward: width of the feed-forward layers as a multiple of ``dim``.
        skip_connections: U-Net skips from the first half of the layers to the second.
        positional_scale: factor of the sinusoidal positions.
        rotary: rotary positions in attention, beside the sinusoidal ones or in place of them
            (``positional_scale=0``).
        adaptive: flow time also scales, shifts and gates every block.

    Raises:
        SettingError: sizes that do not fit each other.
    """

    def __init__(
        self,
        dim: int,
        depth: int,
        heads: int,
        latent_dim: int = 128,
        feedforward: int = 4,
        skip_connections: bool = False,
        positional_scale: float = 1.0,
        rotary: bool = False,
        adaptive: bool = False,
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
        self.positional_scale = positional_scale
        self.input = nn.Linear(latent_dim, dim, bias=False)
        self.time = TimeEmbedding(dim)
        self.transformer = Transformer(
            dim, depth, heads, feedforward, skip_connections, rotary, adaptive
        )
        self.norm = nn.LayerNorm(dim)
        self.output = nn.Linear(dim, latent_dim, bias=False)

    def forward(self, z: Tensor, t: Tensor, conditions: ConditionBatch) -> Tensor:
        """Velocity at noisy latents.

        Args:
            z: (B, T, D) latents.
            t: (B,) or scalar flow time in [0, 1].
            conditions: the encoded conditions of the B items.

        Returns:
            (B, T, D) velocity.
        """
        x = self.input(z)
        positions = sinusoidal_positions(z.shape[1], x.shape[-1], device=z.device)
        x = x + self.positional_scale * positions + conditions.frames()
        time = self.time(t.expand(z.shape[0]) if t.dim() == 0 else t)
        tokens, mask = conditions.tokens(z.shape[0], x.shape[-1], z.device)
        x = self.transformer(x, tokens + time[:, None], mask, time)
        return self.output(self.norm(x))
