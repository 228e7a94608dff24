"""Descriptions from names of files, tags and captions."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from jasco.audio import save_audio
from jasco.data.manifest import Recording
from jasco.prepare.descriptions import of_name, of_tags, remarks, with_descriptions


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("01 - lofi_piano.wav", "lofi piano"),
        ("slowBossaNova-take 2 (2021).flac", "slow bossa nova"),
        ("Track 07.mp3", ""),
        ("Übung für Cello.ogg", "übung für cello"),
        ("[demo] funk v3 FINAL.wav", "funk"),
    ],
)
def test_names(name, text):
    assert of_name(Path(name)) == text


def test_tags(tmp_path):
    for suffix in ("flac", "mp3", "ogg"):
        path = tmp_path / f"a.{suffix}"
        tags = {"GENRE": "bossa nova", "TITLE": "Rio"}
        save_audio(path, torch.zeros(1, 16000), 32000, loudness=None, tags=tags)
        assert "Rio" in of_tags(path) or "bossa nova" in of_tags(path)
    assert of_tags(tmp_path / "missing.wav") == ""


def test_repeated_recordings_are_named(tmp_path):
    for name in ("a.wav", "b.wav", "c.wav"):
        (tmp_path / name).write_bytes(b"x" if name == "b.wav" else b"same")
    lengths = {"a.wav": 60.0, "b.wav": 50.0, "c.wav": 60.0, "A.mp3": 60.1, "b.mp3": 90.0}
    songs = [Recording(tmp_path / n, {"text": "x", "duration": d}) for n, d in lengths.items()]
    line, _ = remarks(songs)
    assert line == "2 of 5 recordings repeat others: c.wav (as a.wav), A.mp3 (as a.wav)"


def test_what_has_a_description_keeps_it(tmp_path):
    (tmp_path / "b.txt").write_text("a slow\n  waltz\n")
    songs = [
        Recording(tmp_path / "a.wav", {"description": "funk", "duration": 60.0}),
        Recording(tmp_path / "b.wav", {"duration": 60.0}),
        Recording(tmp_path / "c.wav", {}),
    ]
    found = with_descriptions(songs, "caption")
    assert found[0] is songs[0] and found[2] is songs[2]
    assert found[1].fields == {"duration": 60.0, "text": "a slow waltz"}
    lacking, short = remarks(found)
    assert lacking == "1 of 3 recordings have no description: c.wav"
    assert short.startswith("2.0 minutes of music")
    long = [Recording(tmp_path / "d.wav", {"text": "x", "duration": 900.0})]
    assert remarks(long) == []
