"""Checkpoints: a folder of `config.yaml`, `model.safetensors` and the frozen parts in Hub layout.

The ``.ckpt`` of a training run is one too: it holds the configuration and the averaged weights.

This module speaks of configurations, files and tensors, never of the model's classes: those are
named by the configuration (``_target_``) and built only where they are ours. The codec lies in
``codec/`` and the text encoder in ``text_encoder/``, as transformers saves them; a part that is not
inside is named in the configuration by Hub id and commit.
"""

from jasco.checkpoint.building import assign, build
from jasco.checkpoint.layout import CARD, CONFIG, PARTS, RUN_FILE, WEIGHTS, Part
from jasco.checkpoint.reading import (
    BUNDLED,
    Checkpoint,
    at_hand,
    frozen_elsewhere,
    locate_parts,
    read,
)
from jasco.checkpoint.writing import push, save
from jasco.io.hub import HubOptions

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
    "frozen_elsewhere",
    "locate_parts",
    "push",
    "read",
    "save",
]
