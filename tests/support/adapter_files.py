"""Adapters of random numbers, as files."""

from __future__ import annotations

from dataclasses import replace

import torch

from jasco.adapters import AdapterConfig, base_hash, save_adapter

LAYERS = ("network.transformer.layers.0.self_attention.qkv", "network.transformer.skips.0")


def write(model, folder, seed=0, **changes):
    """An adapter of a model in a folder, of settings that ``changes`` replace."""
    layers = changes.get("targets", LAYERS)
    sizes = {name: model.get_submodule(name).weight.shape for name in layers}
    base = {"id": "model", "revision": None, "hash": base_hash(model.state_dict())}
    config = replace(AdapterConfig(4, 8, LAYERS, base, model.controls), **changes)
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        name: 0.1 * torch.randn(shape, generator=generator)
        for name, shape in config.shapes(sizes).items()
    }
    return save_adapter(folder, config, tensors, dtype="float32")
