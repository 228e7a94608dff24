"""Which EnCodec the data is prepared for, by the name of a model or of the codec itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from jasco import checkpoint
from jasco.codec import EnCodec
from jasco.errors import CheckpointError
from jasco.hub import HubOptions, locate
from jasco.plain import read_object


@dataclass(frozen=True)
class CodecSource:
    """The name of a codec; each process loads it once.

    Attributes:
        name: Hub id or folder of a transformers EnCodec, or a Jasco checkpoint (bundled name,
            folder, Hub id, ours or a published one), whose codec is meant.
        revision: commit, branch or tag of a Hub id.
    """

    name: str
    revision: str | None = None

    def load(self, device: torch.device | str = "cpu") -> EnCodec:
        """The codec on a device.

        Raises:
            CheckpointError: it cannot be found, reached or read.
        """
        return _load(self.name, self.revision, str(device))

    def facts(self) -> dict[str, Any]:
        """What results depend on: the codec's fingerprint and frame rate (Hz)."""
        codec = self.load()
        return {"codec": codec.fingerprint(), "frame_rate": codec.frame_rate}


@cache
def _load(name: str, revision: str | None, device: str) -> EnCodec:
    hub = HubOptions(revision)
    folder = _encodec_folder(name, hub)
    if folder is not None:
        return EnCodec(pretrained=str(folder)).to(device)
    found = checkpoint.read(name, hub)
    codec = checkpoint.build(found.located["model"]["codec"])
    tensors = {
        key.removeprefix("codec."): tensor
        for key, tensor in found.tensors.items()
        if key.startswith("codec.")
    }
    elsewhere = [key.removeprefix("codec.") for key in found.elsewhere]
    checkpoint.assign(codec, tensors, elsewhere=elsewhere, source=found.name)
    return codec.to(device)


def _encodec_folder(name: str, hub: HubOptions) -> Path | None:
    """The folder of a transformers EnCodec; ``None`` if the name is that of something else."""
    if name in checkpoint.BUNDLED or Path(name).is_file():
        return None
    config = locate(name, ("config.json",), hub).folder / "config.json"
    if not config.exists() or read_object(config, CheckpointError).get("model_type") != "encodec":
        return None
    return locate(name, ("config.json", "model.safetensors"), hub).folder
