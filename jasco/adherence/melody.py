"""Adherence to a melody: rows and salience of a network, or pitch classes of a chromagram."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from jasco.adherence.controls import ControlAdherence
from jasco.adherence.drawing import FAINT, GROUND, INK, RIGHT, WRONG, add_legend
from jasco.adherence.scores import named
from jasco.adherence.wording import SHORTEST, first
from jasco.audio import Audio
from jasco.extract.chroma import SAMPLE_RATE as CHROMA_RATE
from jasco.extract.chroma import strongest_classes
from jasco.extract.melody import extract_melody
from jasco.io.fingerprint import fingerprint
from jasco.melody import LOWEST_NOTE, Melody, note_name, resample_salience
from jasco.metrics import melody as metric
from jasco.metrics import salience as salience_metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jasco.adherence.extractor import ControlExtractor

MELODY_RATE = 50.0
"""Frame rate (Hz) at which melodies are compared."""

_CHROMA_WINDOW = 4096  # samples: 0.13 s, for melodies that move


@dataclass(frozen=True, eq=False)
class Tune:
    """Melody by frame at `MELODY_RATE`.

    Attributes:
        pitch_classes: (T,) pitch classes, C = 0, -1 for silence.
        rows: (T,) rows, -1 for silence; ``None`` where the octave is unknown.
        salience: (53, T) salience, or a roll of ones and zeros; ``None`` likewise.
    """

    pitch_classes: np.ndarray
    rows: np.ndarray | None = None
    salience: np.ndarray | None = None


class MelodyAdherence(ControlAdherence):
    """Comparison of melodies."""

    headline: ClassVar[str] = "pitch_class"
    shown: ClassVar[tuple[str, ...]] = (
        "pitch_class",
        "row",
        "voicing_recall",
        "voicing_false_alarm",
    )
    height: ClassVar[float] = 2.2
    uses_salience: ClassVar[bool] = True

    def example(self) -> Melody:
        """A second of middle C."""
        return Melody.from_notes([(60, 0.0, 1.0)])

    def requested(self, value: Melody, duration: float) -> Tune:
        """Tune of a melody; one without a frame rate spans the clip."""
        if value.frame_rate is None:
            value = Melody(value.roll, value.roll.shape[1] / duration)
        return _tune(value, duration)

    def extract(self, audio: Audio, models: ControlExtractor) -> Tune:
        """Tune of a recording; without a salience network its pitch classes alone."""
        frames = num_frames(audio.duration)
        if models.salience is None:
            hop = round(CHROMA_RATE / MELODY_RATE)
            classes = strongest_classes(audio, window=_CHROMA_WINDOW, hop=hop)
            # The last frame of the clip may be shorter than a hop, and have no column.
            missing = max(frames - len(classes), 0)
            return Tune(np.pad(classes, (0, missing), "edge")[:frames])
        found = extract_melody(audio, threshold=0.0, model=models.salience)
        rate = found.frame_rate or MELODY_RATE
        voiced = Melody.from_salience(found.roll, rate, threshold=salience_metric.THRESHOLD)
        matrix = resample_salience(found.roll, rate, MELODY_RATE, frames).numpy()
        tune = _tune(voiced, audio.duration)
        return Tune(tune.pitch_classes, tune.rows, matrix)

    def facts(self, models: ControlExtractor) -> Any:
        """Weights and data type of the network."""
        if models.salience is None:
            return "chroma"
        weights = list(models.salience.network.state_dict().values())
        dtype = str(next(models.salience.network.parameters()).dtype).removeprefix("torch.")
        return {"salience": fingerprint(weights), "dtype": dtype}

    def scores(self, reference: Tune, estimate: Tune) -> dict[str, float]:
        """Scores of `jasco.metrics.melody` and ``salience``: ``melody.row``, ``salience.rpa``, ...

        Without rows in the estimate, the melody has the scores of pitch classes alone.
        """
        if reference.rows is None or estimate.rows is None:
            found = metric.compute_pitch_classes(reference.pitch_classes, estimate.pitch_classes)
        else:
            found = metric.compute(reference.rows, estimate.rows)
        scores = named("melody", found)
        if reference.salience is not None and estimate.salience is not None:
            compared = salience_metric.compute(reference.salience, estimate.salience)
            scores |= named("salience", compared)
        return scores

    def lines(self, reference: Tune, estimate: Tune) -> tuple[str, str]:
        """Names of the notes, or of the pitch classes, in order of time."""
        return _listed(reference), _listed(estimate)

    def draw(self, ax: Axes, reference: Tune, estimate: Tune, duration: float) -> None:
        """Requested melody as bars, extracted one as dots, in the requested octave if unknown."""
        requested, extracted = reference.rows, estimate.rows
        classes = estimate.pitch_classes
        if requested is None:
            requested = np.where(reference.pitch_classes < 0, -1, reference.pitch_classes + 24)
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
                span, row = np.array([start, stop]) / MELODY_RATE, [requested[start]] * 2
                ax.plot(span, row, color=INK, lw=9, alpha=0.25, solid_capstyle="butt")
                ax.plot(span, row, color=INK, lw=1.3, solid_capstyle="butt")
        same, rest = to_pitch_classes(requested) == classes, requested < 0
        for where, colour in ((same, RIGHT), (~same & ~rest, WRONG), (rest, FAINT)):
            shown = where & (classes >= 0)
            ax.plot(times[shown], extracted[shown], "o", color=colour, ms=2.6, mew=0)
        sounding = np.concatenate([requested[requested >= 0], extracted[classes >= 0]])
        low, high = (sounding.min(), sounding.max()) if len(sounding) else (0, 12)
        ax.set_ylim(low - 2, high + 2)
        rows = [r for r in range(int(low) - 2, int(high) + 3) if (r + LOWEST_NOTE) % 12 in (0, 7)]
        ax.set_yticks(rows, [note_name(row + LOWEST_NOTE) for row in rows])
        ax.set_facecolor(GROUND)
        ax.grid(axis="y", color="white", lw=1.2)
        ax.set_axisbelow(True)
        unknown = "" if octaves else ", octave unknown"
        marks = [("_", INK, "requested"), (".", RIGHT, f"extracted, as requested{unknown}")]
        marks += [(".", WRONG, "extracted, other"), (".", FAINT, "extracted in a rest")]
        add_legend(ax, marks)

    def plain(self, side: Tune) -> dict[str, Any]:
        """Runs ``[first frame, frame after the last, value]`` of equal rows and pitch classes."""
        sides = {"rows": side.rows, "pitch_classes": side.pitch_classes}
        return {name: _runs(values) for name, values in sides.items() if values is not None}

    def stored(self, record: Mapping[str, Any], duration: float) -> Tune | None:
        """Rows and pitch classes of the runs of a record."""
        sides: dict[str, np.ndarray] = {}
        for name in {"rows", "pitch_classes"} & record.keys():
            sides[name] = np.full(num_frames(duration), -1)
            for start, stop, value in record[name]:
                sides[name][start:stop] = value
        return Tune(**sides) if sides else None


def num_frames(duration: float) -> int:
    """Number of melody frames of a clip of ``duration`` (s)."""
    return max(round(duration * MELODY_RATE), 1)


def to_pitch_classes(rows: np.ndarray) -> np.ndarray:
    """Pitch class of each row, C = 0; -1 for silence."""
    return np.where(rows < 0, -1, (rows + LOWEST_NOTE) % 12)


def _tune(melody: Melody, duration: float) -> Tune:
    roll = melody.frames(num_frames(duration), MELODY_RATE)
    rows = Melody(roll, MELODY_RATE).rows().numpy()
    return Tune(to_pitch_classes(rows), rows, roll.numpy())


def _runs(values: np.ndarray) -> list[list[int]]:
    runs, start = [], 0
    for value, run in groupby(values.tolist()):
        stop = start + len(list(run))
        if value >= 0:
            runs.append([start, stop, int(value)])
        start = stop
    return runs


def _listed(side: Tune) -> str:
    octaves = side.rows is not None
    runs = _runs(side.pitch_classes if side.rows is None else side.rows)
    lowest = LOWEST_NOTE if octaves else 0
    names = [
        note_name(value + lowest).removesuffix("" if octaves else "-1")
        for start, stop, value in runs
        if stop - start >= SHORTEST * MELODY_RATE
    ]
    return first(names) if names else "silence"
