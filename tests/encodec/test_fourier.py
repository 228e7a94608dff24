"""The Fourier decoder: a linear decoder to begin with, exact blocks, one or two channels, files."""

from __future__ import annotations

import json

import pytest
import torch
from torch.nn import functional as F

from jasco.encodec import FourierDecoder
from jasco.errors import CheckpointError, JascoError, SettingError

SMALL = {
    "hidden_size": 16,
    "hop_length": 64,
    "latent_mean": 0.1,
    "latent_std": 0.5,
    "widths": [24, 16],
    "depths": [2, 1],
    "upsampling": [2],
}


def new_decoder(trained: bool = True, **changes) -> FourierDecoder:
    """Small decoder; trained as if by some steps, which give every part an effect."""
    torch.manual_seed(0)
    decoder = FourierDecoder(config={**SMALL, **changes})
    if trained:
        for parameter in decoder.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
    return decoder.requires_grad_(False).eval()


@pytest.mark.parametrize("channels", [1, 2])
def test_untrained_it_is_its_linear_decoder(channels):
    decoder = new_decoder(trained=False, audio_channels=channels)
    raw = torch.randn(2, 16, 20)
    padded = F.pad((raw - 0.1) / 0.5, (1, 1), "replicate")
    samples = decoder.linear(padded)[..., 1:-1]
    expected = samples.unflatten(1, (channels, 64)).transpose(2, 3).flatten(2)
    found = decoder(raw)
    assert found.shape == (2, channels, 20 * 64)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "changes", [{}, {"upsampling": [1]}, {"overlap": 3}, {"audio_channels": 2}]
)
@pytest.mark.parametrize("steps", [1, 7, 50])
def test_blocks_are_the_whole(changes, steps):
    decoder = new_decoder(**changes)
    raw = torch.randn(2, 16, 90)
    whole = decoder(raw)
    blocks = list(decoder.stream(raw.split(11, dim=-1), steps=steps))
    assert len(blocks) > 1
    torch.testing.assert_close(torch.cat(blocks, dim=-1), whole, rtol=0, atol=2e-5)


def test_a_sample_depends_on_its_context_alone():
    decoder = new_decoder(latent_mean=0.0)
    raw = torch.randn(1, 16, 80).requires_grad_()
    frame = decoder(raw)[..., 40 * 64 : 41 * 64]
    (gradient,) = torch.autograd.grad(frame.square().sum(), raw)
    (reached,) = gradient.abs().sum(1)[0].nonzero(as_tuple=True)
    nearest = min(40 - int(reached[0]), int(reached[-1]) - 40)
    assert decoder.context - 1 <= nearest and (reached - 40).abs().max() <= decoder.context


def test_one_frame_is_decoded():
    assert new_decoder()(torch.randn(1, 16, 1)).shape == (1, 1, 64)


def test_a_saved_decoder_is_the_same_bit_for_bit(tmp_path):
    decoder = new_decoder()
    decoder.save(tmp_path)
    again = FourierDecoder(pretrained=str(tmp_path))
    raw = torch.randn(1, 16, 30)
    assert again.config == decoder.config
    assert torch.equal(again(raw), decoder(raw))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"widths": [24]}, "a width and a depth for each stage"),
        ({"depths": [0, 1]}, "depths"),
        ({"overlap": 1}, "overlap"),
        ({"kernel_size": 4}, "odd"),
        ({"linear_kernel": 2}, "odd"),
        ({"hop_length": 65}, "hop_length"),
        ({"latent_std": 0.0}, "latent_std"),
        ({"latent_std": float("nan")}, "latent_std"),
        ({"widths": [24, 10**7]}, "at most"),
        ({"size": 3}, "'size'"),
    ],
)
def test_sizes_that_no_decoder_has(changes, words):
    with pytest.raises(SettingError, match=words):
        FourierDecoder(config={**SMALL, **changes})


def test_without_anything_to_make_it_of():
    with pytest.raises(SettingError, match="config to start from"):
        FourierDecoder()


def test_files_that_are_not_those_of_a_decoder(tmp_path):
    decoder = new_decoder()
    decoder.save(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    for wrong in ({"model_type": "encodec"}, {"widths": [24, 17]}, {"depths": "many"}):
        path.write_text(json.dumps(config | wrong))
        with pytest.raises(JascoError) as found:
            FourierDecoder(pretrained=str(tmp_path))
        assert isinstance(found.value, CheckpointError) and "\n" not in str(found.value)
