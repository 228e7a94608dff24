"""CUDA graphs of the guided velocity: what they compute, and that a device has them."""

from __future__ import annotations

import copy

import pytest
import torch

from jasco import AB2, Conditions, Guidance, Jasco
from jasco.network.graphs import (
    MAX_GRAPHS,
    TOKEN_BLOCK,
    VelocityGraphs,
    lower_weights,
    pad_tokens,
    run_lowered,
)
from jasco.network.guided import GuidedVelocity

CLIPS = [Conditions("warm synth-pop", chords="C:0 Am:1"), Conditions("a long text on jazz" * 2)]
GUIDANCE = Guidance(all=1.5, text=0.5)


def guided(model: Jasco, clips: list[Conditions] = CLIPS, frames: int = 50) -> GuidedVelocity:
    with torch.no_grad():
        return model.guided(model.encode(clips, frames), GUIDANCE)


def latents(model: Jasco, clips: int = 2, frames: int = 50) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    shape = (clips, frames, model.codec.latent_dim)
    return torch.randn(shape, generator=generator).to(model.device)


@torch.no_grad()
def test_lowered_weights_give_what_autocast_gives(tiny: Jasco) -> None:
    field, z, t = guided(tiny), latents(tiny), torch.tensor(0.3)
    for dtype in (torch.bfloat16, torch.float32):
        lowered: dict[str, torch.Tensor] = {}
        lower_weights(tiny.network, dtype, lowered)
        assert bool(lowered) == (dtype == torch.bfloat16)
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            expected = field(t, z)
        assert torch.equal(run_lowered(field, t, z, dtype, lowered), expected)
    assert not torch.equal(expected, torch.zeros_like(expected))


def test_lowered_weights_follow_the_network(tiny: Jasco) -> None:
    network = copy.deepcopy(tiny.network)
    lowered: dict[str, torch.Tensor] = {}
    lower_weights(network, torch.bfloat16, lowered)
    places = {name: tensor.data_ptr() for name, tensor in lowered.items()}
    with torch.no_grad():
        network.input.weight.fill_(1.5)
    lower_weights(network, torch.bfloat16, lowered)
    assert bool((lowered["input.weight"] == 1.5).all())
    assert {name: tensor.data_ptr() for name, tensor in lowered.items()} == places


@torch.no_grad()
def test_padded_tokens_change_nothing(tiny: Jasco) -> None:
    field, z, t = guided(tiny), latents(tiny), torch.tensor(0.3)
    padded = pad_tokens(field.conditions)
    text = padded.controls["text"]
    assert text.mask is not None and text.mask.shape[1] % TOKEN_BLOCK == 0
    assert text.mask.shape[1] > field.conditions.controls["text"].values.shape[1]
    again = field.with_conditions(padded)
    torch.testing.assert_close(again(t, z), field(t, z), rtol=1e-5, atol=1e-5)


def test_a_cpu_and_a_copy_have_no_graphs(tiny: Jasco) -> None:
    field, z = guided(tiny), latents(tiny)
    for graphs in (VelocityGraphs(), VelocityGraphs(enabled=True)):
        with graphs.recorded(field, z, torch.float32) as found:
            assert found is field
        assert copy.deepcopy(graphs).enabled == graphs.enabled
    assert isinstance(copy.deepcopy(tiny).graphs, VelocityGraphs)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_graphs_equal_the_field_on_a_gpu(tiny: Jasco, dtype: str) -> None:
    """The recorded velocity for two requests of one shape, and after the weights changed."""
    model = copy.deepcopy(tiny).to("cuda")
    model.dtype, model.graphs.enabled = getattr(torch, dtype), True
    z = latents(model)
    with torch.no_grad():
        for clips in (CLIPS, CLIPS[::-1]):
            field = guided(model, clips)
            with torch.autocast("cuda", model.dtype, enabled=dtype == "bfloat16"):
                expected = [field(torch.tensor(t, device="cuda"), z) for t in (0.1, 0.7)]
            with model.graphs.recorded(field, z, model.dtype) as recorded:
                assert recorded is not field
                found = [recorded(torch.tensor(t, device="cuda"), z) for t in (0.1, 0.7)]
            tolerance = 1e-5 if dtype == "float32" else 2e-2
            for one, other in zip(found, expected, strict=True):
                assert (one - other).norm() < tolerance * other.norm()
            model.network.output.weight.mul_(0.5)
    assert len(model.graphs._graphs) == 1


@pytest.mark.gpu
def test_a_gpu_keeps_a_few_graphs_and_generates_with_them(tiny: Jasco) -> None:
    model = copy.deepcopy(tiny).to("cuda")
    model.graphs.enabled = True
    for tenths in range(1, MAX_GRAPHS + 3):
        out = model.generate("funk", seed=7, duration=tenths / 10, solver=AB2(4, shift=3))
        alone = tiny.generate("funk", seed=7, duration=tenths / 10, solver=AB2(4, shift=3))
        torch.testing.assert_close(out.latents, alone.latents, rtol=1e-3, atol=1e-3)
    assert len(model.graphs._graphs) == MAX_GRAPHS
