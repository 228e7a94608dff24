"""Embeddings of takes and of the recordings that they are compared with, as sets and with texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from jasco.audio import Audio
from jasco.codec import EnCodec
from jasco.embeddings import clap as consistency
from jasco.embeddings.clap import Clap
from jasco.embeddings.latents import embed_latents
from jasco.io.fingerprint import fingerprint

ENCODEC, CLAP = "encodec", "clap"
EMBEDDINGS = (ENCODEC, CLAP)
"""Names of the embeddings that distances of distributions are measured in."""
FEWEST = 4
"""Items that the distances need."""


@dataclass(frozen=True, eq=False)
class Embedder:
    """Embeds recordings, on the device of the model that makes them.

    Attributes:
        codec: of the model, for the mean of its latents; ``None`` to leave these out.
        clap: embeds recordings and texts; ``None`` likewise.
    """

    codec: EnCodec | None = None
    clap: Clap | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of `EMBEDDINGS`, those that are made."""
        parts = (self.codec, self.clap)
        return tuple(n for n, part in zip(EMBEDDINGS, parts, strict=True) if part is not None)

    def facts(self) -> dict[str, Any]:
        """What the embeddings depend on, as JSON data."""
        facts: dict[str, Any] = {}
        if self.codec is not None:
            facts[ENCODEC] = fingerprint(
                (self.codec.mean, self.codec.std), self.codec.fingerprint()
            )
        if self.clap is not None:
            facts[CLAP] = fingerprint(self.clap.model.state_dict().values())
        return facts

    def to(self, device: torch.device) -> None:
        """Move what the model does not move itself."""
        if self.clap is not None:
            self.clap.to(device)

    def embed(self, audio: Audio) -> dict[str, list[float]]:
        """Embeddings (D,) of a recording by their names, as JSON data."""
        found = {}
        if self.codec is not None:
            found[ENCODEC] = embed_latents(self.codec, [audio])[0].tolist()
        if self.clap is not None:
            found[CLAP] = self.clap.embed_audio([audio])[0].tolist()
        return found

    def consistency(self, text: str | None, embedded: dict[str, list[float]]) -> dict[str, float]:
        """How near a recording is to a text, where there are a text and a CLAP to tell it."""
        if self.clap is None or not text:
            return {}
        asked = self.clap.embed_text([text])[0]
        found = consistency.compute(asked, np.asarray(embedded[CLAP]))
        return {f"{CLAP}.{name}": value for name, value in found.items()}
