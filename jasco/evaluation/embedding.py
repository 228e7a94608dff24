"""Embeddings of takes and original recordings."""

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
"""Names of the embeddings for distances of distributions."""
FEWEST = 4
"""Least number of items for a distance."""


@dataclass(frozen=True, eq=False)
class Embedder:
    """Embedder of recordings, on the device of the generating model.

    Attributes:
        codec: codec of the model, for means of latents; ``None`` for no such embedding.
        clap: model of audio and text embeddings; ``None`` for no such embedding.
    """

    codec: EnCodec | None = None
    clap: Clap | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Active embeddings of `EMBEDDINGS`."""
        parts = (self.codec, self.clap)
        return tuple(n for n, part in zip(EMBEDDINGS, parts, strict=True) if part is not None)

    def facts(self) -> dict[str, Any]:
        """Fingerprints of the embedding models, as JSON data."""
        facts: dict[str, Any] = {}
        if self.codec is not None:
            facts[ENCODEC] = fingerprint(
                (self.codec.mean, self.codec.std), self.codec.fingerprint()
            )
        if self.clap is not None:
            facts[CLAP] = fingerprint(self.clap.model.state_dict().values())
        return facts

    def to(self, device: torch.device) -> None:
        """Move CLAP to a device; the model moves its own codec."""
        if self.clap is not None:
            self.clap.to(device)

    def embed(self, audio: Audio) -> dict[str, list[float]]:
        """Embeddings (D,) of a recording by name, as JSON data."""
        found = {}
        if self.codec is not None:
            found[ENCODEC] = embed_latents(self.codec, [audio])[0].tolist()
        if self.clap is not None:
            found[CLAP] = self.clap.embed_audio([audio])[0].tolist()
        return found

    def consistency(self, text: str | None, embedded: dict[str, list[float]]) -> dict[str, float]:
        """CLAP score of a recording and a text; empty without a text or CLAP."""
        if self.clap is None or not text:
            return {}
        asked = self.clap.embed_text([text])[0]
        found = consistency.compute(asked, np.asarray(embedded[CLAP]))
        return {f"{CLAP}.{name}": value for name, value in found.items()}
