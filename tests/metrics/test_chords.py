from __future__ import annotations

import math
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jasco.chords import CHORD_NAMES, ChordProgression, to_harte
from jasco.errors import ChordError, MissingPartError
from jasco.metrics import chords
from jasco.metrics.chords import COMPARISONS, SEGMENTATION, compute, segments

NAMES = set(chords.NAMES)
SONG = [(0.0, 2.0, "C:maj"), (2.0, 4.0, "A:min"), (4.0, 6.0, "F:maj/3"), (6.0, 8.0, "G:7")]


def test_an_equal_progression_scores_one() -> None:
    assert compute(SONG, SONG) == dict.fromkeys(NAMES, 1.0)


def test_a_transposed_one_scores_nothing_but_its_changes() -> None:
    up = [(0.0, 2.0, "C#:maj"), (2.0, 4.0, "Bb:min"), (4.0, 6.0, "F#:maj"), (6.0, 8.0, "Ab:7")]
    scores = compute(SONG, up)
    assert {name for name, value in scores.items() if value == 1} == set(SEGMENTATION)
    assert all(scores[name] == 0 for name in NAMES - set(SEGMENTATION))


def test_one_shifted_by_a_quarter_of_a_chord_scores_three_quarters() -> None:
    late = [(start + 0.5, end + 0.5, label) for start, end, label in SONG]
    scores = compute(SONG, late)
    assert all(scores[name] == pytest.approx(0.75) for name in COMPARISONS)
    # 6 of 8 s agree, and 10 s are C, Am, F or G7 in one of them or none in the estimate.
    assert scores["iou"] == pytest.approx(6 / 10)
    # Each chord agrees for 1.5 s and has 2.5 s in one of both; of G7 the last 0.5 s are cut.
    assert scores["iou_mean"] == pytest.approx((3 * 0.6 + 0.75) / 4)


def test_half_right_scores_half() -> None:
    half = [*SONG[:2], (4.0, 8.0, "D:maj")]
    scores = compute(SONG, half)
    assert all(scores[name] == pytest.approx(0.5) for name in ("root", "majmin", "mirex"))
    assert scores["iou"] == pytest.approx(4 / 12)
    assert scores["iou_mean"] == pytest.approx(0.5)
    # The D stands over two chords, each at most half of it: 2 of 8 s lie elsewhere.
    assert (scores["overseg"], scores["underseg"]) == (1.0, pytest.approx(0.75))
    assert scores["seg"] == pytest.approx(0.75)


def test_time_counts_not_the_number_of_chords() -> None:
    reference = [(0.0, 9.0, "C:maj"), (9.0, 10.0, "G:maj")]
    assert compute(reference, [(0.0, 10.0, "C:maj")])["majmin"] == pytest.approx(0.9)


@pytest.mark.parametrize(
    "reference, estimate, right",
    [
        ("C:maj", "C:min", {"root"}),
        ("C:maj", "C:7", {"root", "thirds", "majmin", "triads", "mirex"}),
        ("C:7", "C:maj", {"root", "thirds", "majmin", "triads", "mirex"}),
        ("C:maj", "A:min7", {"mirex"}),
        ("C:min", "C:dim", {"root", "thirds"}),
        ("C:maj/3", "C:maj", {"root", "thirds", "majmin", "triads", "sevenths", "mirex"}),
    ],
)
def test_each_comparison_sees_what_it_says(reference: str, estimate: str, right: set[str]) -> None:
    scores = compute([(0.0, 1.0, reference)], [(0.0, 1.0, estimate)])
    assert {name for name in COMPARISONS if scores[name] == 1} == right
    assert scores["iou"] == 0


def test_silence_is_heard_as_no_chord() -> None:
    for silent in ([], [(0.0, 8.0, "N")], [(20.0, 30.0, "C:maj")], [(1.0, 1.0, "C:maj")]):
        scores = compute(SONG, silent)
        assert scores["majmin"] == scores["iou"] == scores["root"] == 0
    assert compute([(0.0, 8.0, "N")], [])["majmin"] == 1


def test_without_a_reference_nothing_is_defined() -> None:
    for nothing in ([], [(1.0, 1.0, "C:maj")]):
        scores = compute(nothing, SONG)
        assert scores.keys() == NAMES and all(map(math.isnan, scores.values()))


def test_what_a_comparison_cannot_judge_is_nan_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = compute([(0.0, 2.0, "C:dim")], [(0.0, 2.0, "C:dim")])
        assert math.isnan(scores["majmin"]) and scores["triads"] == 1
        unknown = compute([(0.0, 2.0, "X")], SONG)
    assert all(math.isnan(unknown[name]) for name in COMPARISONS)


