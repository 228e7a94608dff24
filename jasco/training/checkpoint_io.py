"""Writing checkpoints whole or not at all, and reading nothing but data from them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import CheckpointIO

from jasco.errors import CheckpointError
from jasco.io.torch_files import read_torch


class AtomicCheckpointIO(CheckpointIO):
    """Files that are written beside their place, flushed to the disk, and renamed.

    So whenever a run is killed, the checkpoint before stays as it was.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Write a checkpoint.

        Raises:
            CheckpointError: it cannot be written, for instance onto a full disk.
        """
        path = Path(path)
        part = path.with_name(f".{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except (OSError, RuntimeError) as error:  # torch wraps what the system says
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise CheckpointError(
                f"{path} could not be written ({str(error).splitlines()[0]}); the checkpoint "
                "before, if any, is whole"
            ) from error

    def load_checkpoint(
        self,
        path: str | os.PathLike[str],
        map_location: Any = None,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """Read a checkpoint onto the CPU; never anything but data, whatever ``weights_only`` says.

        Raises:
            CheckpointError: it cannot be read.
        """
        package: dict[str, Any] = read_torch(Path(path))
        return package

    def remove_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Remove a checkpoint, if it is there."""
        Path(path).unlink(missing_ok=True)
