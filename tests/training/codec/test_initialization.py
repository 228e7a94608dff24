"""The PCA initialisation of a codec: reconstruction without training."""

from __future__ import annotations

import pytest
import torch

from jasco.encodec import EncodecConfig, EncodecModel
from jasco.encodec.seanet import Convolution
from jasco.training.codec.initialization import init_pca, pink_noise
from jasco.training.codec.reconstruction import si_sdr


def make_model(**changes) -> EncodecModel:
    torch.manual_seed(0)
    settings = {
        "sampling_rate": 32000,
        "upsampling_ratios": [4, 4, 4, 10],
        "num_filters": 8,
        "num_lstm_layers": 1,
        "hidden_size": 32,
        "codebook_dim": 32,
        "codebook_size": 16,
        "target_bandwidths": [0.2],
        "use_causal_conv": False,
    }
    return EncodecModel(EncodecConfig(**{**settings, **changes}))


def sizes(model, noise):
    """Standard deviation of every convolution's output, the latents, and the output."""
    found = []
    hooks = [
        m.register_forward_hook(lambda _, __, out: found.append(out.std().item()))
        for m in model.modules()
        if isinstance(m, Convolution)
    ]
    with torch.no_grad():
        latents = model.encoder(noise)
        decoded = model.decoder(latents)
    for hook in hooks:
        hook.remove()
    return found, latents, decoded


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"use_causal_conv": True},
        {"use_conv_shortcut": False},
        {"audio_channels": 2},
        {"upsampling_ratios": [8, 5, 4, 4]},
    ],
)
def test_a_linear_codec_to_begin_with(changes):
    """What the latents have room for is there before the first step; without it, nothing is."""
    fresh, better = make_model(**changes), make_model(**changes)
    init_pca(better)
    torch.manual_seed(1)
    noise = pink_noise(4, 64000).unsqueeze(1).expand(-1, better.config.audio_channels, -1)

    def kept(model):
        found, latents, decoded = sizes(model, noise)
        return si_sdr(decoded, noise).mean().item(), found, latents, decoded

    assert kept(fresh)[0] < -10, "transformers' own start has changed: is this still needed?"
    ratio, found, latents, decoded = kept(better)
    assert ratio > 0
    assert latents.std().item() == pytest.approx(1, abs=0.2)
    assert latents.mean(dim=(0, 2)).abs().mean() < 0.3
    assert decoded.std().item() == pytest.approx(0.1, rel=0.2)


def test_more_latents_keep_more():
    torch.manual_seed(1)
    noise = pink_noise(4, 64000)[:, None]
    ratios = []
    for size in (4, 16, 64):
        model = make_model(hidden_size=size, codebook_dim=size, num_filters=16)
        init_pca(model)
        _, _, decoded = sizes(model, noise)
        ratios.append(si_sdr(decoded, noise).mean().item())
    assert ratios[0] + 1 < ratios[1] < ratios[2] - 1


def test_groups_that_are_normalised_still_depend_on_the_signal():
    model = make_model(norm_type="time_group_norm")
    init_pca(model)
    torch.manual_seed(1)
    _, _, decoded = sizes(model, pink_noise(4, 32000)[:, None])
    assert decoded.isfinite().all()
    assert decoded.var(dim=0).mean() > 0.5 * decoded.square().mean()


def test_pink_noise_falls_by_three_decibels_an_octave():
    torch.manual_seed(0)
    power = torch.fft.rfft(pink_noise(8, 1 << 15)).abs().square().mean(0)
    octaves = torch.stack([power[1 << k : 2 << k].sum() for k in range(4, 14)])
    assert octaves.std() / octaves.mean() < 0.3  # every octave holds as much
    assert pink_noise(2, 32000).std().item() == pytest.approx(0.1, rel=1e-3)
