"""Separators of drums that are small enough for tests, with seeded weights."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import torch
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs
from safetensors.torch import save_file

SOURCES = ["drums", "bass", "other", "vocals"]
RATE = 44100
SMALL = {
    "channels": 8,
    "nfft": 1024,
    "depth": 4,
    "t_layers": 1,
    "t_heads": 2,
    "segment": Fraction(39, 20),
}


def small_network(seed: int = 0, sources: list[str] = SOURCES) -> HTDemucs:
    torch.manual_seed(seed)
    return HTDemucs(sources, **SMALL).eval()


def save(network: HTDemucs | HDemucs, path: Path, **about: str) -> Path:
    """Write a network as the repositories of Demucs on the Hub hold it."""

    def fraction(value: Fraction) -> dict[str, object]:
        top, bottom = value.as_integer_ratio()
        return {"_type": "fraction", "numerator": top, "denominator": bottom}

    arguments, options = network._init_args_kwargs
    metadata = {
        "klass": f"{type(network).__module__}.{type(network).__qualname__}",
        "args": json.dumps(arguments, default=fraction),
        "kwargs": json.dumps(options, default=fraction),
    }
    state = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, path, metadata=metadata | about)
    return path
