"""Key estimation: correlation of a chromagram with key profiles.

C. L. Krumhansl, "Cognitive foundations of musical pitch" (1990), chapter 4, with the profiles of
C. L. Krumhansl and E. J. Kessler, Psychological Review 89, 1982.
"""

from __future__ import annotations

import numpy as np

from jasco.audio import Audio
from jasco.chords.vocabulary import ROOTS
from jasco.extract.chroma import chromagram

_PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}


def estimate_key(audio: Audio) -> str | None:
    """Estimate the key of a recording.

    Args:
        audio: audio of any rate and number of channels.

    Returns:
        Key such as ``"F# minor"``; ``None`` for silence.
    """
    # The square root weakens single loud notes.
    chroma = chromagram(audio).sqrt().mean(dim=1).numpy()
    if not np.ptp(chroma) > 0:
        return None
    found = {
        f"{ROOTS[tonic]} {mode}": float(np.corrcoef(np.roll(profile, tonic), chroma)[0, 1])
        for tonic in range(12)
        for mode, profile in _PROFILES.items()
    }
    return max(found, key=lambda key: found[key])
