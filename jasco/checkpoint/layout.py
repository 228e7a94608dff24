"""Files of a checkpoint, and the parts of the model in folders of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jasco.encodec import EncodecConfig, FourierDecoderConfig
from jasco.t5 import T5Config

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
        kind: class of its ``config.json``.
    """

    folder: str
    node: tuple[str, ...]
    prefix: str
    files: tuple[str, ...]
    kind: type


_PAIR = ("config.json", "model.safetensors")
CODEC = Part("codec", ("model", "codec"), "codec.model.", _PAIR, EncodecConfig)
DECODER = Part(
    "decoder", ("model", "codec", "decoder"), "codec.decoder.", _PAIR, FourierDecoderConfig
)
TEXT_ENCODER = Part(
    "text_encoder",
    ("model", "conditioners", "text"),
    "conditioners.text.encoder.",
    ("*.json", "model.safetensors", "summary.safetensors", "spiece.model"),
    T5Config,
)
PARTS = (CODEC, DECODER, TEXT_ENCODER)


def node_of(config: Mapping[str, Any], part: Part) -> dict[str, Any] | None:
    """Node of a part in a configuration; ``None`` without such a part."""
    node: Any = config
    for key in part.node:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node
