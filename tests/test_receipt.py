"""A receipt tells a take that follows its request from one that does not, and draws both."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from jasco.adherence import ControlExtractor
from jasco.audio import Audio
from jasco.conditions import Conditions
from jasco.data.synthetic import compose_song
from jasco.data.synthetic.render import render_song
from jasco.drums import DrumCodes
from jasco.errors import MissingPartError
from jasco.melody import Melody
from jasco.receipt import MAIN_SCORES, AdherenceReport, save_figure

SONGS = ("1/9", "1/12")  # with drums and a lead


@pytest.fixture(scope="module")
def band(soundfont: Path) -> list[tuple[Audio, Conditions]]:
    """Two songs of the band, and the requests that they fulfil to the letter."""
    found = []
    for seed in SONGS:
        song = compose_song(seed, 8.0)
        played = render_song(song)
        wishes = Conditions(song.description, song.chords, played.drums, song.melody())
        found.append((played.mix, wishes))
    return found


@pytest.fixture(scope="module")
def listener(shared: Path, chordino: Path) -> ControlExtractor:
    return ControlExtractor.load(shared / "salience" / "multif0.h5", device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def receipts(
    band: list[tuple[Audio, Conditions]], listener: ControlExtractor
) -> list[AdherenceReport]:
    """Of a song with its own request, and with that of another."""
    return [AdherenceReport.check(band[0][0], wishes, listener) for _, wishes in band]


def test_a_song_of_the_band_passes_its_own_request_and_no_other(
    receipts: list[AdherenceReport],
) -> None:
    right, wrong = receipts
    assert right.missing == wrong.missing == {}
    assert list(right.main) == list(MAIN_SCORES)
    assert min(right.main.values()) > 0.8
    assert right.score == pytest.approx(np.mean(list(right.main.values())))
    for control, value in wrong.main.items():
        assert value < right.main[control] - 0.2
    assert right.plain()["chords.majmin"] == round(right.scores["chords.majmin"], 4)


def test_the_lines_say_what_was_asked_and_what_is_heard(receipts: list[AdherenceReport]) -> None:
    right, wrong = receipts
    lines = right.lines()
    assert [line.split()[0] for line in lines] == [
        word for control in MAIN_SCORES for word in (control, "asked", "heard")
    ]
    assert f"majmin {right.scores['chords.majmin']:.2f}" in lines[0]
    onsets = right.asked.onsets
    assert onsets is not None and f"{len(onsets)} onsets" in lines[4]
    asked, heard = (line.split()[1:] for line in lines[1:3])
    assert {chord.split(":")[0] for chord in asked} & {chord.split(":")[0] for chord in heard}
    assert wrong.lines()[1] != lines[1] and wrong.lines()[2] == lines[2]


def test_what_is_not_asked_for_is_not_scored(
    band: list[tuple[Audio, Conditions]], tmp_path: Path
) -> None:
    audio, wishes = band[0]
    receipt = AdherenceReport.check(audio, Conditions(text=wishes.text), ControlExtractor(None))
    assert (receipt.scores, receipt.missing, receipt.lines()) == ({}, {}, [])
    assert math.isnan(receipt.score) and receipt.main == {}
    drums = AdherenceReport.check(audio, wishes.without("chords", "melody"), ControlExtractor(None))
    assert {name.partition(".")[0] for name in drums.scores} == {"drums", "tempo"}
    assert drums.score == drums.scores["drums.f1"]
    heights = [
        Image.open(save_figure(tmp_path / "a.png", one, audio)).height for one in (receipt, drums)
    ]
    assert heights[0] < heights[1]


def test_drums_in_codes_are_left_out_and_the_rest_is_checked(
    band: list[tuple[Audio, Conditions]],
) -> None:
    audio, wishes = band[0]
    codes = DrumCodes(torch.zeros(400, dtype=torch.long))
    rows = wishes.melody.rows() if wishes.melody is not None else torch.zeros(1)
    clip = Conditions(drums=codes, melody=Melody.from_rows(rows))  # as a recipe holds them
    receipt = AdherenceReport.check(audio, clip, ControlExtractor(None))
    assert "--drums FILE" in receipt.missing["drums"]
    assert set(receipt.main) == {"melody"} and receipt.main["melody"] > 0.5
    whole = AdherenceReport.check(audio, Conditions(melody=wishes.melody), ControlExtractor(None))
    assert receipt.scores == whole.scores


def test_parts_that_are_missing_cost_only_what_they_are_for(
    band: list[tuple[Audio, Conditions]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    audio, wishes = band[0]
    monkeypatch.setitem(sys.modules, "vampyhost", None)
    receipt = AdherenceReport.check(audio, wishes, ControlExtractor(None))
    assert list(receipt.missing) == ["chords"] and "jasco[chords]" in receipt.missing["chords"]
    assert list(receipt.main) == ["drums", "melody"]
    assert "chords" not in " ".join(receipt.lines())
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingPartError, match=r"jasco\[plot\]"):
        save_figure(tmp_path / "a.png", receipt, audio)
    assert list(tmp_path.iterdir()) == []


def test_without_mir_eval_chords_are_heard_and_not_scored(
    chordino: Path, band: list[tuple[Audio, Conditions]], monkeypatch: pytest.MonkeyPatch
) -> None:
    audio, wishes = band[0]
    monkeypatch.setitem(sys.modules, "mir_eval", None)
    receipt = AdherenceReport.check(
        audio, wishes.without("drums", "melody"), ControlExtractor(None)
    )
    assert "jasco[eval]" in receipt.missing["chords"] and receipt.main == {}
    assert receipt.lines()[0].split() == ["chords", "not", "scored"]
    assert receipt.heard.chords


def test_the_picture_shows_right_and_wrong(
    receipts: list[AdherenceReport], band: list[tuple[Audio, Conditions]], tmp_path: Path
) -> None:
    """Green marks are what is as asked for, red ones what is not."""
    shares = []
    for number, receipt in enumerate(receipts):
        title = f"{number}: 100 $ for a song in 日本語, $x_"
        path = save_figure(tmp_path / f"{number}.png", receipt, band[0][0], title=title)
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
def test_a_short_or_silent_take_has_a_receipt(
    chordino: Path, duration: float, tmp_path: Path
) -> None:
    silence = Audio(torch.zeros(2, round(32000 * duration)), 32000)
    wishes = Conditions("a", [("C", 0.0)], silence, Melody.from_notes([(60, 0, 1)]))
    receipt = AdherenceReport.check(silence, wishes, ControlExtractor(None))
    assert receipt.main == {"chords": 0, "melody": 0}  # no onsets were asked for
    assert "f1 undefined" in receipt.lines()[3] and "silence" in receipt.lines()[-1]
    assert save_figure(tmp_path / "a.png", receipt, silence).is_file()
    assert "drums.f1" not in receipt.plain()
