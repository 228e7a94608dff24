"""Measures of seams: level, spectral flux, and adherence around them and elsewhere."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from jasco.adherence import AdherenceReport
from jasco.adherence.controls import comparison, headlines
from jasco.adherence.drums import Rhythm
from jasco.adherence.melody import MELODY_RATE, Tune
from jasco.metrics.drums import WINDOW, count_matches

FRAME = 640  # samples of a frame of flux and level, 20 ms at 32 kHz
PIECE = 1.0  # length (s) of the pieces near seams and elsewhere
AT_WRAP, INSIDE = "onsets at the wrap", "onsets inside"
Row = dict[str, Any]


def level(samples: Tensor) -> float:
    """Root mean square of a recording (dB)."""
    return float(10 * torch.log10(samples.square().mean() + 1e-12))


def seam_ratio(samples: Tensor, seams: Sequence[float], rate: int) -> dict[str, float]:
    """Spectral flux within 60 ms of seams over that elsewhere, and the same of steps in level."""
    mono = samples.mean(0)
    size = 2 * FRAME
    spectrum = torch.stft(mono, size, FRAME, window=torch.hann_window(size), return_complex=True)
    magnitude = spectrum.abs()
    flux = magnitude.diff(dim=1).clamp(min=0).sum(0) / (magnitude.sum(0)[1:] + 1e-9)
    # Level over 200 ms before and after each frame (dB).
    power = mono[: len(mono) // FRAME * FRAME].view(-1, FRAME).square().mean(1)
    means = power.unfold(0, 10, 1).mean(1)
    levels = 10 * torch.log10(means + 1e-9)
    step = (levels[10:] - levels[:-10]).abs()
    places = [round(seam * rate / FRAME) for seam in seams]
    near = torch.zeros(len(flux), dtype=torch.bool)
    for place in places:
        near[max(place - 3, 0) : place + 4] = True
    steps = [float(step[min(max(place - 10, 0), len(step) - 1)]) for place in places]
    return {
        "flux": float(flux[near].mean() / flux[~near].mean()),
        "step": statistics.fmean(steps) - float(step.mean()),
    }


def near_seams(report: AdherenceReport, seams: Sequence[float], duration: float) -> Row:
    """Headline scores of the pieces around seams, and of the other pieces between them."""
    edges = [0.0, *(seam - PIECE / 2 for seam in seams), duration]
    others = []
    for first, last in zip(edges, edges[1:], strict=False):
        begin = first + PIECE if first else 0.0
        others += [begin + k * PIECE for k in range(int((last - begin) / PIECE + 1e-6))]
    starts = {"near": edges[1:-1], "elsewhere": others}
    return {place: pieces(report, which) for place, which in starts.items()}


def pieces(report: AdherenceReport, starts: Sequence[float]) -> dict[str, float]:
    """Mean headline scores of the pieces of a report, where they are defined."""
    found: dict[str, list[float]] = {}
    for start in starts:
        for control in report.compared:
            sides = report.requested[control], report.extracted[control]
            cropped = [crop(side, start, start + PIECE) for side in sides]
            value = comparison(control).scores(*cropped)[headlines()[control]]
            if math.isfinite(value):
                found.setdefault(headlines()[control], []).append(value)
    return {name: statistics.fmean(values) for name, values in found.items()}


def crop(side: Any, start: float, stop: float) -> Any:
    """Part of one side of a comparison."""
    if isinstance(side, Rhythm):
        return Rhythm(side.onsets[(side.onsets >= start) & (side.onsets < stop)])
    if isinstance(side, Tune):
        frames = slice(round(start * MELODY_RATE), round(stop * MELODY_RATE))
        return Tune(side.pitch_classes[frames])
    clipped = [(max(first, start), min(last, stop), label) for first, last, label in side]
    return [segment for segment in clipped if segment[1] > segment[0]]


def onset_counts(reports: Sequence[AdherenceReport], place: float) -> dict[str, int]:
    """Onsets of both sides within half a second of a place (s), and those that have a match.

    Onsets are matched over the whole recording; nothing is counted where no drums are requested.
    """
    counts = {"onsets": 0, "hits": 0}
    for report in reports:
        requested, extracted = (
            side["drums"].onsets for side in (report.requested, report.extracted)
        )
        if not len(requested):
            continue
        near = [times[abs(times - place) < PIECE / 2] for times in (requested, extracted)]
        counts["onsets"] += len(near[0]) + len(near[1])
        counts["hits"] += count_matches(near[0], extracted, WINDOW)
        counts["hits"] += count_matches(requested, near[1], WINDOW)
    return counts


def onsets_of_loops(rows: Sequence[Row]) -> str:
    """Onset F1 of all loops at the wrap and inside, with the standard error of the difference.

    Onsets of all loops count alike, since a second around a bar line has one to nine of them; the
    error is that of a jackknife over loops.
    """
    counts = torch.tensor(
        [
            [[row[place]["hits"], row[place]["onsets"]] for place in (AT_WRAP, INSIDE)]
            for row in rows
            if row[AT_WRAP]["onsets"] + row[INSIDE]["onsets"]
        ],
        dtype=torch.float64,
    )
    number, total = len(counts), counts.sum(0)
    scores = total[:, 0] / total[:, 1]
    without = total - counts
    left = without[..., 0] / without[..., 1]  # (loops, places)
    error = ((left[:, 0] - left[:, 1]).var(unbiased=False) * (number - 1)).sqrt()
    return (
        f"onset F1 at the wrap {scores[0]:.3f}, inside {scores[1]:.3f}, difference "
        f"{scores[0] - scores[1]:+.3f} +- {error:.3f}  n {number}"
    )
