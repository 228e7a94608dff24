"""Atomic writes and safe reads of Lightning checkpoints."""

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
    """Checkpoint files written to a temporary file, flushed to disk, and renamed.

    A run killed at any moment leaves the previous checkpoint intact.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Write a checkpoint.

        Raises:
            CheckpointError: the file cannot be written, for instance to a full disk.
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
        except (OSError, RuntimeError) as error:  # torch wraps errors of the system
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
        """Read a checkpoint to the CPU, as plain data whatever ``weights_only`` is.

        Raises:
            CheckpointError: the file cannot be read.
        """
        package: dict[str, Any] = read_torch(Path(path))
        return package

    def remove_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Remove a checkpoint, if it exists."""
        Path(path).unlink(missing_ok=True)
