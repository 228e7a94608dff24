"""Adapters: low-rank updates of a model's weights (LoRA, arXiv 2106.09685), in files of their own.

An adapter is a folder in peft's format: ``adapter_config.json``, ``adapter_model.safetensors`` and
a model card. It names the weights that it was trained on by their hash.
"""

from jasco.adapters.adapter import Adapter, AdapterConfig, base_hash
from jasco.adapters.methods import AdapterMethods
from jasco.adapters.reading import read_adapter
from jasco.adapters.writing import push_adapter, save_adapter

__all__ = [
    "Adapter",
    "AdapterConfig",
    "AdapterMethods",
    "base_hash",
    "push_adapter",
    "read_adapter",
    "save_adapter",
]
