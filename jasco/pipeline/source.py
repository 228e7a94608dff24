"""Model of a worker process, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from jasco.io.hub import HubOptions
from jasco.model import Jasco


@dataclass(frozen=True)
class ModelSource:
    """Arguments of `jasco.model.Jasco.from_pretrained`, and the number of CPU threads."""

    name: str
    device: str = "auto"
    dtype: str = "auto"
    revision: str | None = None
    cache_dir: str | None = None
    local_files_only: bool = False
    threads: int | None = None

    @property
    def hub(self) -> HubOptions:
        """Access to the Hub for adapters, which name their own revisions."""
        return HubOptions(None, self.cache_dir, self.local_files_only)

    def load(self) -> Jasco:
        """Set the threads of this process, and load the model.

        Raises:
            CheckpointError, SettingError: see `jasco.model.Jasco.from_pretrained`.
        """
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        return Jasco.from_pretrained(
            self.name,
            device=self.device,
            dtype=self.dtype,
            revision=self.revision,
            cache_dir=self.cache_dir,
            local_files_only=self.local_files_only,
        )