def test_gaps_are_no_chord_and_spellings_do_not_matter() -> None:
    gap = [(0.0, 2.0, "C"), (4.0, 6.0, "F"), (6.0, 8.0, "G:7")]
    assert compute(SONG, gap)["majmin"] == pytest.approx(0.75)
    assert compute([(0.0, 2.0, "Db:maj")], [(0.0, 2.0, "C#")])["iou"] == 1


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(CHORD_NAMES), min_size=1, max_size=6),
    st.lists(st.sampled_from(CHORD_NAMES), min_size=1, max_size=6),
)
def test_it_equals_mir_eval_called_by_hand(ours: list[str], theirs: list[str]) -> None:
    import mir_eval

    def annotation(names: list[str]) -> tuple[np.ndarray, list[str]]:
        edges = np.linspace(0, 10, len(names) + 1)
        return np.stack([edges[:-1], edges[1:]], axis=1), [to_harte(name) for name in names]

    (ref_times, ref), (est_times, est) = annotation(ours), annotation(theirs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = mir_eval.chord.evaluate(ref_times, ref, est_times, est)
    scores = compute(
        [(*span, label) for span, label in zip(ref_times.tolist(), ref, strict=True)],
        [(*span, label) for span, label in zip(est_times.tolist(), est, strict=True)],
    )
    for name in (*COMPARISONS, *SEGMENTATION):
        if name in ("mirex", "root") and "UNK" in theirs:
            continue  # X in an estimate is right there; see below
        assert (0.0 if math.isnan(scores[name]) else scores[name]) == pytest.approx(expected[name])


# reference, estimate -> what is not 0 of the comparisons that judge it
UNKNOWN = [
    ("C:maj", "X", set()),
    ("C:7", "X", set()),
    ("C:maj", "N", set()),
    ("N", "X", set()),
    ("N", "C:maj", set()),
    ("N", "N", set(COMPARISONS)),
    ("X", "X", None),
    ("X", "C:maj", None),
]


@pytest.mark.parametrize("reference, estimate, right", UNKNOWN)
def test_x_and_n_are_right_about_no_chord(
    reference: str, estimate: str, right: set[str] | None
) -> None:
    scores = compute([(0.0, 4.0, reference)], [(0.0, 4.0, estimate)])
    if right is None:
        assert all(math.isnan(scores[name]) for name in COMPARISONS)
    else:
        assert {name for name in COMPARISONS if scores[name] != 0} == right


def test_progressions_and_pairs_are_compared_too() -> None:
    reference = ChordProgression.from_pairs([("C", 0.0), ("Am", 2.0), ("F/A", 4.0)], end=6.0)
    assert compute(reference, reference)["sevenths"] == 1
    assert compute(reference, [("C", 0.0), ("Am", 2.0), ("F", 4.0)])["bass"] == 0
    assert compute(reference, [("UNK", 0.0)])["mirex"] == 0
    assert compute(segments(reference, 6.0), [("C", 0.0)])["root"] == pytest.approx(1 / 3)
    with pytest.raises(ChordError, match="give its end"):
        compute(ChordProgression.from_pairs([("C", 0.0)]), SONG)


def test_a_progression_becomes_segments_of_the_clip() -> None:
    progression = ChordProgression.from_pairs([("Am7", 1.0), ("Bm7b5/A", 3.0), ("UNK", 12.0)])
    assert segments(progression, 10.0) == [
        (0.0, 1.0, "N"),
        (1.0, 3.0, "A:min7"),
        (3.0, 10.0, "B:hdim7/b7"),
    ]


def test_bad_segments_are_refused() -> None:
    with pytest.raises(ChordError, match="no chord in Harte's syntax"):
        compute([(0.0, 1.0, "Cmaj7")], SONG)
    with pytest.raises(ChordError, match="before the segment ahead of it ends"):
        compute(SONG, [(0.0, 2.0, "C:maj"), (1.0, 3.0, "F:maj")])


def test_without_mir_eval_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mir_eval", None)
    with pytest.raises(MissingPartError, match=r"pip install 'jasco\[eval\]'"):
        compute(SONG, SONG)


def test_the_bass_of_slash_chords_alone_is_judged() -> None:
    reference = [(0.0, 2.0, "C:maj/3"), (2.0, 4.0, "G:maj")]
    estimate = [(0.0, 1.0, "E:min"), (1.0, 2.0, "C:maj"), (2.0, 4.0, "G:maj/5")]
    assert compute(reference, estimate)["bass"] == pytest.approx(0.5)
    assert compute(reference, [(0.0, 4.0, "N")])["bass"] == 0
    assert math.isnan(compute(reference[1:], estimate)["bass"])
