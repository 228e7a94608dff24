"""Drums as blurred coarse EnCodec latents per frame.

Only the first codebook is kept, and its latents are averaged over a few frames, so that the rhythm
passes and the sound of the drum kit does not (arXiv 2406.10970, section 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from jasco.audio import Audio
from jasco.codec import EnCodec
from jasco.conditioners.base import Conditioner
from jasco.conditions import Encoded
from jasco.drums import DrumCodes
from jasco.errors import ConditionError, SettingError


class DrumConditioner(Conditioner):
    """Projects the blurred coarse latents of a drum track; zero latents are the null.

    The null is not silence: silent drums have codes of their own and ask for no drums.

    Args:
        dim: width of the network.
        width: width of the drum projection, a bottleneck on purpose.
        latent_dim: channels of the codec's latents.
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
        self, values: Sequence[Audio | DrumCodes | None], num_frames: int, codec: EnCodec
    ) -> Tensor:
        """Blurred coarse latents (B, T, latent_dim)."""
        latents = torch.zeros(len(values), num_frames, self.latent_dim, device=codec.mean.device)
        given = [i for i, value in enumerate(values) if value is not None]
        if given:
            codes = torch.stack([encode_drums(values[i], num_frames, codec).codes for i in given])
            coarse = codec.dequantize(codes.to(codec.mean.device))
            latents[given] = blur_frames(coarse, self.blur)
        return latents

    def forward(self, prepared: Tensor) -> Encoded:
        """Blurred coarse latents (B, T, latent_dim) to (B, T, D)."""
        null = prepared.new_zeros(self.latent_dim)
        return Encoded(self.project(self.embedding(prepared)), self.project(self.embedding(null)))


@torch.no_grad()
def encode_drums(drums: Audio | DrumCodes | None, num_frames: int, codec: EnCodec) -> DrumCodes:
    """Codes of a drum track for a clip of ``num_frames``: cut to it, or followed by silence.

    Raises:
        ConditionError: codes shorter than the clip, or no drums at all.
    """
    if isinstance(drums, DrumCodes):
        if len(drums) < num_frames:
            raise ConditionError(f"{len(drums)} drum codes given, the clip has {num_frames} frames")
        return DrumCodes(drums.codes[:num_frames])
    if drums is None:
        raise ConditionError("no drum track given")
    samples = num_frames * codec.hop_length
    # What is said of channels in opposite phase stands in the report of the conditions.
    track, _ = drums.crop(0.0, samples / codec.sample_rate).mixed()
    track = track.resample(codec.sample_rate)
    wav = track.samples[:, :samples]
    wav = F.pad(wav, (0, samples - wav.shape[1])).expand(codec.channels, -1)
    return DrumCodes(codec.coarse_codes(wav[None].to(codec.mean.device))[0])


def blur_frames(latents: Tensor, width: int) -> Tensor:
    """Mean of each ``width`` frames of (B, T, D), repeated in place; reflects at the tail."""
    length = latents.shape[1]
    padded = F.pad(latents.transpose(1, 2), (0, -length % width), mode="reflect")
    means = padded.unflatten(-1, (-1, width)).mean(-1)
    return means.repeat_interleave(width, dim=-1)[..., :length].transpose(1, 2)
