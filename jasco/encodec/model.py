"""EnCodec in the files of transformers: ``config.json`` and ``model.safetensors``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from jasco.encodec.config import EncodecConfig
from jasco.encodec.quantizer import ResidualQuantizer
from jasco.encodec.seanet import Decoder, Encoder
from jasco.io.hub import HubOptions, locate
from jasco.io.parts import WEIGHTS, load_tensors, on_meta, save_part
from jasco.io.pretrained import CONFIG, read_config
from jasco.io.torch_files import read_safetensors

# Names of weight normalisation in files of older versions of torch.
_RENAMED = {
    ".weight_g": ".parametrizations.weight.original0",
    ".weight_v": ".parametrizations.weight.original1",
}


class EncodecModel(nn.Module):
    """EnCodec (arXiv 2210.13438) with the parameter names of transformers.

    Args:
        config: sizes of the model, whose weights are random.
        decoder: with its decoder, which a codec with a `FourierDecoder` does without.
    """

    def __init__(self, config: EncodecConfig, decoder: bool = True) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder: Any = Decoder(config) if decoder else None
        self.quantizer = ResidualQuantizer(config)

    @classmethod
    def load(cls, name: str, revision: str | None = None, decoder: bool = True) -> EncodecModel:
        """Model of a folder or Hub id in float32, complete or not at all.

        Args:
            name: folder or Hub id.
            revision: branch, tag or commit on the Hub.
            decoder: with the decoder, where the files have one.

        Raises:
            CheckpointError: it cannot be found or read, lacks tensors or states sizes that differ
                from its files, or has weights that are not finite.
        """
        folder = locate(name, (CONFIG, WEIGHTS), HubOptions(revision)).folder
        config = EncodecConfig(**read_config(folder, EncodecConfig))
        found = {_renamed(key): x for key, x in read_safetensors(folder / WEIGHTS).items()}
        decoder = decoder and any(key.startswith("decoder.") for key in found)
        model = on_meta(lambda: cls(config, decoder), folder / CONFIG)
        load_tensors(model, found, name)
        return model

    def save(self, folder: Path) -> None:
        """Write the model to a folder that transformers loads."""
        save_part(folder, self, "EncodecModel")


def _renamed(key: str) -> str:
    for old, new in _RENAMED.items():
        if key.endswith(old):
            return key.removesuffix(old) + new
    return key
