"""Chroma similarity of a take and an original recording, the melody metric of MusicGen."""

from __future__ import annotations

from jasco.audio import Audio
from jasco.extract.chroma import chromagram
from jasco.metrics import chroma


def compare(original: Audio, audio: Audio) -> dict[str, float]:
    """``similarity`` of the chromagrams of two recordings; see `jasco.metrics.chroma`."""
    both = [chromagram(side).numpy() for side in (original, audio)]
    columns = min(side.shape[1] for side in both)  # resampling may give one column more
    reference, estimate = (side[:, :columns] for side in both)
    return {"similarity": chroma.compute(reference, estimate)["chroma_similarity"]}
