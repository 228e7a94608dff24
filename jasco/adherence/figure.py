"""Figure of an adherence report: requested and extracted controls over one time axis."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from jasco.adherence.controls import MELODY_RATE, to_pitch_classes
from jasco.adherence.report import MAIN_SCORES, AdherenceReport, chord_names
from jasco.audio import Audio
from jasco.chords.vocabulary import pitch_class
from jasco.errors import MissingPartError
from jasco.io.atomic import replacing
from jasco.melody import LOWEST_NOTE, note_name
from jasco.metrics.chords import Segments
from jasco.metrics.drums import WINDOW

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK, _RIGHT, _WRONG = "#20262e", "#12806a", "#d1495b"
_FAINT, _GROUND = "#9aa2ad", "#f3f4f6"
_WIDTH, _LETTER = 12.0, 0.10  # inches, of the picture and of a letter in it
_LOWEST, _BANDS, _COLUMNS, _DEPTH = 40.0, 320, 1200, 80.0  # Hz, rows, columns, dB
_FFT = 4096
_LANES = ("requested", "extracted")


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
    figure = Figure(figsize=(_WIDTH, sum(heights) + 0.4 * len(heights) + 0.5), dpi=140)
    figure.set_layout_engine("constrained", h_pad=0.06, w_pad=0.08)
    grid = figure.subplots(len(panels), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for ax, (control, _, draw) in zip(grid, panels, strict=True):
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0, labelsize=9, labelcolor=_INK)
        draw(ax)
        ax.set_title(control, loc="left", fontsize=10.5, fontweight="bold", color=_INK)
        if control in MAIN_SCORES:
            name, score = MAIN_SCORES[control].partition(".")[2], report.main.get(control)
            shown = "not scored" if score is None else f"{name.replace('_', ' ')} {score:.2f}"
            ax.set_title(shown, loc="right", fontsize=10.5, color=_INK)
    grid[-1].set_xlim(0, audio.duration)
    grid[-1].set_xlabel("time (s)", fontsize=9, color=_INK)
    figure.suptitle(title, x=0.012, ha="left", fontsize=12, color=_INK, parse_math=False)
    path = Path(path)
    with replacing(path) as part, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about glyphs that the font lacks
        figure.savefig(part, format="png")
    return path


def _panels(
    report: AdherenceReport, audio: Audio
) -> Iterator[tuple[str, float, Callable[[Axes], None]]]:
    """Name, height (inches) and drawing of each panel."""
    requested, extracted = report.requested, report.extracted
    yield "spectrogram", 2.5, lambda ax: _spectrogram(ax, audio)
    if requested.chords is not None and extracted.chords is not None:
        both = (requested.chords, extracted.chords)
        yield "chords", 0.85, lambda ax: _chords(ax, *both, audio.duration)
    if requested.onsets is not None and extracted.onsets is not None:
        times = (requested.onsets, extracted.onsets)
        yield "drums", 0.85, lambda ax: _onsets(ax, *times)
    if requested.rows is not None and extracted.pitch_classes is not None:
        tunes = (requested.rows, extracted.rows, extracted.pitch_classes)
        yield "melody", 2.2, lambda ax: _melody(ax, *tunes)


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


def _lanes(ax: Axes) -> None:
    """Label the two rows, requested on top."""
    ax.set_ylim(-0.02, 2.02)
    ax.set_yticks([1.5, 0.5], _LANES)


def _chords(ax: Axes, requested: Segments, extracted: Segments, duration: float) -> None:
    for bottom, segments in zip((1.04, 0.04), (requested, extracted), strict=True):
        for (start, end, label), name in zip(segments, chord_names(segments), strict=True):
            ax.broken_barh(
                [(start, end - start)], (bottom, 0.92), color=_colour(label), ec="white", lw=1.2
            )
            if (end - start) / duration * _WIDTH > _LETTER * len(name):
                middle = ((start + end) / 2, bottom + 0.45)
                ax.annotate(name, middle, ha="center", va="center", fontsize=9.5, color=_INK)
    _lanes(ax)


def _colour(label: str) -> tuple[float, ...] | str:
    """Colour of a chord: roots a fifth apart have neighbouring hues."""
    from matplotlib.colors import hsv_to_rgb

    root, _, quality = label.partition(":")
    if root in ("N", "X"):
        return _GROUND
    minor = quality.startswith(("min", "dim", "hdim"))
    hue = pitch_class(root.partition("/")[0]) * 7 % 12 / 12
    return tuple(hsv_to_rgb((hue, 0.46 if minor else 0.27, 0.84 if minor else 0.96)))


def _onsets(ax: Axes, requested: np.ndarray, extracted: np.ndarray) -> None:
    ax.axhspan(1.04, 1.96, color=_GROUND, lw=0)
    ax.axhspan(0.04, 0.96, color=_GROUND, lw=0)
    ax.vlines(requested, 1.14, 1.86, color=_INK, lw=1.8)
    right = _near(extracted, requested)
    ax.vlines(extracted[right], 0.14, 0.86, color=_RIGHT, lw=1.8)
    ax.vlines(extracted[~right], 0.14, 0.86, color=_WRONG, lw=1.8)
    missed = requested[~_near(requested, extracted)]
    ax.plot(missed, np.full(len(missed), 0.5), "o", mfc="none", mec=_WRONG, ms=5)
    _lanes(ax)
    _legend(
        ax, [("|", _RIGHT, "within 50 ms"), ("|", _WRONG, "not requested"), ("o", _WRONG, "missed")]
    )


def _near(times: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Mask of the times that have another within the tolerance of the score."""
    if not len(others):
        return np.zeros(len(times), dtype=bool)
    return np.abs(times[:, None] - others).min(axis=1) <= WINDOW + 1e-9


