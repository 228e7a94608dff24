"""Embeddings of recordings, for distances of distributions."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from jasco.audio import Audio
from jasco.codec import EnCodec
from jasco.errors import SettingError
from jasco.metrics import frechet, kernel
from jasco.metrics.bootstrap import Interval


class Embeddings:
    """Accumulator of the embeddings of references and estimates, one vector per item."""

    def __init__(self) -> None:
        self._sets: dict[str, list[np.ndarray]] = {"reference": [], "estimate": []}

    def add(
        self, *, reference: np.ndarray | None = None, estimate: np.ndarray | None = None
    ) -> None:
        """Add embeddings (N, D) to either set; the two may differ in size."""
        for name, values in (("reference", reference), ("estimate", estimate)):
            if values is not None:
                self._sets[name].append(np.atleast_2d(np.asarray(values, dtype=float)))

    @property
    def reference(self) -> np.ndarray:
        """Embeddings (N, D) of the references."""
        return self._joined("reference")

    @property
    def estimate(self) -> np.ndarray:
        """Embeddings (M, D) of the estimates."""
        return self._joined("estimate")

    def summary(self, *, seed: int = 0) -> dict[str, float | Interval]:
        """Distances of the two sets: ``fad``, ``fad_infinity`` with its interval, and ``kad``.

        Raises:
            SettingError: fewer than four items in either set.
        """
        sets = self.reference, self.estimate
        return {
            "fad": frechet.compute(*sets),
            "fad_infinity": frechet.extrapolate(*sets, seed=seed),
            "kad": kernel.compute(*sets),
        }

    def _joined(self, name: str) -> np.ndarray:
        if not self._sets[name]:
            raise SettingError(f"there are no embeddings of any {name}")
        return np.concatenate(self._sets[name])


@torch.inference_mode()
def embed_latents(codec: EnCodec, recordings: Iterable[Audio]) -> np.ndarray:
    """Mean over time of the normalised EnCodec latents, which need no further model.

    Args:
        codec: codec of the evaluated model.
        recordings: audio of any rate, number of channels and length.

    Returns:
        (N, D) float64.
    """
    device = codec.mean.device
    vectors = []
    for audio in recordings:
        samples = audio.with_channels(codec.channels).resample(codec.sample_rate).samples
        missing = -samples.shape[1] % codec.hop_length
        samples = torch.nn.functional.pad(samples, (0, missing))
        vectors.append(codec.encode(samples[None].to(device))[0].mean(dim=0).cpu().double())
    return torch.stack(vectors).numpy() if vectors else np.empty((0, codec.latent_dim))
