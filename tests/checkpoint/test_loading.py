"""Loaded models: every tensor is the file's, and nothing is initialised that is then replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from jasco import checkpoint
from jasco.io.hub import HubOptions
from jasco.io.torch_files import ALIGNMENT
from jasco.model import Jasco

PUBLISHED = "facebook/jasco-chords-drums-melody-400M"


@pytest.fixture(params=["demo", "published", "folder", "run"])
def found(request, tiny, hub_cache, tmp_path):
    """A checkpoint of each kind."""
    if request.param == "demo":
        return checkpoint.read("demo", HubOptions())
    if request.param == "published":
        return checkpoint.read(PUBLISHED, HubOptions(cache_dir=hub_cache))
    if request.param == "folder":
        return checkpoint.read(tiny.save_pretrained(tmp_path / "model"), HubOptions())
    state = {f"model.{name}": tensor for name, tensor in tiny.state_dict().items()}
    path = tmp_path / "run.ckpt"
    torch.save({"hyper_parameters": dict(tiny.config), "state_dict": state}, path)
    return checkpoint.read(path, HubOptions())


def load(found):
    with checkpoint.uninitialized():
        model = Jasco.from_config(found.resolved)
    checkpoint.assign(
        model, found.tensors, provided_by_parts=found.provided_by_parts, source=found.name
    )
    return model


def test_a_loaded_model_equals_its_file_and_a_fresh_build(found):
    model, fresh = load(found), Jasco.from_config(found.resolved)
    state, own = model.state_dict(), fresh.state_dict()
    assert list(state) == list(own)
    for name, tensor in state.items():
        # Frozen parts in folders of their own are loaded when a model is built.
        expected = found.tensors.get(name, own[name])
        assert torch.equal(tensor, expected.to(tensor.dtype)), name
    # Buffers outside the checkpoint: statistics of the latents, sizes of convolutions.
    built = dict(fresh.named_buffers())
    for name, buffer in model.named_buffers():
        assert name in state or torch.equal(buffer, built[name]), name
    names = [name for name, _ in fresh.named_parameters()]  # tied ones once
    assert [name for name, _ in model.named_parameters()] == names
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        assert not tensor.is_meta and tensor.dtype != torch.float16, name
        assert not tensor.requires_grad or fresh.get_parameter(name).requires_grad, name


def test_new_layers_draw_no_random_number_inside_the_context():
    before = torch.get_rng_state()
    with checkpoint.uninitialized():
        layers = nn.Linear(2, 2), nn.Embedding(2, 2), nn.Conv1d(1, 1, 1), nn.LSTM(2, 2)
        assert nn.init.normal_(tensor=layers[0].weight) is layers[0].weight
    assert torch.equal(torch.get_rng_state(), before)
    nn.Linear(2, 2)
    assert not torch.equal(torch.get_rng_state(), before)


def test_a_tensor_of_the_model_s_format_is_not_copied(tmp_path):
    """Files align tensors to 8 bytes; those that torch could not have allocated are copied."""
    layer = nn.Linear(16, 2)
    tensors = {"bias": torch.arange(2.0), "weight": torch.randn(2, 16)}
    checkpoint.assign(layer, tensors, provided_by_parts=(), source="here")
    assert layer.weight.data_ptr() == tensors["weight"].data_ptr()
    path = tmp_path / "odd.safetensors"
    save_file({"a": torch.zeros(3), **tensors}, path)
    odd = {k: v for k, v in checkpoint.reading.read_safetensors(path).items() if k != "a"}
    assert odd["weight"].data_ptr() % ALIGNMENT
    checkpoint.assign(layer, odd, provided_by_parts=(), source="here")
    assert not any(p.data_ptr() % ALIGNMENT for p in layer.parameters())
    assert all(torch.equal(layer.state_dict()[name], tensors[name]) for name in tensors)


def test_an_aligned_file_is_mapped_and_never_written(tmp_path: Path):
    path = tmp_path / "run.ckpt"
    torch.save({"weight": torch.ones(4, 4), "bias": torch.zeros(4)}, path)
    before = path.read_bytes()
    tensors = checkpoint.reading.read_torch(path)
    layer = nn.Linear(4, 4)
    checkpoint.assign(layer, tensors, provided_by_parts=(), source="here")
    assert layer.weight.data_ptr() == tensors["weight"].data_ptr()
    with torch.no_grad():
        layer.weight.add_(1)
    assert path.read_bytes() == before


def test_tied_parameters_stay_tied():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
            self.b.weight = self.a.weight

    model = Tied()
    weight = torch.ones(2, 2)
    tensors = {"a.weight": weight, "b.weight": weight.clone()}
    checkpoint.assign(model, tensors, provided_by_parts=(), source="here")
    assert model.a.weight is model.b.weight and torch.equal(model.a.weight, weight)
