"""Linear decoder by least squares, from which a `FourierDecoder` starts."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from jasco.encodec import FourierDecoder
from jasco.errors import JascoError, SettingError

_RIDGE = 1e-2  # relative to the mean power of the latents


@torch.no_grad()
def fit_linear(
    decoder: FourierDecoder, segments: Iterable[tuple[Tensor, Tensor] | JascoError]
) -> None:
    """Set the linear decoder to the ridge regression of samples on latents, in float64.

    It takes some seconds, and reconstructs to within a few dB of EnCodec's own decoder, so that
    training starts where that of random weights arrives after hours.

    Args:
        decoder: decoder, whose ``linear`` is changed in place.
        segments: raw latents (B, T, D) and their waveforms (B, channels, T * hop_length).

    Raises:
        JascoError: no segments, or the error of one.
    """
    own, kernel = decoder.config, decoder.config.linear_kernel
    moments, products = torch.zeros(()), torch.zeros(())
    for batch in segments:
        if isinstance(batch, JascoError):
            raise batch
        latents, wav = batch
        wav = (wav - wav.mean(dim=-1, keepdim=True)).cpu()
        normalized = (latents.float().cpu() - own.latent_mean) / own.latent_std
        windows = F.pad(rearrange(normalized, "b t d -> b d t"), (kernel // 2, kernel // 2))
        rows = rearrange(windows.unfold(-1, kernel, 1), "b d t k -> (b t) (d k)").double()
        rows = F.pad(rows, (0, 1), value=1.0)
        samples = rearrange(wav, "b c (t n) -> (b t) (c n)", n=own.hop_length).double()
        moments = moments + rows.T @ rows
        products = products + rows.T @ samples
    if not moments.dim():
        raise SettingError("no segments to fit the linear decoder to: raise module.linear_batches")
    ridge = _RIDGE * moments.diagonal().mean() * torch.eye(len(moments), dtype=moments.dtype)
    solved = torch.linalg.solve(moments + ridge, products).to(decoder.linear.weight)
    weight = rearrange(solved[:-1], "(d k) n -> n d k", k=kernel)
    decoder.linear.weight.copy_(weight)
    if decoder.linear.bias is not None:
        decoder.linear.bias.copy_(solved[-1])
