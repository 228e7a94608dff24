"""Checkpoints: a folder of `config.yaml`, `model.safetensors` and the frozen parts in Hub layout.

The ``.ckpt`` of a training run, with its configuration and averaged weights, is read too. The
configuration names the classes (``_target_``), which are built only if they are ours. The codec is
in ``codec/`` and the text encoder in ``text_encoder/``, in the layout of transformers; parts
outside the folder are named in the configuration by Hub id and commit.
"""

from jasco.checkpoint.building import assign, build
from jasco.checkpoint.layout import CARD, CONFIG, PARTS, RUN_FILE, WEIGHTS, Part
from jasco.checkpoint.reading import (
    BUNDLED,
    Checkpoint,
    at_hand,
    provided_by_hub,
    read,
    resolve_parts,
)
from jasco.checkpoint.writing import push, save
from jasco.io.hub import HubOptions
from jasco.io.uninitialized import uninitialized

__all__ = [
    "BUNDLED",
    "CARD",
    "CONFIG",
    "PARTS",
    "RUN_FILE",
    "WEIGHTS",
    "Checkpoint",
    "HubOptions",
    "Part",
    "assign",
    "at_hand",
    "build",
    "provided_by_hub",
    "resolve_parts",
    "push",
    "read",
    "save",
    "uninitialized",
]
