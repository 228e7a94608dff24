"""Our EnCodec against that of transformers, which stays the reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import EncodecConfig as ReferenceConfig
from transformers import EncodecModel as Reference

from jasco.encodec import EncodecConfig, EncodecModel
from jasco.encodec.seanet import Conv, TransposedConv
from jasco.errors import CheckpointError

SMALL: dict[str, Any] = {
    "sampling_rate": 3200,
    "upsampling_ratios": [4, 3, 2],
    "num_filters": 4,
    "hidden_size": 16,
    "codebook_size": 32,
    "target_bandwidths": [1.5],
    "use_causal_conv": False,
}
PUBLISHED: dict[str, Any] = {
    "sampling_rate": 32000,
    "upsampling_ratios": [8, 5, 4, 4],
    "num_filters": 64,
    "codebook_size": 2048,
    "target_bandwidths": [2.2],
    "hidden_size": 128,
    "use_causal_conv": False,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "shortcut": {},
    "identity": {"use_conv_shortcut": False, "pad_mode": "constant"},
    "causal": {"use_causal_conv": True, "trim_right_ratio": 0.5},
    "stereo": {"audio_channels": 2, "num_lstm_layers": 1},
    "residual": {"num_residual_layers": 3, "pad_mode": "replicate", "compress": 4},
    "group norm": {"norm_type": "time_group_norm"},
}


def pair(**changes: Any) -> tuple[EncodecModel, Reference]:
    """Our model and that of transformers with the same random weights."""
    torch.manual_seed(0)
    values = SMALL | changes
    reference = Reference(ReferenceConfig(**values)).eval()
    for layer in reference.quantizer.layers:
        layer.codebook.embed.normal_()
    ours = EncodecModel(EncodecConfig(**values)).eval()
    ours.load_state_dict(reference.state_dict())
    return ours, reference


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("samples", [5, 100, 1211])
def test_equal_to_transformers(changes: dict[str, Any], samples: int) -> None:
    ours, reference = pair(**changes)
    wav = torch.randn(2, ours.config.audio_channels, samples)
    with torch.no_grad():
        latents = ours.encoder(wav)
        assert torch.equal(latents, reference.encoder(wav))
        assert torch.equal(ours.decoder(latents), reference.decoder(latents))
        for mine, theirs in zip(ours.quantizer.layers, reference.quantizer.layers, strict=True):
            codes = mine.encode(latents)
            assert torch.equal(codes, theirs.encode(latents))
            assert torch.equal(mine.decode(codes), theirs.decode(codes))


def test_equal_to_transformers_at_the_published_size() -> None:
    ours, reference = pair(**PUBLISHED)
    wav = 0.1 * torch.randn(1, 1, 16000)
    with torch.no_grad():
        latents = ours.encoder(wav)
        assert latents.shape == (1, 128, 25)
        assert torch.equal(latents, reference.encoder(wav))
        assert torch.equal(ours.decoder(latents), reference.decoder(latents))


def test_equal_gradients() -> None:
    wav = torch.randn(2, 1, 1200)
    gradients = []
    for model in pair():
        model.decoder(model.encoder(wav)).square().mean().backward()
        gradients.append({k: p.grad for k, p in model.named_parameters() if p.grad is not None})
    ours, theirs = gradients
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, msg=name)


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("lengths", [(600, 611), (1, 1, 24, 1177, 8), (1211,)])
@pytest.mark.parametrize("values", [1, 200, 3000, 10**9])
def test_blocks_are_the_whole(
    changes: dict[str, Any], lengths: tuple[int, ...], values: int
) -> None:
    """Whatever the blocks that come and the blocks between the layers."""
    ours, _ = pair(**changes)
    wav = torch.randn(2, ours.config.audio_channels, 1211)
    with torch.no_grad():
        latents = ours.encoder(wav)
        decoded = ours.decoder(latents)
        found = torch.cat(list(ours.encoder.stream(wav.split(lengths, -1), values)), -1)
        torch.testing.assert_close(found, latents, rtol=0, atol=1e-5)
        blocks = list(ours.decoder.stream(latents.split([7, 1, latents.shape[-1] - 8], -1), values))
        torch.testing.assert_close(torch.cat(blocks, -1), decoded, rtol=0, atol=1e-5)
    if values == 1 and changes.get("norm_type") is None:
        assert len(blocks) > 5


def test_files_are_those_of_transformers(tmp_path: Path) -> None:
    ours, reference = pair()
    reference.save_pretrained(tmp_path / "theirs")
    ours.config.latent_mean = [0.5] * 16
    ours.save(tmp_path / "ours")
    again = Reference.from_pretrained(tmp_path / "ours")
    loaded = EncodecModel.load(str(tmp_path / "theirs"))
    for name, tensor in reference.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
        assert torch.equal(loaded.state_dict()[name], tensor), name
    assert loaded.config == EncodecConfig(**SMALL)
    assert EncodecModel.load(str(tmp_path / "ours")).config.latent_mean == [0.5] * 16
    saved = again.config.to_dict()
    assert all(saved[key] == value for key, value in SMALL.items())


def test_older_names_and_formats_of_weights(tmp_path: Path) -> None:
    """Published files name weight normalisation as torch did before 2.1."""
    ours, _ = pair()
    ours.save(tmp_path)
    old = {
        key.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): tensor.half()
        for key, tensor in load_file(tmp_path / "model.safetensors").items()
    }
    assert any(key.endswith("weight_g") for key in old)
    save_file(old, tmp_path / "model.safetensors")
    loaded = EncodecModel.load(str(tmp_path)).state_dict()
    for name, tensor in ours.state_dict().items():
        assert torch.equal(loaded[name], tensor.half().float()), name


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kernel_size", 0),
        ("compress", 2.5),
        ("codebook_size", 48),
        ("codebook_dim", "x"),
        ("use_causal_conv", "no"),
        ("pad_mode", "circular"),
        ("norm_type", "none"),
        ("trim_right_ratio", 0.5),
        ("upsampling_ratios", [4, 0]),
        ("upsampling_ratios", 3),
        ("target_bandwidths", []),
        ("num_lstm_layers", 0),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, key: str, value: Any) -> None:
    pair()[0].save(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(
        CheckpointError, match=r"config\.json: no configuration of encodec"
    ) as caught:
        EncodecModel.load(str(tmp_path))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("stride", [4, 8])
@pytest.mark.parametrize("channels", [8, 16, 24])
def test_narrow_strided_convolutions_in_bfloat16(channels, stride):
    """Their values and gradients are those of float32, also on CPUs with AMX."""
    config = EncodecConfig()
    for layer, width in (
        (Conv(config, channels, 2 * channels, 2 * stride, stride), channels),
        (TransposedConv(config, 2 * channels, channels, stride), 2 * channels),
    ):
        found = []
        for enabled in (False, True):
            x = torch.randn(4, width, 512, generator=torch.Generator().manual_seed(0))
            x.requires_grad_()
            with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
                y = layer(x)
            y.float().square().sum().backward()
            found.append((y.float(), x.grad))
        for exact, rounded in zip(*found, strict=True):
            assert (rounded - exact).norm() < 0.02 * exact.norm()
