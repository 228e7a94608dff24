"""Drum conditioner: temporally blurred latents of the first EnCodec codebook.

One codebook, averaged over a few frames, is an information bottleneck: it passes the rhythm and
hides the timbre of the drum kit (arXiv 2406.10970, section 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn.functional import pad

from jasco.codec import EnCodec
from jasco.conditioners.base import Conditioner
from jasco.conditions import Encoded
from jasco.device import to_device
from jasco.drums import DrumCodes
from jasco.errors import SettingError


class DrumConditioner(Conditioner):
    """Projection of the blurred coarse latents of a drum track; zero latents are the null.

    Silence is not the null: a silent drum track has codes of its own and asks for no drums.

    Args:
        dim: width D of the network.
        width: width of the bottleneck.
        latent_dim: channels C of the codec's latents.
        blur: number of frames averaged together.
    """

    def __init__(self, dim: int, width: int = 2, latent_dim: int = 128, blur: int = 3) -> None:
        super().__init__()
        if blur < 1:
            raise SettingError(f"blur={blur}: give a whole number of frames, at least 1")
        self.blur = blur
        self.latent_dim = latent_dim
        self.embedding = nn.Linear(latent_dim, width)
        self.project = nn.Linear(width, dim, bias=False)

    @torch.no_grad()
    def prepare(
        self, values: Sequence[DrumCodes | None], num_frames: int, codec: EnCodec
    ) -> Tensor:
        """Blurred coarse latents (B, T, C) of codes of T frames."""
        device = codec.mean.device
        given = torch.tensor([value is not None for value in values])
        if not given.any():
            return torch.zeros(len(values), num_frames, self.latent_dim, device=device)
        absent = torch.zeros(num_frames, dtype=torch.int64)
        codes = torch.stack([absent if value is None else value.codes for value in values])
        latents = blur_frames(codec.dequantize(codes), self.blur)
        return latents.where(to_device(given, device)[:, None, None], latents.new_zeros(()))

    def forward(self, prepared: Tensor) -> Encoded:
        """Blurred coarse latents (B, T, C) to embeddings (B, T, D)."""
        null = prepared.new_zeros(self.latent_dim)
        return Encoded(self.project(self.embedding(prepared)), self.project(self.embedding(null)))


def blur_frames(latents: Tensor, width: int) -> Tensor:
    """Latents (B, T, C) averaged over blocks of ``width`` frames, with reflection at the end."""
    length = latents.shape[1]
    padded = pad(rearrange(latents, "b t c -> b c t"), (0, -length % width), mode="reflect")
    means = rearrange(padded, "b c (t width) -> b c t width", width=width).mean(-1)
    return repeat(means, "b c t -> b (t width) c", width=width)[:, :length]
