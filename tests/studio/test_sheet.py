"""Sheets of the page: chords of every source in beats, and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from jasco.charts import load_chart
from jasco.chords import CHORD_NAMES, ChordProgression
from jasco.conditions import Conditions
from jasco.errors import ChordError, JascoError, SettingError
from jasco.melody import Melody
from jasco.model import Jasco
from jasco.pipeline.request import Request
from jasco.studio import sheet, uploads
from jasco.studio.requests import values_of
from jasco.studio.workspace import Workspace

SAMPLES = Path(__file__).resolve().parents[2] / "assets" / "samples"


def test_bars_become_beats_whatever_the_tempo() -> None:
    for bpm in (60, 96, 143.7):
        found = sheet.sheet_of_text("C . Am7 . | F G7 | % | Dm", bpm, "4/4")
        assert found["chords"][:4] == [[0, "C"], [2, "Am7"], [4, "F"], [6, "G7"]]
        assert (found["bars"], found["metre"], found["bpm"]) == (4, "4/4", bpm)


def test_a_chord_that_begins_the_last_bar_of_a_take_is_kept() -> None:
    chords = ChordProgression.parse("Em7 A7 | D | Em7 | A7", bpm=120)
    model = Jasco.from_pretrained("demo")
    out = model.generate(Conditions("funk", chords=chords), seed=3, duration=8.0, steps=1)
    settings = uploads.restored(out.recipe[0])
    expected = [[0, "Em7"], [2, "A7"], [4, "D"], [8, "Em7"], [12, "A7"]]
    assert settings["sheet"]["chords"] == expected
    assert (settings["sheet"]["bpm"], settings["sheet"]["bars"]) == (120, 4)
    assert (settings["text"], settings["seed"], settings["steps"]) == ("funk", 3, 1)


def test_a_chart_gives_chords_and_melody_in_beats_of_its_metre() -> None:
    found = sheet.sheet_of_chart(load_chart(SAMPLES / "tune.mid"))
    assert found["melody"] and all(key in range(128) for key, _, _ in found["melody"])
    assert found["bars"] * 4 >= max(at + long for _, at, long in found["melody"])


def test_every_chord_has_a_voicing() -> None:
    voicings = sheet.voicings()
    assert set(voicings) == set(CHORD_NAMES)
    assert [key % 12 for key in voicings["C/E"]] == [4, 7, 0, 4]
    assert not voicings["N"]


def test_a_request_of_the_page_is_that_of_the_command_line(tmp_path: Path) -> None:
    page = {"text": "bossa", "chords": "C | Am", "bpm": 96, "metre": "4/4", "bars": 2, "seed": 5}
    page |= {"drums": {"pattern": "bossa"}, "melody": [[60, 0, 1], [64, 1, 2]]}
    built = Request.build(values_of(page, Workspace(), tmp_path / "a.flac"))
    assert (built.text, built.seed, built.duration) == ("bossa", 5, 5.0)
    assert built.controls["chords"].onsets == (0.0, 2.5)
    melody = built.controls["melody"]
    assert isinstance(melody, Melody)
    assert [key for key, _, _ in melody.notes()] == [60, 64]


@pytest.mark.parametrize(
    "page",
    [
        None,
        [],
        {"text": 3},
        {"chords": "/etc/passwd.lab"},
        {"chords": ["C"]},
        {"drums": {"pattern": "../beat.wav"}},
        {"drums": {"file": "../../etc/passwd"}},
        {"drums": {"file": ["a"]}},
        {"drums": {"codes": [-1]}},
        {"drums": 3},
        {"melody": [[60, 0]]},
        {"melody": "x"},
        {"bars": 10**9},
        {"bars": "4"},
        {"bpm": "fast"},
        {"metre": "4/0"},
        {"best_of": 1000},
        {"edit": {"kind": "edit", "take": "x"}},
        {"edit": {"kind": "delete"}},
    ],
)
def test_a_request_that_no_page_makes_is_refused(page: object, tmp_path: Path) -> None:
    given = {"text": "funk", **page} if isinstance(page, dict) else page
    with pytest.raises(JascoError):
        values_of(given, Workspace(), tmp_path / "a.flac")


def test_unreadable_chords_name_their_place() -> None:
    with pytest.raises(ChordError, match="'Hx' at position 2"):
        sheet.sheet_of_text("C Hx", 96, "4/4")


def test_a_workspace_forgets_files_and_shows_names_only() -> None:
    workspace = Workspace()
    kept = workspace.place("../../beat<1>.wav")
    kept.path.write_bytes(b"")
    assert kept.path.parent == workspace.file(kept.id).path.parent
    assert (kept.name, kept.path.suffix) == ("beat_1_.wav", ".wav")
    assert workspace.shown(f"{kept.path}: empty") == "beat_1_.wav: empty"
    workspace.drop(kept.id)
    with pytest.raises(SettingError, match="drop it once more"):
        workspace.file(kept.id)
    assert not kept.path.exists()
