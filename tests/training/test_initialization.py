"""Signals keep their size through a freshly initialised codec."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import EncodecConfig, EncodecModel

from jasco.training.initialization import initialize, pink_noise


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
        if isinstance(m, nn.Conv1d | nn.ConvTranspose1d)
    ]
    with torch.no_grad():
        latents = model.encoder(noise)
        decoded = model.decoder(latents)
    for hook in hooks:
        hook.remove()
    return found, latents, decoded


@pytest.mark.parametrize("norm", ["weight_norm", "time_group_norm"])
def test_every_layer_is_of_unit_size(norm):
    model = make_model(norm_type=norm)
    initialize(model)
    torch.manual_seed(1)
    noise = pink_noise(4, 32000)[:, None]
    found, latents, decoded = sizes(model, noise)
    assert 0.7 < min(found[:-1]) and max(found[:-1]) < 1.4
    if norm == "weight_norm":  # a group norm comes after the convolution and has its own
        assert latents.mean(dim=(0, 2)).abs().mean() < 0.3
        assert 0.07 < decoded.std() < 0.14


def test_the_output_depends_on_the_latents():
    fresh, better = make_model(), make_model()
    initialize(better)
    torch.manual_seed(1)
    noise = pink_noise(4, 32000)[:, None]

    def dependence(model):
        _, _, decoded = sizes(model, noise)
        return (decoded.var(dim=0).mean() / decoded.square().mean()).item()

    assert dependence(fresh) < 0.1, "transformers' own start has changed: is this still needed?"
    assert dependence(better) > 0.6


def test_pink_noise_falls_by_three_decibels_an_octave():
    torch.manual_seed(0)
    power = torch.fft.rfft(pink_noise(8, 1 << 15)).abs().square().mean(0)
    octaves = torch.stack([power[1 << k : 2 << k].sum() for k in range(4, 14)])
    assert octaves.std() / octaves.mean() < 0.3  # every octave holds as much
    assert pink_noise(2, 32000).std().item() == pytest.approx(0.1, rel=1e-3)
