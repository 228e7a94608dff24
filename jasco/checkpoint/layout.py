"""Files of a checkpoint, and the parts of the model in folders of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIG = "config.yaml"
WEIGHTS = "model.safetensors"
CARD = "README.md"
RUN_FILE = Path("checkpoints", "last.ckpt")


@dataclass(frozen=True)
class Part:
    """Part of the model with a folder of its own.

    Attributes:
        folder: name of the folder inside a checkpoint.
        node: path of its node in the configuration.
        prefix: prefix of its tensors in the model.
        files: patterns of the required files of its Hub repository.
    """

    folder: str
    node: tuple[str, ...]
    prefix: str
    files: tuple[str, ...]


CODEC = Part("codec", ("model", "codec"), "codec.model.", ("config.json", "model.safetensors"))
TEXT_ENCODER = Part(
    "text_encoder",
    ("model", "conditioners", "text"),
    "conditioners.text.encoder.",
    ("*.json", "model.safetensors", "summary.safetensors", "spiece.model"),
)
PARTS = (CODEC, TEXT_ENCODER)


def node_of(config: Mapping[str, Any], part: Part) -> dict[str, Any] | None:
    """Node of a part in a configuration; ``None`` without such a part."""
    node: Any = config
    for key in part.node:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node
