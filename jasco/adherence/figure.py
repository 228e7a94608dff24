"""Figure of an adherence report: requested and extracted controls over one time axis."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from jasco.adherence.controls import comparison
from jasco.adherence.drawing import INK, WIDTH
from jasco.adherence.report import AdherenceReport
from jasco.audio import Audio
from jasco.errors import MissingPartError
from jasco.io.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOWEST, _BANDS, _COLUMNS, _DEPTH = 40.0, 320, 1200, 80.0  # Hz, rows, columns, dB
_FFT = 4096


def save_figure(
    path: str | os.PathLike[str], report: AdherenceReport, audio: Audio, *, title: str = ""
) -> Path:
    """Draw an adherence report into a PNG file, whole or not at all.

    The spectrogram is on top; below it, each requested control as requested and as extracted.
    Colours of chords show their root, darker for minor. Onsets and notes that match the request are
    green, others red, and grey where the requested melody rests.

    Args:
        path: path of the file.
        report: report to draw.
        audio: take.
        title: title of the figure.

    Raises:
        MissingPartError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPartError("pictures need matplotlib: pip install 'jasco[plot]'") from error

    panels = list(_panels(report, audio))
    heights = [height for _, height, _ in panels]
    # A figure made without pyplot draws with Agg, needs no display and is freed by itself.
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.4 * len(heights) + 0.5), dpi=140)
    figure.set_layout_engine("constrained", h_pad=0.06, w_pad=0.08)
    grid = figure.subplots(len(panels), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for ax, (control, _, draw) in zip(grid, panels, strict=True):
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0, labelsize=9, labelcolor=INK)
        draw(ax)
        ax.set_title(control, loc="left", fontsize=10.5, fontweight="bold", color=INK)
        if control in report.compared:
            name, score = comparison(control).headline, report.main.get(control)
            shown = "not scored" if score is None else f"{name.replace('_', ' ')} {score:.2f}"
            ax.set_title(shown, loc="right", fontsize=10.5, color=INK)
    grid[-1].set_xlim(0, audio.duration)
    grid[-1].set_xlabel("time (s)", fontsize=9, color=INK)
    figure.suptitle(title, x=0.012, ha="left", fontsize=12, color=INK, parse_math=False)
    path = Path(path)
    with replacing(path) as part, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about glyphs that the font lacks
        figure.savefig(part, format="png")
    return path


def _panels(
    report: AdherenceReport, audio: Audio
) -> Iterator[tuple[str, float, Callable[[Axes], None]]]:
    """Name, height (inches) and drawing of each panel."""
    yield "spectrogram", 2.5, lambda ax: _spectrogram(ax, audio)
    for control in report.compared:
        found = comparison(control)
        draw = partial(
            found.draw,
            reference=report.requested[control],
            estimate=report.extracted[control],
            duration=audio.duration,
        )
        yield control, found.height, draw


def _spectrogram(ax: Axes, audio: Audio) -> None:
    """Level (dB) over time and log frequency."""
    samples, rate = audio.mixed()[0].samples[0], audio.sample_rate
    hop = max(len(samples) // _COLUMNS, 1)
    spectrum = torch.stft(
        torch.nn.functional.pad(samples, (0, max(_FFT - len(samples), 0))),
        _FFT,
        hop,
        window=torch.hann_window(_FFT),
        pad_mode="constant",
        return_complex=True,
    )
    centres = torch.arange(spectrum.shape[1]) * hop <= len(samples)
    power = spectrum[:, centres].abs().square().numpy()
    edges = np.geomspace(_LOWEST, rate / 2, _BANDS + 1) * _FFT / rate  # bins
    # A band narrower than a bin has the power interpolated between two bins.
    whole = np.concatenate([np.zeros((1, power.shape[1])), power.cumsum(axis=0)])
    places = np.arange(len(whole)) - 0.5
    sums = np.stack([np.interp(edges, places, column) for column in whole.T], axis=1)
    level = 10 * np.log10(np.diff(sums, axis=0) + 1e-12)
    top = float(level.max())
    octaves = np.log2([_LOWEST, rate / 2])
    ax.imshow(
        level, "magma", vmin=top - _DEPTH, vmax=top, origin="lower", aspect="auto",
        extent=(0, audio.duration, *octaves), interpolation="bilinear",
    )  # fmt: skip
    ticks = [f for f in (100, 300, 1000, 3000, 10000) if f < rate / 2]
    ax.set_yticks(np.log2(ticks), [f"{f} Hz" if f < 1000 else f"{f // 1000} kHz" for f in ticks])
