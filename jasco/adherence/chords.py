"""Adherence to chords: segments by Chordino, compared as in MIREX."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from jasco.adherence.controls import ControlAdherence
from jasco.adherence.drawing import GROUND, INK, LETTER, WIDTH, label_lanes
from jasco.adherence.scores import named
from jasco.adherence.wording import SHORTEST, first
from jasco.audio import Audio
from jasco.chords import ChordProgression
from jasco.chords.vocabulary import pitch_class
from jasco.extract.chordino import find_chordino
from jasco.extract.chords import extract_chords
from jasco.metrics import chords as metric
from jasco.metrics.chords import Segments

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jasco.adherence.extractor import ControlExtractor


class ChordAdherence(ControlAdherence):
    """Comparison of chords; a side is a list of segments (start in s, end in s, Harte label)."""

    headline: ClassVar[str] = "majmin"
    shown: ClassVar[tuple[str, ...]] = ("majmin", "root", "sevenths", "seg")

    def example(self) -> Any:
        """C major throughout."""
        return [("C", 0.0)]

    def requested(self, value: ChordProgression, duration: float) -> Segments:
        """Segments of a progression."""
        return metric.segments(value, duration)

    def extract(self, audio: Audio, models: ControlExtractor) -> Segments:
        """Segments of a recording."""
        return metric.segments(extract_chords(audio), audio.duration)

    def require(self) -> None:
        """Find Chordino and mir_eval."""
        find_chordino()
        metric.require_mir_eval()

    def scores(self, reference: Segments, estimate: Segments) -> dict[str, float]:
        """Scores of `jasco.metrics.chords`, as ``chords.majmin``, ..."""
        return named("chords", metric.compute(reference, estimate))

    def lines(self, reference: Segments, estimate: Segments) -> tuple[str, str]:
        """Names and onsets (s) of the chords."""
        return _listed(reference), _listed(estimate)

    def draw(self, ax: Axes, reference: Segments, estimate: Segments, duration: float) -> None:
        """Bars whose colours show the root, darker for minor."""
        for bottom, segments in zip((1.04, 0.04), (reference, estimate), strict=True):
            for (start, end, label), name in zip(segments, _names(segments), strict=True):
                ax.broken_barh(
                    [(start, end - start)], (bottom, 0.92), color=_colour(label), ec="white", lw=1.2
                )
                if (end - start) / duration * WIDTH > LETTER * len(name):
                    middle = ((start + end) / 2, bottom + 0.45)
                    ax.annotate(name, middle, ha="center", va="center", fontsize=9.5, color=INK)
        label_lanes(ax)

    def plain(self, side: Segments) -> dict[str, Any]:
        """Segments."""
        return {"chords": [list(segment) for segment in side]}

    def stored(self, record: Mapping[str, Any], duration: float) -> Segments | None:
        """Segments of a record."""
        return [tuple(row) for row in record["chords"]] if "chords" in record else None


def _names(segments: Segments) -> list[str]:
    """Names in the vocabulary of segments with Harte labels."""
    return [ChordProgression.from_pairs([(label, 0.0)]).names[0] for _, _, label in segments]


def _listed(segments: Segments) -> str:
    long = [segment for segment in segments if segment[1] - segment[0] >= SHORTEST]
    return first(
        [f"{name}:{start:.1f}" for name, (start, _, _) in zip(_names(long), long, strict=True)]
    )


def _colour(label: str) -> tuple[float, ...] | str:
    """Colour of a chord: roots a fifth apart have neighbouring hues."""
    from matplotlib.colors import hsv_to_rgb

    root, _, quality = label.partition(":")
    if root in ("N", "X"):
        return GROUND
    minor = quality.startswith(("min", "dim", "hdim"))
    hue = pitch_class(root.partition("/")[0]) * 7 % 12 / 12
    return tuple(hsv_to_rgb((hue, 0.46 if minor else 0.27, 0.84 if minor else 0.96)))