def _melody(
    ax: Axes, requested: np.ndarray, extracted: np.ndarray | None, classes: np.ndarray
) -> None:
    """Requested melody as bars, extracted one as dots, in the requested octave if unknown."""
    octaves = extracted is not None
    if extracted is None:
        near = np.where(requested >= 0, requested, 24)
        extracted = np.where(
            classes < 0, -1, near + (classes - to_pitch_classes(near) + 6) % 12 - 6
        )
    times = (np.arange(len(requested)) + 0.5) / MELODY_RATE
    rests = np.flatnonzero(np.diff(requested, prepend=-2, append=-2))
    for start, stop in zip(rests[:-1], rests[1:], strict=True):
        if requested[start] >= 0:
            span = np.array([start, stop]) / MELODY_RATE
            ax.plot(
                span, [requested[start]] * 2, color=_INK, lw=9, alpha=0.25, solid_capstyle="butt"
            )
            ax.plot(span, [requested[start]] * 2, color=_INK, lw=1.3, solid_capstyle="butt")
    same, rest = to_pitch_classes(requested) == classes, requested < 0
    for where, colour in ((same, _RIGHT), (~same & ~rest, _WRONG), (rest, _FAINT)):
        shown = where & (classes >= 0)
        ax.plot(times[shown], extracted[shown], "o", color=colour, ms=2.6, mew=0)
    sounding = np.concatenate([requested[requested >= 0], extracted[classes >= 0]])
    low, high = (sounding.min(), sounding.max()) if len(sounding) else (0, 12)
    ax.set_ylim(low - 2, high + 2)
    rows = [row for row in range(int(low) - 2, int(high) + 3) if (row + LOWEST_NOTE) % 12 in (0, 7)]
    ax.set_yticks(rows, [note_name(row + LOWEST_NOTE) for row in rows])
    ax.set_facecolor(_GROUND)
    ax.grid(axis="y", color="white", lw=1.2)
    ax.set_axisbelow(True)
    unknown = "" if octaves else ", octave unknown"
    marks = [("_", _INK, "requested"), (".", _RIGHT, f"extracted, as requested{unknown}")]
    _legend(ax, [*marks, (".", _WRONG, "extracted, other"), (".", _FAINT, "extracted in a rest")])


def _legend(ax: Axes, marks: list[tuple[str, str, str]]) -> None:
    """Legend beside the title of the panel."""
    for marker, colour, text in marks:
        ax.plot([], [], marker, color=colour, mfc="none" if marker == "o" else colour, label=text)
    ax.legend(
        loc="lower center", bbox_to_anchor=(0.5, 0.99), ncols=len(marks), frameon=False,
        fontsize=8.5, labelcolor=_INK, borderaxespad=0, handletextpad=0.3, columnspacing=1.6,
    )  # fmt: skip
