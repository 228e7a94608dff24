"""EnCodec in the files of transformers: ``config.json`` and ``model.safetensors``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from jasco.encodec.config import EncodecConfig
from jasco.encodec.quantizer import ResidualQuantizer
from jasco.encodec.seanet import Decoder, Encoder
from jasco.errors import CheckpointError
from jasco.io.hub import HubOptions, locate
from jasco.io.pretrained import CONFIG, read_config
from jasco.io.torch_files import aligned, misfits, read_safetensors, require_finite
from jasco.io.uninitialized import uninitialized

WEIGHTS = "model.safetensors"
# Names of weight normalisation in files of older versions of torch.
_RENAMED = {
    ".weight_g": ".parametrizations.weight.original0",
    ".weight_v": ".parametrizations.weight.original1",
}


class EncodecModel(nn.Module):
    """EnCodec (arXiv 2210.13438) with the parameter names of transformers.

    Args:
        config: sizes of the model, whose weights are random.
    """

    def __init__(self, config: EncodecConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.quantizer = ResidualQuantizer(config)

    @classmethod
    def load(cls, name: str, revision: str | None = None) -> EncodecModel:
        """Model of a folder or Hub id in float32, complete or not at all.

        Raises:
            CheckpointError: it cannot be found or read, lacks tensors or states sizes that differ
                from its files, or has weights that are not finite.
        """
        folder = locate(name, (CONFIG, WEIGHTS), HubOptions(revision)).folder
        config = EncodecConfig(**read_config(folder, EncodecConfig))
        try:
            with torch.device("meta"), uninitialized():
                model = cls(config)
        except (RuntimeError, ValueError, OverflowError) as error:
            raise CheckpointError(f"{folder / CONFIG} describes no model: {error}") from error
        own = model.state_dict()
        found = {_renamed(key): x for key, x in read_safetensors(folder / WEIGHTS).items()}
        tensors = {key: x for key, x in found.items() if key in own}
        if problems := misfits(tensors, own):
            raise CheckpointError(f"{name} lacks tensors of its model; {'; '.join(problems)}")
        tensors = {key: aligned(x, torch.float32) for key, x in tensors.items()}
        require_finite(tensors, name)
        model.load_state_dict(tensors, assign=True)
        return model

    def save(self, folder: Path) -> None:
        """Write the model to a folder that transformers loads."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {k: v.detach().cpu().contiguous() for k, v in self.state_dict().items()}
        dtype = str(next(self.parameters()).dtype).removeprefix("torch.")
        kind = {"architectures": ["EncodecModel"], "model_type": self.config.model_type}
        values = {k: v for k, v in asdict(self.config).items() if v is not None}
        text = json.dumps(kind | {"dtype": dtype} | values, indent=2, sort_keys=True)
        (folder / CONFIG).write_text(text + "\n", encoding="utf-8")
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def _renamed(key: str) -> str:
    for old, new in _RENAMED.items():
        if key.endswith(old):
            return key.removesuffix(old) + new
    return key
