"""Adherence scores: extracted controls against requested ones.

Codec reconstructions of true recordings give the ceiling of a score, the requests of other items
its floor (`jasco.metrics.shuffle.derangement`).
"""

from __future__ import annotations

from jasco.adherence.controls import Controls, comparison
from jasco.controls import CONTROLS


def adherence(reference: Controls, estimate: Controls) -> dict[str, float]:
    """Scores of all controls that both sides have.

    Args:
        reference: requested controls.
        estimate: extracted controls.

    Returns:
        Scores of `jasco.metrics.chords`, ``drums``, ``tempo``, ``melody`` and ``salience``, named
        after the metric: ``chords.majmin``, ..., ``drums.f1``, ..., ``drum_stem.f1``, ...,
        ``tempo.accuracy1``, ..., ``melody.row``, ..., ``salience.rpa``, ...; see
        `ControlAdherence.scores` of each control.

    Raises:
        MissingPartError: chords are compared and mir_eval is not installed.
        MelodyError: the melodies are of different lengths.
    """
    scores: dict[str, float] = {}
    for name in CONTROLS:
        if name in reference and name in estimate:
            scores |= comparison(name).scores(reference[name], estimate[name])
    return scores


def named(metric: str, scores: dict[str, float]) -> dict[str, float]:
    """Scores with the name of their metric in front."""
    return {f"{metric}.{name}": value for name, value in scores.items()}
