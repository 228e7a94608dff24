"""Parts of a model in the files of transformers: ``config.json`` and ``model.safetensors``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from jasco.errors import CheckpointError
from jasco.io.pretrained import CONFIG
from jasco.io.torch_files import aligned, misfits, require_finite
from jasco.io.uninitialized import uninitialized

WEIGHTS = "model.safetensors"
Module = TypeVar("Module", bound=nn.Module)


def on_meta(make: Callable[[], Module], config: Path) -> Module:
    """Model without memory for its tensors.

    Raises:
        CheckpointError: the configuration, read from ``config``, describes none.
    """
    try:
        with torch.device("meta"), uninitialized():
            return make()
    except (RuntimeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{config} describes no model: {error}") from error


def load_tensors(model: nn.Module, found: Mapping[str, Tensor], name: str) -> None:
    """Give a model its tensors in float32, complete or not at all; others are left out.

    Raises:
        CheckpointError: tensors of ``name`` are missing, have other shapes, or are not finite.
    """
    own = model.state_dict()
    tensors = {key: x for key, x in found.items() if key in own}
    if problems := misfits(tensors, own):
        raise CheckpointError(f"{name} lacks tensors of its model; {'; '.join(problems)}")
    tensors = {key: aligned(x, torch.float32) for key, x in tensors.items()}
    require_finite(tensors, name)
    model.load_state_dict(tensors, assign=True)


def save_part(folder: Path, model: Any, architecture: str, without: str | None = None) -> None:
    """Write a part with a ``config`` to a folder that transformers loads.

    Args:
        folder: folder, made where it is missing.
        model: module to write.
        architecture: class of it in transformers.
        without: tensor that is left out, which is tied to another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
    dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
    kind = {"architectures": [architecture], "model_type": model.config.model_type}
    values = {k: v for k, v in asdict(model.config).items() if v is not None}
    text = json.dumps(kind | {"dtype": dtype} | values, indent=2, sort_keys=True)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")
    tensors = {key: tensor for key, tensor in state.items() if key != without}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
