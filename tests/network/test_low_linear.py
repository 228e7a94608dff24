"""Weights in bfloat16: the audio of bfloat16 products, from half the memory."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from jasco.conditions import Conditions
from jasco.errors import SettingError
from jasco.flow import Dopri5, Euler
from jasco.model import Jasco
from jasco.network import LowLinear

CLIP = Conditions(text="slow funk", chords="C:0 Am:0.5")


@pytest.fixture(scope="module")
def folder(tiny: Jasco, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny.save_pretrained(tmp_path_factory.mktemp("low") / "model"))


@pytest.fixture(scope="module")
def low(folder: str) -> Jasco:
    return Jasco.from_pretrained(folder, device="cpu", dtype="bfloat16")


def test_the_weights_of_linear_layers_are_kept_in_bfloat16(folder: str, low: Jasco) -> None:
    full = Jasco.from_pretrained(folder, device="cpu")
    assert all(p.dtype == torch.float32 for p in full.parameters())
    layers = dict(low.network.named_modules())
    assert not any(type(layer) is nn.Linear for layer in layers.values())
    for name, p in low.named_parameters():
        owner = layers.get(name.removeprefix("network.").rpartition(".")[0])
        assert p.dtype == (torch.bfloat16 if isinstance(owner, LowLinear) else torch.float32), name
        assert torch.equal(p, full.get_parameter(name).to(p.dtype)), name


def test_audio_is_that_of_bfloat16_products(folder: str, low: Jasco) -> None:
    full = Jasco.from_pretrained(folder, device="cpu", dtype="float32")
    full.dtype = full.codec.decode_dtype = torch.bfloat16
    audio = [m.generate(CLIP, seed=1, solver=Euler(3), duration=1.0).audio for m in (full, low)]
    assert torch.equal(*audio)


def test_adaptive_solvers_compute_in_float32(low: Jasco) -> None:
    rounded = Jasco.from_pretrained(low.name_or_path, device="cpu", dtype="float32")
    for layer in rounded.network.modules():
        if isinstance(layer, nn.Linear):
            for p in layer.parameters():
                p.data = p.data.bfloat16().float()
    solver = Dopri5(rtol=0.1, atol=0.1)
    made = [m.generate(CLIP, seed=1, solver=solver, duration=0.5) for m in (rounded, low)]
    assert torch.equal(made[0].latents, made[1].latents)
    assert made[1].recipe[0]["dtype"] == "float32"


def test_such_a_model_is_saved_but_not_trained(low: Jasco, tmp_path) -> None:
    again = Jasco.from_pretrained(low.save_pretrained(tmp_path / "model"), device="cpu")
    for name, p in low.named_parameters():
        assert torch.equal(again.get_parameter(name), p.float()), name
    z = torch.randn(1, 25, low.codec.latent_dim)
    with torch.no_grad():
        conditions = low.encode([CLIP], 25)
        assert low.loss(z, conditions).isfinite().all()
    with pytest.raises(SettingError, match='load the model with dtype="float32"'):
        low.loss(z, conditions)
