"""Chord metrics: agreement of two progressions over time.

The comparisons are those of MIREX as mir_eval defines them (J. Pauwels and G. Peeters, "Evaluating
automatically estimated chord sequences", ICASSP 2013; C. Raffel et al., "mir_eval: a transparent
implementation of common MIR metrics", ISMIR 2014): the part of the reference's time, of all time
whose reference the comparison can judge, in which the estimate has the same

- ``root``: root; ``thirds``: root and third;
- ``majmin``: root and quality, where the reference is major, minor or ``N``;
- ``triads``: root and triad; ``sevenths``: root and quality, where the reference is a major or
  minor triad, a major, minor or dominant seventh, or ``N``;
- ``mirex``: at least three pitch classes;

where ``X`` (unknown) in the estimate agrees with nothing (mir_eval 0.8.2 counts it as right in
``mirex`` against any reference, and in ``root`` against ``N``);

and of the segmentation (C. Harte, "Towards automatic extraction of harmony information from music
signals", PhD thesis 2010) one minus the directional Hamming distance of the chord changes:
``overseg`` falls with changes that the reference has not, ``underseg`` with changes that the
estimate lacks, and ``seg`` is the lesser of them.

``bass`` is the part of the time of the reference's slash chords in which the estimate has the same
lowest pitch class.

JASCO (arXiv 2406.10970) reports the intersection over union of chords without a formula, which can
be read in two ways. With r(t) and e(t) the labels of reference and estimate over a time D, equal
where root, pitch classes and bass are:

- ``iou``, over pairs of time and chord: I / (2 D - I) with I the time where r = e;
- ``iou_mean``, chord by chord as in image segmentation: the mean, over the chords c of the
  reference, of time(r = c and e = c) / time(r = c or e = c).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any, cast

import numpy as np

from jasco.chords import ChordProgression, to_harte
from jasco.errors import ChordError, MissingPartError

Segments = Sequence[tuple[float, float, str]]
"""(start in s, end in s, label in Harte's syntax), ascending; gaps between them are ``N``."""

Identity = tuple[int, tuple[int, ...], int]
"""Root, pitch classes above it, and bass above it (semitones); roots of no chord are negative."""

COMPARISONS = ("root", "thirds", "majmin", "triads", "sevenths", "mirex")
SEGMENTATION = ("overseg", "underseg", "seg")
NAMES = (*COMPARISONS, "bass", *SEGMENTATION, "iou", "iou_mean")
"""Names of all metrics of `compute`."""

_ROUNDING = 1e-6  # s by which segments that follow each other may miss


def compute(
    reference: Segments | ChordProgression,
    estimate: Segments | ChordProgression | Sequence[tuple[str, float]],
) -> dict[str, float]:
    """All chord metrics of one item.

    The estimate is cut, or filled with ``N``, to the time from the beginning to the end of the
    reference.

    Args:
        reference: segments, or a progression whose end is known.
        estimate: segments, or a progression or pairs of name and onset (s), whose last chord is
            held to the end of the reference.

    Returns:
        Name -> value in [0, 1]: `COMPARISONS`, ``bass``, `SEGMENTATION`, ``iou`` and ``iou_mean``.
        A comparison is nan where it can judge no chord of the reference; all are, without
        reference.

    Raises:
        ChordError: a label that is not in Harte's syntax, or segments that overlap.
        MissingPartError: mir_eval is not installed.
    """
    chord, util = require_mir_eval()
    if isinstance(reference, ChordProgression):
        if reference.end is None:
            raise ChordError("the reference does not say where its last chord ends: give its end")
        reference = segments(reference, reference.end)
    if not any(end > start for start, end, _ in reference):
        return dict.fromkeys(NAMES, math.nan)
    start, end = min(s for s, e, _ in reference if e > s), max(e for _, e, _ in reference)
    ref_times, ref_labels = _regular(reference, start, end, chord)
    est_times, est_labels = _regular(_segments(estimate, end), start, end, chord)
    times, ref, est = util.merge_labeled_intervals(ref_times, ref_labels, est_times, est_labels)
    durations = util.intervals_to_durations(times)
    unknown = np.array([label == chord.X_CHORD for label in est])
    scores = {}
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # where mir_eval warns that no chord can be compared, the score is nan
        for name in COMPARISONS:
            comparison = getattr(chord, name)(ref, est)
            comparison[unknown & (comparison > 0)] = 0
            judged = bool((comparison >= 0).any())
            score = chord.weighted_accuracy(comparison, durations)
            scores[name] = float(score) if judged else math.nan
    merged = [
        chord.merge_chord_intervals(*progression)
        for progression in ((ref_times, ref_labels), (est_times, est_labels))
    ]
    scores |= {name: float(getattr(chord, name)(*merged)) for name in SEGMENTATION}
    identities = _identities(ref, chord), _identities(est, chord)
    return scores | {"bass": _bass(*identities, durations)} | _intersections(*identities, durations)


def _segments(
    estimate: Segments | ChordProgression | Sequence[tuple[str, float]], end: float
) -> Segments:
    if isinstance(estimate, ChordProgression):
        return segments(estimate, end)
    if any(len(entry) == 2 for entry in estimate):
        return segments(ChordProgression.from_pairs(cast(Any, estimate)), end)
    return cast(Segments, estimate)


def segments(progression: ChordProgression, duration: float) -> list[tuple[float, float, str]]:
    """A progression in Harte's labels from 0 to ``duration`` (s), ``N`` before its first chord.

    Its last chord sounds to the end, or its loop begins again, as they do for the model.
    """
    fitted = progression.fit(duration)
    chords = [("N", 0.0), *((to_harte(name), onset) for name, onset in fitted.pairs())]
    ends = [*(onset for _, onset in chords[1:]), duration]
    pairs = zip(chords, ends, strict=True)
    spans = ((onset, min(end, duration), label) for (label, onset), end in pairs)
    return [(start, end, label) for start, end, label in spans if end > start]


def _bass(ref: Sequence[Identity], est: Sequence[Identity], durations: np.ndarray) -> float:
    """Part of the time of slash chords in which the bass is right, nan without any."""
    pairs = zip(ref, est, durations, strict=True)
    right = [(_lowest(e) == _lowest(r), d) for r, e, d in pairs if r[2] > 0]
    total = sum(d for _, d in right)
    return float(sum(d for same, d in right if same) / total) if right else math.nan


def _lowest(identity: Identity) -> int:
    root, _, bass = identity
    return -1 if root < 0 else (root + bass) % 12


def _intersections(
    ref: Sequence[Identity], est: Sequence[Identity], durations: np.ndarray
) -> dict[str, float]:
    both = sum(d for r, e, d in zip(ref, est, durations, strict=True) if r == e)
    each = []
    for chord in dict.fromkeys(ref):
        pairs = [((r == chord), (e == chord)) for r, e in zip(ref, est, strict=True)]
        union = sum(d for (r, e), d in zip(pairs, durations, strict=True) if r or e)
        each.append(sum(d for (r, e), d in zip(pairs, durations, strict=True) if r and e) / union)
    iou = both / (2 * durations.sum() - both)
    return {"iou": float(iou), "iou_mean": float(np.mean(each))}


def _identities(labels: Sequence[str], chord: ModuleType) -> list[Identity]:
    """Identity of each label, equal for two labels of the same chord."""
    known: dict[str, Identity] = {}
    for label in set(labels):
        root, tones, bass = chord.encode(label)
        known[label] = (int(root), tuple(tones.tolist()), int(bass))
    return [known[label] for label in labels]


def _regular(
    found: Segments, start: float, end: float, chord: ModuleType
) -> tuple[np.ndarray, list[str]]:
    """Intervals (N, 2) and labels from start to end (s), gaps filled with ``N``."""
    edges, labels = [start], []
    for first, last, label in found:
        try:
            chord.validate_chord_label(label)
        except chord.InvalidChordException as error:
            raise ChordError(f"{label!r} is no chord in Harte's syntax", token=label) from error
        first, last = max(first, start), min(last, end)
        if last <= first:
            continue
        if first < edges[-1] - _ROUNDING:
            raise ChordError(f"{label} begins at {first:g} s, before the segment ahead of it ends")
        if first > edges[-1] + _ROUNDING:
            edges.append(first)
            labels.append(chord.NO_CHORD)
        edges.append(last)
        labels.append(label)
    if edges[-1] < end:
        edges.append(end)
        labels.append(chord.NO_CHORD)
    return np.stack([edges[:-1], edges[1:]], axis=1), labels


def require_mir_eval() -> tuple[ModuleType, ModuleType]:
    """Modules ``chord`` and ``util`` of mir_eval.

    Raises:
        MissingPartError: mir_eval is not installed.
    """
    try:
        from mir_eval import chord, util
    except ImportError as error:
        raise MissingPartError("chord metrics need mir_eval: pip install 'jasco[eval]'") from error
    return chord, util
