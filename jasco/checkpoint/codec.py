"""Codec of a preparation, loaded by the name of a model or of a codec."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from jasco import checkpoint
from jasco.codec import EnCodec
from jasco.errors import CheckpointError
from jasco.io.hub import HubOptions, locate
from jasco.io.plain import read_object


@dataclass(frozen=True)
class CodecSource:
    """Name of a codec, which each process loads once.

    Attributes:
        name: Hub id or folder of a transformers EnCodec, or of a checkpoint (bundled name, folder
            or Hub id, in our format or the published one) that contains the codec.
        revision: commit, branch or tag of a Hub id.
    """

    name: str
    revision: str | None = None

    def load(self, device: torch.device | str = "cpu") -> EnCodec:
        """Load the codec on a device.

        Raises:
            CheckpointError: the codec cannot be found, reached or read.
        """
        return _load(self.name, self.revision, str(device))

    def facts(self) -> dict[str, Any]:
        """Facts on which results depend: fingerprint and frame rate (Hz) of the codec."""
        codec = self.load()
        return {"codec": codec.fingerprint(), "frame_rate": codec.frame_rate}


@cache
def _load(name: str, revision: str | None, device: str) -> EnCodec:
    hub = HubOptions(revision)
    folder = _encodec_folder(name, hub)
    if folder is not None:
        return EnCodec(pretrained=str(folder)).to(device)
    found = checkpoint.read(name, hub)
    codec = checkpoint.build(found.resolved["model"]["codec"])
    tensors = {
        key.removeprefix("codec."): tensor
        for key, tensor in found.tensors.items()
        if key.startswith("codec.")
    }
    provided_by_parts = [key.removeprefix("codec.") for key in found.provided_by_parts]
    checkpoint.assign(codec, tensors, provided_by_parts=provided_by_parts, source=found.name)
    return codec.to(device)


def _encodec_folder(name: str, hub: HubOptions) -> Path | None:
    """Folder of a transformers EnCodec; ``None`` for another model."""
    if name in checkpoint.BUNDLED or Path(name).is_file():
        return None
    config = locate(name, ("config.json",), hub).folder / "config.json"
    if not config.exists() or read_object(config, CheckpointError).get("model_type") != "encodec":
        return None
    return locate(name, ("config.json", "model.safetensors"), hub).folder
